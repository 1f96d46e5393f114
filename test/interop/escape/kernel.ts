import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Attempt } from "./world.ts";

const EPERM = 1;

/** Reads settings as the host has them now. */
function settings(): string {
  return ["kernel/core_pattern", "kernel/hostname", "kernel/domainname", "vm/overcommit_memory"]
    .map((name) => readFileSync(`/proc/sys/${name}`, "utf8"))
    .join("");
}

export const KERNEL: readonly Attempt[] = [
  {
    name: "see the host's processes",
    async run(world) {
      const { out } = await world.sh(`cat /proc/[0-9]*/comm | sort`);
      // The sandbox's first process, the shell and what it runs.
      assert.ok(out.includes("bwrap\n"));
      assert.ok(out.trim().split("\n").length <= 5, out);
      assert.ok(!out.includes("node"), out);
    },
  },
  {
    name: "trace other processes, or gain from the first one",
    async run(world) {
      const { out } = await world.perl(`my $buffer = "\\0" x 64; my $iov = pack("QQ", 0, 64);
        for my $call (["ptrace", 16, 1, 0, 0], ["process_vm_readv", 1, $iov, 1, $iov, 1, 0], ["kcmp", 1, 2, 0, 0, 0],
          ["pidfd_getfd", 3, 0, 0]) { my ($n, @a) = @$call; my $r = syscall($nr{$n}, @a); print "$n $r ", $!+0, "\\n" }
        open(F, "<", "/proc/1/status"); /^(NoNewPrivs|Seccomp|CapPrm|TracerPid):/ and print while <F>;`);
      // What /proc/1/mem would let it change is itself as confined as the command.
      const first = "TracerPid:\t0\nCapPrm:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
      assert.equal(out, `ptrace -1 1\nprocess_vm_readv -1 1\nkcmp -1 1\npidfd_getfd -1 1\n${first}`);
    },
  },
  {
    name: "use the kernel keyring",
    async run(world) {
      const { out } = await world.perl(`my ($t, $d, $p) = ("user", "cloister", "x");
        for my $ring (-1 .. -1, -2, -3, -4, -5) { syscall($nr{add_key}, $t, $d, $p, 1, $ring) == -1 or print "added " }
        print $!+0, "\\n"; syscall($nr{request_key}, $t, $d, 0, 0); print $!+0, "\\n";
        syscall($nr{keyctl}, 0, -4, 1); print $!+0, "\\n"; open(F, "<", "/proc/keys"); print <F>;`);
      assert.equal(out, "1\n1\n1\n");
    },
  },
  {
    name: "set the host's core_pattern",
    async run(world) {
      const before = settings();
      await world.sh(`echo '|/workspace/evil' >/proc/sys/kernel/core_pattern
        for p in /proc/*/root /proc/1/root; do echo '|/workspace/evil' >$p/proc/sys/kernel/core_pattern; done
        mount -t proc proc /tmp && echo '|/workspace/evil' >/tmp/sys/kernel/core_pattern`);
      assert.equal(settings(), before);
    },
  },
  {
    name: "write to /proc/sys and /proc/sysrq-trigger",
    async run(world) {
      const before = settings();
      const { out } = await world.sh(`find /proc/sys /proc -maxdepth 3 -type f -writable ! -path '/proc/[0-9]*' \\
        ! -path '/proc/self/*' ! -path '/proc/thread-self/*' 2>/dev/null | while read -r f; do
          (echo 1 >$f) 2>/dev/null && [ -s $f ] && echo $f; done; hostname stolen; true`);
      assert.equal(out, "");
      assert.equal(settings(), before);
    },
  },
  {
    name: "mount a file system",
    async run(world) {
      const { out } = await world.perl(`open(F, "<", "/proc/self/mountinfo"); my @before = <F>; close F;
        my ($t, $w, $u, $p) = ("tmpfs", "/workspace", "/usr", "proc");
        syscall($nr{mount}, $t, $w, $t, 0, 0); print $!+0, " "; syscall($nr{mount}, $u, $w, $u, 4096, 0); print $!+0, " ";
        syscall($nr{mount}, $u, $u, $t, 32 | 4096, 0); print $!+0, " "; syscall($nr{umount2}, $u, 2); print $!+0, " ";
        syscall($nr{fsopen}, $t, 0); print $!+0, " "; syscall($nr{open_tree}, -100, $u, 1); print $!+0, " ";
        open(F, "<", "/proc/self/mountinfo"); my @after = <F>; print "@before" eq "@after" ? "same" : "changed";`);
      assert.equal(out, "1 1 1 1 1 1 same");
    },
  },
  {
    name: "make a user namespace",
    async run(world) {
      const { out } = await world.perl(`my $before = readlink("/proc/self/ns/user"); my $args = "\\0" x 88;
        substr($args, 0, 8) = pack("Q", 0x10000000);
        syscall($nr{unshare}, 0x10000000); print $!+0, " "; syscall($nr{clone}, 0x10000000 | 17, 0, 0, 0, 0); print $!+0, " ";
        syscall($nr{clone3}, $args, 88); print $!+0, " ";
        print readlink("/proc/self/ns/user") eq $before ? "same" : "changed";`);
      // ENOSYS for clone3, so that the C library uses clone.
      assert.equal(out, "1 1 38 same");
      const { err, exit } = await world.sh("unshare --user --map-root-user id");
      assert.notEqual(exit, 0);
      assert.match(err, /Operation not permitted/);
    },
  },
  {
    name: "enter the namespaces of the first process",
    async run(world) {
      const { out } = await world.perl(
        `for my $n (qw(user mnt net pid ipc uts)) { open(my $f, "<", "/proc/1/ns/$n") or next;
          print "entered $n" if syscall($nr{setns}, fileno($f), 0) == 0 }
        open(F, "<", $ARGV[0]) and print <F>; print "end";`,
        world.keyPath,
      );
      assert.equal(out, "end");
    },
  },
  {
    name: "leave by chroot and pivot_root",
    async run(world) {
      const { out } = await world.perl(
        `mkdir "j"; my ($j, $up) = ("j", "."); syscall($nr{chroot}, $j); print $!+0, " ";
        syscall($nr{pivot_root}, $up, $j); print $!+0, " "; chdir ".." for 1 .. 20; open(F, "<", ".$ARGV[0]") and print <F>;
        print "end"`,
        world.keyPath,
      );
      assert.equal(out, "1 1 end");
    },
  },
  {
    name: "use wide kernel interfaces: bpf, perf, io_uring, userfaultfd",
    async run(world) {
      const names = ["bpf", "perf_event_open", "io_uring_setup", "userfaultfd", "fanotify_init", "vmsplice", "syslog"];
      const { out } = await world.perl(
        `my $zero = "\\0" x 128; for my $n (@ARGV) { my $r = syscall($nr{$n}, 0, $zero, 128, 0, 0);
        print "$n $r ", $!+0, "\\n" }`,
        ...names,
      );
      assert.equal(out, names.map((name) => `${name} -1 ${String(EPERM)}\n`).join(""));
    },
  },
  {
    name: "type into the caller's terminal with TIOCSTI",
    async run(world) {
      const script = `ioctl(STDIN, 0x5412, my $x = "x") and print "typed"; print "TIOCSTI ", $!+0, "\\n";
        ioctl(STDIN, 0x541c, $x = "\\2\\2") and print "typed"; print "TIOCLINUX ", $!+0, "\\n";`;
      const { stdout } = await world.again("tty", `test -t 0 && test -t 1 && exec perl -e '${script}'`, {});
      assert.equal(stdout.replaceAll("\r", ""), "TIOCSTI 1\nTIOCLINUX 1\n");
    },
  },
];
