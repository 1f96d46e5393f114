// What a process could make of itself: more rights, more room, another kernel interface, another program.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { SYSCALLS } from "../../../src/sandbox/filter/syscalls.ts";
import { type Attempt, files, type World } from "./world.ts";

/** Calls about the machine as a whole, of those that this architecture has. */
const MACHINE = [
  ...[
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
  ],
  ...["setdomainname", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "quotactl"],
  ...["iopl", "ioperm", "vhangup", "modify_ldt", "uselib", "syslog"],
].filter((name) => SYSCALLS[process.arch]?.denied[name] !== undefined);

/** Numbers that the filter has no reason to know. */
const SETXATTR = process.arch === "arm64" ? 5 : 188;
const MEMFD_CREATE = process.arch === "arm64" ? 279 : 319;

/**
 * A program of a few machine instructions: one system call through another entry to the kernel, then exit_group(2) with
 * the negated result. x64 only.
 */
function tinyProgram(code: readonly number[]): Buffer {
  const exit = [0x89, 0xc7, 0xf7, 0xdf, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05];
  const body = Buffer.from([...code, ...exit]);
  const elf = Buffer.alloc(120);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(elf);
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(0x3e, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(0x400078n, 24);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64);
  elf.writeUInt32LE(5, 68);
  elf.writeBigUInt64LE(0x400000n, 80);
  elf.writeBigUInt64LE(0x400000n, 88);
  elf.writeBigUInt64LE(BigInt(120 + body.length), 96);
  elf.writeBigUInt64LE(BigInt(120 + body.length), 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, body]);
}

async function runTiny(world: World, code: readonly number[]): Promise<number> {
  const program = tinyProgram(code);
  const read = async function* () {
    yield program;
  };
  const file = { path: "tiny", kind: "executable" as const, bytes: program.length, read };
  await world.sandbox.fill(
    world.state,
    "workspace",
    (async function* () {
      yield file;
    })(),
  );
  const { exit } = await world.run(["/workspace/tiny"]);
  await world.sh("rm -f tiny");
  return exit;
}

export const PROCESSES: readonly Attempt[] = [
  {
    name: "raise its own limits",
    async run(world) {
      const { out } = await world.sh(`for l in -n -u -f -c; do hard=$(ulimit -H $l)
          [ "$hard" = unlimited ] && echo "no limit $l"; (ulimit $l unlimited) 2>/dev/null && echo "raised $l"; done
        prlimit --nproc=unlimited:unlimited --pid $$ 2>/dev/null && echo "raised by prlimit"
        (echo -1000 >/proc/self/oom_score_adj) 2>/dev/null && echo "never killed"; true`);
      assert.equal(out, "");
    },
  },
  {
    name: "run before everybody else: real-time and higher priority",
    async run(world) {
      const { out } = await world.sh(`chrt -f 1 echo real-time 2>/dev/null; chrt -r 1 echo round 2>/dev/null
        ionice -c 1 -n 0 echo disk 2>/dev/null; nice -n -5 sh -c '[ $(nice) -lt 0 ] && echo nicer' 2>/dev/null; true`);
      assert.equal(out, "");
    },
  },
  {
    name: "run a program that has no file",
    async run(world) {
      const { out } =
        await world.perl(`my $n = "x"; my $fd = syscall(${String(MEMFD_CREATE)}, $n, 0); open(my $to, ">&=", $fd);
        open(my $from, "<", "/bin/sh"); binmode $from; binmode $to; { local $/; print {$to} readline($from) } $to->flush;
        exec { "/proc/self/fd/$fd" } "sh", "-c", 'grep -E "^(NoNewPrivs|Seccomp|CapEff|CapBnd):" /proc/self/status'`);
      // It may; what it runs is confined like any other.
      const none = "0000000000000000";
      assert.equal(out, `CapEff:\t${none}\nCapBnd:\t${none}\nNoNewPrivs:\t1\nSeccomp:\t2\n`);
    },
  },
  {
    name: "call the kernel by its 32-bit entry",
    async run(world) {
      if (process.arch !== "x64") return;
      // mov eax, 20 (getpid there); int 0x80
      const exit = await runTiny(world, [0xb8, 20, 0, 0, 0, 0xcd, 0x80]);
      assert.equal(exit, 128 + 31);
    },
  },
  {
    name: "call the kernel by its x32 numbers",
    async run(world) {
      if (process.arch !== "x64") return;
      // mov eax, 0x40000027 (getpid); syscall. The negated result: EPERM, or ENOSYS where the kernel has no x32.
      const exit = await runTiny(world, [0xb8, 0x27, 0, 0, 0x40, 0x0f, 0x05]);
      assert.ok([1, 38, 128 + 31].includes(exit), String(exit));
      // The same call by its ordinary number works: the program does what it should.
      const ordinary = await runTiny(world, [0xb8, 0x27, 0, 0, 0, 0x0f, 0x05]);
      assert.ok(ordinary > 200, String(ordinary));
    },
  },
  {
    name: "change the machine: clock, name, modules, swap, kernel, power",
    async run(world) {
      const { out } = await world.perl(
        `my $zero = "\\1\\0\\0\\0" x 64; for my $n (@ARGV) { my $r = syscall($nr{$n}, 0, $zero, 0, 0); print "$n $r ", $!+0, "\\n" }`,
        ...MACHINE,
      );
      assert.equal(out, MACHINE.map((name) => `${name} -1 1\n`).join(""));
    },
  },
  {
    name: "give a file capabilities, or marks that the kernel trusts",
    async run(world) {
      const { out } =
        await world.perl(`open(F, ">", "marked"); close F; my $f = "marked"; my $v = pack("V5", 0x02000001, 0xffffffff, 0, 0, 0);
        for my $name ("security.capability", "trusted.overlay.opaque") { my $n = $name;
          print syscall(${String(SETXATTR)}, $f, $n, $v, 20, 0) == 0 ? "set $name " : "no " } unlink $f`);
      assert.equal(out, "no no ");
    },
  },
  {
    name: "keep a privileged helper by a set-user-id file among its inputs",
    async run(world) {
      const bytes = readFileSync("/usr/bin/id");
      const read = async function* () {
        yield bytes;
      };
      const entry = { path: "id", kind: "executable" as const, bytes: bytes.length, read };
      await world.sandbox.fill(
        world.state,
        { input: "tools" },
        (async function* () {
          yield entry;
        })(),
      );
      const inputs = [{ source: "tools", path: "/inputs/tools" }];
      const script =
        "stat -c %a /inputs/tools/id; chmod 4755 /inputs/tools/id 2>/dev/null; /inputs/tools/id -u; findmnt -no OPTIONS /inputs/tools 2>/dev/null || grep ' /inputs/tools ' /proc/self/mounts";
      const { out } = await world.run(["/bin/sh", "-c", script], world.state, { inputs });
      assert.match(out, /^755\n1000\n/);
      assert.match(out, /nosuid/);
      assert.match(out, /nodev/);
    },
  },
  {
    name: "learn the host's paths and people from /proc",
    async run(world) {
      const { out } =
        await world.sh(`cat /proc/self/mountinfo /proc/self/mounts /proc/1/cmdline /proc/self/maps /etc/passwd
        /etc/group /etc/hosts /proc/sys/kernel/hostname /proc/self/cgroup 2>/dev/null; hostname; cat /proc/[0-9]*/cmdline`);
      assert.ok(out.length > 500);
      for (const text of [world.folder, world.secret, readFileSync("/proc/sys/kernel/hostname", "utf8").trim()]) {
        if (text.length > 2) assert.ok(!out.includes(text), text);
      }
      assert.ok(homedir() === "/root" || !out.includes(homedir()), homedir());
    },
  },
  {
    name: "use /sys and control groups",
    async run(world) {
      const { out } = await world.sh(`ls -A /sys 2>/dev/null; (mkdir -p /sys/fs/cgroup/mine) 2>/dev/null && echo made
        mount -t cgroup2 none /tmp 2>/dev/null && echo mounted; mount -t sysfs none /tmp 2>/dev/null && echo mounted; true`);
      assert.equal(out, "");
    },
  },
  {
    name: "open the host's terminals and consoles",
    async run(world) {
      const { out } = await world.perl(`opendir(D, "/dev/pts"); print join(" ", sort grep { !/^\\./ } readdir D), "\\n";
        for my $t (qw(/dev/tty /dev/console /dev/tty0 /dev/tty1 /dev/ttyS0 /dev/hvc0 /dev/vcs)) {
          open(F, "+<", $t) and print "opened $t\\n" }`);
      assert.equal(out, "ptmx\n");
    },
  },
  {
    name: "find more descriptors than the three it is given",
    async run(world) {
      const { out } =
        await world.perl(`opendir(D, "/proc/self/fd"); for (sort { $a <=> $b } grep { /^\\d+$/ } readdir D) {
        my $to = readlink("/proc/self/fd/$_"); print $to =~ /^pipe:/ ? "$_ pipe\\n" : "$to\\n" }`);
      const lines = out.trim().split("\n");
      assert.deepEqual(lines.slice(0, 3), ["0 pipe", "1 pipe", "2 pipe"]);
      // Its own view of the folder, and the harmless stand-in for what the caller's parent left open.
      for (const line of lines.slice(3)) assert.match(line, /^(\/proc\/\d+\/fd|\/dev\/null)$/);
    },
  },
  {
    name: "bring the caller's variables in, or its own where they count",
    async run(world) {
      const names = [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV",
        "NODE_OPTIONS",
        "PYTHONPATH",
        "PERL5OPT",
        "AWS_SECRET_ACCESS_KEY",
      ];
      for (const name of names) process.env[name] ??= name.startsWith("LD_") ? "" : `/nowhere/${world.secret}`;
      try {
        const { out, err } = await world.sh("env; cat /proc/1/environ");
        assert.ok(!out.includes(world.secret) && !err.includes(world.secret), out);
        for (const name of names) assert.ok(!out.includes(`${name}=`), name);
      } finally {
        for (const name of names) delete process.env[name];
      }
      await assert.rejects(world.run(["true"], world.state, { env: { "A=B": "x" } }), /cannot be the name/);
      // An empty name, a value with lines: neither makes another variable.
      const { out } = await world.run(["sh", "-c", 'printf %s "$GIVEN"; env | grep -c ^INJECTED'], world.state, {
        env: { GIVEN: "a\nINJECTED=1" },
      });
      assert.match(out, /^a\nINJECTED=1/);
    },
  },
  {
    name: "pass options to the sandbox in the command",
    async run(world) {
      for (const argv of [["--bind", "/", "/mnt"], ["--", "--dev-bind", "/", "/"], ["--share-net"], ["-c", "id"]]) {
        const { exit, out } = await world.run(argv);
        assert.ok([1, 126, 127].includes(exit), `${argv.join(" ")} ${String(exit)}`);
        assert.equal(out, "");
      }
      await assert.rejects(world.run(["true\0--bind\0/\0/mnt"]), /NUL/);
      await assert.rejects(world.run(["true"], world.state, { env: { A: "x\0--bind\0/\0/mnt" } }), /NUL/);
    },
  },
  {
    name: "fill the descriptors, pipes and queues of the machine",
    async run(world) {
      const { out } = await world.perl(
        `my @f; while (pipe(my $a, my $b)) { push @f, $a, $b; last if @f > 200000 } print scalar(@f) < 70000 ? "bounded" : "unbounded"`,
      );
      assert.equal(out, "bounded");
      assert.equal((await world.sh("echo alive")).out, "alive\n");
      const read = readFileSync("/proc/sys/fs/file-nr", "utf8").split("\t").map(Number);
      assert.ok((read[0] ?? 0) < (read[2] ?? 0));
    },
  },
  {
    name: "swap a folder for a link while it is collected",
    async run(world) {
      await world.sandbox.fill(world.state, "workspace", files({ "swap/in/id_ed25519": "mine" }));
      const stop = new AbortController();
      const script = `open(F, ">", "swapping"); close F; for (;;) { rename("swap/in", "swap/away"); symlink($ARGV[0], "swap/in");
        unlink "swap/in"; rename("swap/away", "swap/in") }`;
      const home = world.keyPath.slice(0, world.keyPath.lastIndexOf("/"));
      const swapping = world.run(["/usr/bin/perl", "-e", script, home], world.state, { signal: stop.signal });
      await world.sh("until [ -e swapping ]; do sleep 0.01; done");
      for (let round = 0; round < 15; round++) {
        const { texts } = await world.collect("swap");
        assert.ok(!JSON.stringify(texts).includes(world.secret));
        const { texts: direct } = await world.collect("swap/in/id_ed25519");
        assert.ok(
          Object.values(direct).every((text) => text === "" || text === "mine"),
          JSON.stringify(direct),
        );
      }
      stop.abort();
      await swapping;
      await world.sh("rm -rf swap swapping");
    },
  },
  {
    name: "bury outputs in thousands of folders",
    async run(world) {
      const { out } = await world.perl(
        `mkdir "deep"; chdir "deep"; for (1 .. 1500) { mkdir "d" or last; chdir "d" } open(F, ">", "end"); print F "x"; print "made"`,
      );
      assert.equal(out, "made");
      const { error } = await world.collect("deep");
      // Longer than any path that can be unpacked again: refused in words, not by a crash or for ever.
      assert.ok(error === undefined || /deep|path|long|leave/.test(error.message), String(error));
      await world.sh("rm -rf deep");
    },
  },
  {
    name: "make outputs unreadable",
    async run(world) {
      await world.sh("mkdir -p shut/in; echo x >shut/in/file; echo y >shut/closed; chmod 000 shut/in shut/closed");
      const { error } = await world.collect("shut");
      assert.match(error?.message ?? "", /could not be read from the workspace/);
      await world.sh("chmod -R u+rwx shut; rm -rf shut");
    },
  },
];
