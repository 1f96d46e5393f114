import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Attempt, files } from "./world.ts";

export const HOST_FILES: readonly Attempt[] = [
  {
    name: "read a host file by its path, through /proc roots and upwards",
    async run(world) {
      const { out } = await world.sh(
        `cat "$1" "/proc/1/root$1" "/proc/self/root$1" "/proc/1/cwd$1" "../../..$1" "/mnt$1" /proc/*/root"$1"; ls "$2"`,
        world.keyPath,
        world.folder,
      );
      assert.equal(out, "");
    },
  },
  {
    name: "read ~/.ssh",
    async run(world) {
      const { out } = await world.sh(`ls -A ~; ls -A /root; cat ~/.ssh/* /root/.ssh/* /home/*/.ssh/*`);
      assert.equal(out, "");
    },
  },
  {
    name: "read the caller's environment and command line",
    async run(world) {
      process.env["CLOISTER_TEST_MARK"] = world.secret;
      const { out } = await world.sh(`env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'`);
      assert.ok(out.includes("HOME=/home/user"));
      assert.ok(!out.includes(world.secret) && !out.includes("CLOISTER_TEST_MARK"));
    },
  },
  {
    name: "write to an input",
    async run(world) {
      await world.sh(`cd /inputs/data; echo x >table.csv; echo x >new; rm -f table.csv; mv table.csv other
        chmod 777 . table.csv; mount -o remount,rw /inputs/data; exec 5<table.csv; echo x >/proc/self/fd/5`);
      const { out } = await world.sh("cd /inputs/data; ls -A; cat table.csv; stat -c %a table.csv");
      assert.equal(out, "table.csv\na,b\n1,2\n644\n");
    },
  },
  {
    name: "write to /usr, /etc and /",
    async run(world) {
      const name = `cloister-${randomUUID()}`;
      const { out } = await world.sh(
        `for d in / /usr /usr/bin /usr/local/bin /etc /bin /lib /run /dev /proc /inputs /run/cloister/bin; do
          (echo x >"$d/$1") 2>/dev/null && echo "$d"; done`,
        name,
      );
      assert.equal(out, "");
      for (const folder of ["/", "/usr", "/usr/bin", "/usr/local/bin", "/etc"]) {
        assert.ok(!existsSync(join(folder, name)), folder);
      }
    },
  },
  {
    name: "make a device node and open the host's disks and memory",
    async run(world) {
      const { out } = await world.sh(`mknod /workspace/mem c 1 1; mknod /workspace/disk b 8 0; mknod /tmp/null c 1 3
        for d in /workspace/mem /workspace/disk /tmp/null /dev/mem /dev/kmem /dev/kmsg /dev/vda /dev/sda /dev/kvm \\
          /dev/fuse /dev/net/tun; do [ -e $d ] && echo $d; done; cat /proc/kcore /proc/kallsyms /proc/kmsg`);
      assert.equal(out, "");
    },
  },
  {
    name: "open a host file by its handle",
    async run(world) {
      const { out } = await world.perl(`my $h = pack("Ii", 8, 1) . ("\\0" x 8); opendir(my $d, "/usr");
        for my $n (qw(open_by_handle_at name_to_handle_at)) { my $r = syscall($nr{$n}, 5, $h, 0, 0, 0);
        print "$n $r ", $!+0, "\\n" }`);
      assert.equal(out, "open_by_handle_at -1 1\nname_to_handle_at -1 1\n");
    },
  },
  {
    name: "gain rights through set-user-id programs and LD_PRELOAD",
    async run(world) {
      const { out } =
        await world.sh(`cp /usr/bin/perl p; chmod 6755 p; LD_PRELOAD=/workspace/evil.so ./p -e 'print "$> $)\\n"'
        su -c 'id -u' 2>/dev/null </dev/null; grep -E '^(NoNewPrivs|Cap(Eff|Prm|Bnd|Amb))' /proc/self/status`);
      const none = "0000000000000000";
      assert.deepEqual(out.trim().split(/\n/), [
        "1000 1000",
        `CapPrm:\t${none}`,
        `CapEff:\t${none}`,
        `CapBnd:\t${none}`,
        `CapAmb:\t${none}`,
        "NoNewPrivs:\t1",
      ]);
    },
  },
  {
    name: "read another workspace's volume",
    async run(world) {
      const other = await world.sandbox.create({ id: "other", ttlMs: 60_000, diskBytes: 4 * 1024 * 1024 });
      try {
        await world.sandbox.fill(other, "workspace", files({ secret: world.secret }));
        await world.sandbox.fill(other, { input: "theirs" }, files({ secret: world.secret }));
        const inside = await world.run(["cat", "/workspace/secret"], other, { inputs: [] });
        assert.equal(inside.out, world.secret);
        const { out } = await world.sh(
          `grep -rs "$1" /workspace /tmp /var/tmp /home /run /inputs /dev/shm /mnt /etc; ls /mnt /proc/*/root/mnt
           for p in /proc/[0-9]*; do cat $p/root/mnt/work/secret $p/cwd/secret; done`,
          "SECRET-",
        );
        assert.equal(out, "");
      } finally {
        await world.sandbox.stop(other);
      }
    },
  },
  {
    name: "change a host file that is standard input, by opening it again",
    async run(world) {
      const text = readFileSync(world.keyPath, "utf8");
      const { status } = await world.again("stdin", `echo stolen >/proc/self/fd/0; echo stolen >/dev/stdin; true`, {
        input: world.keyPath,
      });
      assert.equal(status, 0);
      assert.equal(readFileSync(world.keyPath, "utf8"), text);
      assert.ok(lstatSync(world.keyPath).isFile());
    },
  },
  {
    name: "use a descriptor that the caller's parent left open",
    async run(world) {
      const script = `perl -e 'open(F, "<&=40") and print <F>'; cat /proc/self/fd/40; ls /proc/self/fd/40/; readlink /proc/self/fd/*; echo end`;
      const { stdout } = await world.again("stdin", script, { leak: world.keyPath });
      assert.ok(!stdout.includes(world.secret), stdout);
      assert.ok(!stdout.includes("id_ed25519"), stdout);
      assert.ok(stdout.endsWith("end\n"), stdout);
    },
  },
];
