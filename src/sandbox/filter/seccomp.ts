// The system call filter of every command: a classic BPF program for seccomp(2), assembled here so that no native
// library is needed. It refuses what namespaces do not cover; everything else is allowed, as training code expects.
import { SYSCALLS, type SyscallTable } from "./syscalls.ts";

// Operations of linux/bpf_common.h, as linux/filter.h combines them.
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

// Offsets in struct seccomp_data; the low halves of the arguments on a little-endian machine.
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENT = [16, 24, 32] as const;

// Verdicts of linux/seccomp.h; an errno stands in the low 16 bits.
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (number: number) => 0x00050000 | number;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** Every CLONE_NEW… flag of linux/sched.h. */
const CLONE_NAMESPACES = 0x7e020080;
/** First number of the x32 ABI. */
const X32 = 0x40000000;
/** ioctls that type into a terminal (asm-generic/ioctls.h). */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
// Of linux/socket.h.
const AF = { unix: 1, inet: 2, inet6: 10, netlink: 16 };
const SOCKET_TYPE_MASK = 0xf;
const SOCK_RAW = 3;
const SOCK_PACKET = 10;
const NETLINK_ROUTE = 0;

type Label = "allow" | "refuse" | "absent" | "noFamily" | "kill" | "clone" | "ioctl" | "personality" | "socket" | Inner;
type Inner = "socketType" | "netlink";
/** Where a jump goes: a label, or the next instruction. */
type Target = Label | "next";

interface Instruction {
  readonly code: number;
  readonly value: number;
  readonly whenTrue: Target;
  readonly whenFalse: Target;
}

/** An instruction list with forward labels: a classic BPF jump can only go forward, by at most 255. */
class Program {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<Label, number>();

  label(name: Label): void {
    this.#labels.set(name, this.#instructions.length);
  }

  add(code: number, value: number, whenTrue: Target = "next", whenFalse: Target = "next"): void {
    this.#instructions.push({ code, value, whenTrue, whenFalse });
  }

  /** An array of struct sock_filter (linux/filter.h), little-endian. */
  encode(): Buffer {
    const bytes = Buffer.alloc(this.#instructions.length * 8);
    for (const [index, { code, value, whenTrue, whenFalse }] of this.#instructions.entries()) {
      bytes.writeUInt16LE(code, index * 8);
      bytes.writeUInt8(this.#distance(index, whenTrue), index * 8 + 2);
      bytes.writeUInt8(this.#distance(index, whenFalse), index * 8 + 3);
      bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
    }
    return bytes;
  }

  #distance(from: number, target: Target): number {
    if (target === "next") return 0;
    const to = this.#labels.get(target);
    if (to === undefined || to <= from || to - from - 1 > 255) throw new RangeError(`jump to ${target} is impossible`);
    return to - from - 1;
  }
}

/** True where the filter is known for a `process.arch`. */
export function hasFilter(arch: string): boolean {
  return Object.hasOwn(SYSCALLS, arch);
}

/**
 * The filter for bwrap's `--seccomp`.
 *
 * @param arch as `process.arch` has it
 * @param options `pinned` where it must stay on its processors
 * @throws RangeError where {@link hasFilter} says no
 */
export function seccompFilter(arch: string, { pinned = false } = {}): Buffer {
  const table = SYSCALLS[arch];
  if (!table) throw new RangeError(`no system call table for ${arch}`);
  const program = new Program();
  dispatch(program, table, pinned);
  examineArguments(program);
  verdicts(program);
  return program.encode();
}

function dispatch(program: Program, table: SyscallTable, pinned: boolean): void {
  program.add(LOAD, ARCHITECTURE);
  // A 32-bit call has other numbers: every comparison below would be wrong for it.
  program.add(JUMP_EQUAL, table.audit, "next", "kill");
  program.add(LOAD, NUMBER);
  if (table.x32) program.add(JUMP_AT_LEAST, X32, "absent");
  // clone3 has its flags in memory, out of a filter's reach; on ENOSYS the C library falls back to clone.
  program.add(JUMP_EQUAL, table.examined.clone3, "absent");
  for (const name of ["personality", "clone", "ioctl", "socket"] as const) {
    program.add(JUMP_EQUAL, table.examined[name], name);
  }
  for (const number of Object.values(table.denied)) program.add(JUMP_EQUAL, number, "refuse");
  if (pinned) program.add(JUMP_EQUAL, table.sched_setaffinity, "refuse");
  program.add(RETURN, ALLOW);
}

function examineArguments(program: Program): void {
  program.label("personality");
  program.add(LOAD, ARGUMENT[0]);
  program.add(JUMP_EQUAL, 0, "allow");
  // 0xffffffff asks for the current one.
  program.add(JUMP_EQUAL, 0xffffffff, "allow", "refuse");

  program.label("clone");
  program.add(LOAD, ARGUMENT[0]);
  program.add(JUMP_ANY_BIT, CLONE_NAMESPACES, "refuse", "allow");

  program.label("ioctl");
  // The kernel looks at the low 32 bits only (CVE-2019-10063).
  program.add(LOAD, ARGUMENT[1]);
  program.add(JUMP_EQUAL, TIOCSTI, "refuse");
  program.add(JUMP_EQUAL, TIOCLINUX, "refuse", "allow");

  program.label("socket");
  program.add(LOAD, ARGUMENT[0]);
  program.add(JUMP_EQUAL, AF.unix, "allow");
  program.add(JUMP_EQUAL, AF.inet, "socketType");
  program.add(JUMP_EQUAL, AF.inet6, "socketType");
  program.add(JUMP_EQUAL, AF.netlink, "netlink", "noFamily");

  program.label("socketType");
  program.add(LOAD, ARGUMENT[1]);
  program.add(AND, SOCKET_TYPE_MASK);
  program.add(JUMP_EQUAL, SOCK_RAW, "refuse");
  program.add(JUMP_EQUAL, SOCK_PACKET, "refuse", "allow");

  program.label("netlink");
  program.add(LOAD, ARGUMENT[2]);
  // getifaddrs(3) needs the routing family.
  program.add(JUMP_EQUAL, NETLINK_ROUTE, "allow", "noFamily");
}

function verdicts(program: Program): void {
  const all: [Label, number][] = [
    ["allow", ALLOW],
    ["refuse", errno(EPERM)],
    ["absent", errno(ENOSYS)],
    ["noFamily", errno(EAFNOSUPPORT)],
    ["kill", KILL],
  ];
  for (const [label, verdict] of all) {
    program.label(label);
    program.add(RETURN, verdict);
  }
}
