// From one command to another of the same workspace, to other workspaces, and to what people on the host run.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Attempt, files, type Ran, type World } from "./world.ts";

/** A command that runs beside others until they are done. */
interface Beside {
  readonly mark: string;
  /** Lets it end. */
  end(): Promise<Ran>;
}

async function beside(world: World, script: string, more: Parameters<World["run"]>[2] = {}): Promise<Beside> {
  const mark = `beside-${randomUUID()}`;
  const wait = `${script}; : >"$1.there"; until [ -e "$1.end" ]; do sleep 0.02; done; printf whole`;
  const running = world.run(["/bin/sh", "-c", wait, "sh", mark], world.state, more);
  await world.sh(`until [ -e "$1.there" ]; do sleep 0.01; done`, mark);
  return {
    mark,
    end: async () => {
      await world.sh(`: >"$1.end"`, mark);
      return await running;
    },
  };
}

const CONNECT_UNIX = `use Socket; for my $path (@ARGV) { $path =~ s/^@/\\0/; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
  print connect($s, pack("Sa*", 1, $path)) ? "connected" : $!+0, " " }`;

export const NEIGHBOURS: readonly Attempt[] = [
  {
    name: "see, signal or trace another command of the same workspace",
    async run(world) {
      const other = await beside(world, "true");
      const { out } = await world.sh(
        // The first process here has these very words among its own.
        `grep -ls -- "$1-$2" /proc/[0-9]*/cmdline; kill -9 -1; echo end`,
        ...other.mark.split(/-(.*)/s),
      );
      const { exit, out: theirs } = await other.end();
      assert.ok(!out.includes("cmdline"), out);
      assert.deepEqual({ exit, theirs }, { exit: 0, theirs: "whole" });
    },
  },
  {
    name: "read the secret files of another command",
    async run(world) {
      const bytes = Buffer.from(world.secret);
      const given = [{ path: "/run/secrets/key", bytes }];
      const other = await beside(world, "cat /run/secrets/key", { files: given });
      const look = `ls -A /run/secrets; grep -rls SECRET- /run /tmp /var/tmp /dev/shm /home /workspace /inputs /mnt
        for p in /proc/[0-9]*; do cat $p/root/run/secrets/key; done`;
      const during = await world.sh(look);
      const { out } = await other.end();
      assert.equal(out, `${world.secret}whole`);
      assert.equal(during.out, "");
      assert.equal((await world.sh(look)).out, "");
    },
  },
  {
    name: "change or keep the secret files of its own command",
    async run(world) {
      const given = [{ path: "/run/secrets/key", bytes: Buffer.from(world.secret) }];
      const script = `chmod 666 /run/secrets/key; (echo x >/run/secrets/key) 2>/dev/null; rm -f /run/secrets/key
        mv /run/secrets /run/elsewhere; ln /run/secrets/key /workspace/kept; (echo x >/run/secrets/new) 2>/dev/null
        cat /run/secrets/key; stat -c ' %a' /run/secrets/key; ls -A /run/secrets; ls kept 2>/dev/null`;
      const { out } = await world.run(["/bin/sh", "-c", script], world.state, { files: given });
      assert.equal(out, `${world.secret} 400\nkey\n`);
    },
  },
  {
    name: "speak to the session bus, and so to the keychain",
    async run(world) {
      if (!existsSync("/usr/bin/dbus-daemon")) return;
      const path = join(world.folder, "bus");
      const name = `cloister-bus-${world.secret.slice(-12)}`;
      const address = `unix:path=${path};unix:abstract=${name}`;
      const listen = `--address=${address}`;
      const bus = spawn("dbus-daemon", ["--session", "--nofork", "--print-address=1", listen], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      process.env["DBUS_SESSION_BUS_ADDRESS"] = address;
      try {
        // It refuses users that the host does not know; then it is the addresses alone that must not be there.
        const heard = await Promise.race([once(bus.stdout, "data"), once(bus, "close")]);
        assert.ok(Buffer.isBuffer(heard[0]) || process.getuid?.() !== 0, String(heard));
        const { out } = await world.perl(
          CONNECT_UNIX,
          path,
          `@${name}`,
          "/run/dbus/system_bus_socket",
          "/run/user/bus",
        );
        assert.match(out, /^2 111 2 2 $/);
        const { out: told } = await world.sh("env | grep -i -E 'dbus|xdg|display|ssh|gpg|wayland'; echo end");
        assert.equal(told, "end\n");
      } finally {
        delete process.env["DBUS_SESSION_BUS_ADDRESS"];
        if (bus.exitCode === null && bus.kill("SIGKILL")) await once(bus, "close");
      }
    },
  },
  {
    name: "see the host's shared memory, semaphores and message queues",
    async run(world) {
      const made = spawnSync("ipcmk", ["-M", "64", "-p", "0666"], { encoding: "utf8" });
      const id = /\d+/.exec(made.stdout)?.[0] ?? "";
      const shared = `/dev/shm/cloister-${world.secret.slice(-12)}`;
      writeFileSync(shared, world.secret, { mode: 0o644 });
      try {
        assert.notEqual(id, "");
        const { out } = await world.perl(
          `print shmread($ARGV[0], my $b, 0, 8) ? "read $b" : "no segment", "\\n";
          open(F, "<", "/proc/sysvipc/shm") and print scalar(() = <F>), "\\n"; print -e $ARGV[1] ? "there" : "not there"`,
          id,
          shared,
        );
        // The list has a heading and nothing else.
        assert.equal(out, "no segment\n1\nnot there");
      } finally {
        spawnSync("ipcrm", ["-m", id]);
        rmSync(shared, { force: true });
      }
    },
  },
  {
    name: "reach a service in another workspace",
    async run(world) {
      const other = await world.sandbox.create({ id: "other", ttlMs: 60_000, diskBytes: 1024 * 1024 });
      try {
        const listener = `use Socket; socket(my $l, PF_INET, SOCK_STREAM, 0); bind($l, pack_sockaddr_in(4567, INADDR_ANY));
          listen($l, 5); open(F, ">", "listening"); close F; accept(my $s, $l); print "visited"`;
        const stop = new AbortController();
        const more = { inputs: [], sharesLoopback: true, signal: stop.signal };
        const serving = world.run(["/usr/bin/perl", "-e", listener], other, more);
        await world.run(["sh", "-c", "until [ -e listening ]; do sleep 0.01; done"], other, { inputs: [] });
        const reach = `use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0);
          print connect($s, pack_sockaddr_in(4567, inet_aton("127.0.0.1"))) ? "connected" : $!+0`;
        for (const sharesLoopback of [false, true]) {
          const { out } = await world.run(["/usr/bin/perl", "-e", reach], world.state, { sharesLoopback });
          assert.equal(out, "111");
        }
        stop.abort();
        assert.equal((await serving).out, "");
      } finally {
        await world.sandbox.stop(other);
      }
    },
  },
  {
    name: "list the host's sockets and connections",
    async run(world) {
      const { out } = await world.sh(
        `for f in tcp tcp6 udp udp6 raw unix packet; do tail -n +2 /proc/net/$f; done 2>/dev/null; ls /sys/class/net 2>/dev/null; true`,
      );
      assert.equal(out, "");
      assert.ok(readFileSync("/proc/net/unix", "utf8").split("\n").length > 2);
    },
  },
  {
    name: "leave a trap for the next command",
    async run(world) {
      await world.sh(`for f in .profile .bashrc .bash_profile .perldb; do echo 'echo trapped' >/home/user/$f; done
        for f in ls sh env node prlimit; do printf '#!/bin/sh\\necho trapped\\n' >$f; chmod 755 $f; done
        mkdir -p /tmp/bin; cp ls /tmp/bin; (cp ls /run/cloister/bin/ls) 2>/dev/null; (cp ls /run/cloister/start/cloister) 2>/dev/null`);
      const { out } = await world.sh(`for p in ls sh env; do command -v $p; done; printf '%s\\n' "$PATH"; ls -d /usr`);
      assert.equal(
        out,
        "/usr/bin/ls\n/usr/bin/sh\n/usr/bin/env\n/run/cloister/bin:/usr/local/bin:/usr/bin:/bin\n/usr\n",
      );
      await world.sh("rm -rf /home/user/.[a-z]* ls sh env node prlimit /tmp/bin");
    },
  },
  {
    name: "take away or replace the folders that are mounted",
    async run(world) {
      const { out } =
        await world.sh(`cd /; for d in /workspace /home/user /tmp /var/tmp /dev/shm /run/user /inputs/data; do
          mv $d $d.away 2>/dev/null && echo "moved $d"; rmdir $d 2>/dev/null && echo "removed $d"
          ln -sfn / $d/link 2>/dev/null; done; rm -f /workspace/link`);
      assert.equal(out, "");
      const { out: after } = await world.sh(
        "stat -c '%F %n' /workspace /home/user /tmp /inputs/data; cat /inputs/data/table.csv",
      );
      const still = ["/workspace", "/home/user", "/tmp", "/inputs/data"].map((path) => `directory ${path}\n`).join("");
      assert.equal(after, `${still}a,b\n1,2\n`);
      await world.sh("rm -f /home/user/link /tmp/link /var/tmp/link /dev/shm/link /run/user/link");
    },
  },
  {
    name: "plant links where a later input is unpacked",
    async run(world) {
      await world.sh("ln -s /etc /workspace/late; ln -s / /tmp/late; ln -s / /home/user/late");
      await world.sandbox.fill(world.state, { input: "late" }, files({ "etc/passwd": "theirs" }));
      await world.sandbox.fill(world.state, "workspace", files({ "fresh/passwd": "ours" }));
      const inputs = [{ source: "late", path: "/inputs/late" }];
      const { out } = await world.run(["cat", "/inputs/late/etc/passwd", "/workspace/fresh/passwd"], world.state, {
        inputs,
      });
      assert.equal(out, "theirsours");
      const through = world.sandbox.fill(world.state, "workspace", files({ "late/passwd": "through" }));
      await through.catch(() => undefined);
      assert.ok(!readFileSync("/etc/passwd", "utf8").includes("through"));
      await world.sh("rm -rf /workspace/late /workspace/fresh /tmp/late /home/user/late");
    },
  },
];
