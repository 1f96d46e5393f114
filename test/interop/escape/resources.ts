import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { statfsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Attempt, DISK_BYTES, survivorsWith } from "./world.ts";

export const RESOURCES: readonly Attempt[] = [
  {
    name: "fork without end",
    async run(world) {
      const { out } =
        await world.perl(`my $n = 0; for (;;) { my $p = fork; last unless defined $p; if (!$p) { sleep 60; exit }
        last if ++$n > 6000 } print $n;`);
      assert.ok(Number(out) > 10 && Number(out) < 4096, out);
      const { exit } = await world.sh("exit 0");
      assert.equal(exit, 0);
    },
  },
  {
    name: "fill the disk",
    async run(world) {
      const { out } = await world.sh(`for d in /workspace /tmp /var/tmp /dev/shm /home/user /run/user / /dev /etc; do
          head -c 64M /dev/zero 2>/dev/null >$d/fill; done 2>/dev/null
        du -cb /workspace/fill /tmp/fill /var/tmp/fill /dev/shm/fill /home/user/fill /run/user/fill | tail -n 1 | cut -f 1
        find / -name fill ! -path '/proc/*' 2>/dev/null | wc -l
        rm -f /workspace/fill /tmp/fill /var/tmp/fill /dev/shm/fill /home/user/fill /run/user/fill`);
      const [bytes = "", count] = out.trim().split("\n");
      assert.ok(Number(bytes) > 0 && Number(bytes) <= DISK_BYTES, out);
      assert.equal(count, "6");
    },
  },
  {
    name: "use up all inodes",
    async run(world) {
      const { out } =
        await world.perl(`my $n = 0; mkdir "many"; while (open(F, ">", "many/$n")) { last if ++$n > 20000 }
        print "$n ", $!+0; unlink glob("many/*"); rmdir "many";`);
      const [count, errno] = out.split(" ").map(Number);
      assert.ok((count ?? 0) > 100 && (count ?? 0) <= DISK_BYTES / 4096 + 64, out);
      assert.equal(errno, 28);
    },
  },
  {
    name: "make a file larger than the volume",
    async run(world) {
      const { out } =
        await world.perl(`$SIG{XFSZ} = "IGNORE"; open(F, ">", "huge"); print truncate(F, 1 << 40) ? "made" : $!+0;
        unlink "huge";`);
      assert.equal(out, "27");
    },
  },
  {
    name: "leave a core dump",
    async run(world) {
      const { out, exit } = await world.sh("ulimit -c; kill -SEGV $$");
      assert.equal(out, "0\n");
      assert.equal(exit, 128 + 11);
    },
  },
  {
    name: "outlive the command with setsid and a double fork",
    async run(world) {
      const mark = `outlive-${randomUUID()}`;
      await world.perl(
        `use POSIX; exit if 0; if (!fork) { POSIX::setsid(); $SIG{$_} = "IGNORE" for qw(HUP TERM INT); if (!fork) {
          for (;;) { open(F, ">>", "beat"); print F "x"; close F; select(undef, undef, undef, 0.02) } } exit }
        select(undef, undef, undef, 0.2);`,
        mark,
      );
      const size = async () => (await world.sh("stat -c %s beat")).out;
      const before = await size();
      assert.ok(Number(before) > 0, before);
      await sleep(150);
      assert.equal(await size(), before);
      assert.deepEqual(await survivorsWith(mark), []);
    },
  },
  {
    name: "outlive the workspace's time",
    async run(world) {
      const mark = `late-${randomUUID()}`;
      const state = await world.sandbox.create({ id: "short", ttlMs: 1500, diskBytes: 1024 * 1024 });
      const script = `$SIG{$_} = "IGNORE" for qw(HUP TERM INT QUIT); setpgrp; fork; sleep 30`;
      const { exit } = await world.run(["/usr/bin/perl", "-e", script, mark], state, { inputs: [] });
      assert.equal(exit, 128 + 9);
      assert.equal(world.sandbox.alive(state), false);
      assert.deepEqual(await survivorsWith(mark), []);
    },
  },
  {
    name: "signal the holder and everything else",
    async run(world) {
      await world.sh(`kill -9 1; kill -9 ${String(world.state.pid)}; kill -STOP 1; for p in $(seq 2 100); do
        [ $p = $$ ] || kill -9 $p; done; kill -9 -1`);
      assert.equal(world.sandbox.alive(world.state), true);
      assert.equal((await world.sh("echo alive")).out, "alive\n");
    },
  },
  {
    name: "write on the host's disk",
    async run(world) {
      const before = statfsSync(world.folder).type;
      const { out } = await world.sh("df --output=fstype,target | tail -n +2");
      const writable = out.split("\n").filter((line) => !line.startsWith("tmpfs") && line.trim() !== "");
      // What is not memory is mounted read-only.
      for (const line of writable) {
        const target = line.trim().split(/\s+/)[1] ?? "";
        const options = (await world.sh(`grep " $1 " /proc/self/mounts | tail -n 1 | cut -d' ' -f4`, target)).out;
        assert.ok(target.startsWith("/dev") || options.startsWith("ro"), `${line} ${options} ${String(before)}`);
      }
    },
  },
];
