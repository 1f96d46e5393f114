// The same refusals as seccomp.ts, as the JSON that container engines take (OCI runtime spec, linux.seccomp). An engine
// joins the conditions of a rule by "and", one for each argument; several rules for one call are joined by "or".
import { SYSCALLS } from "./syscalls.ts";

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** As libseccomp calls them, by `process.arch`. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };

/** Every CLONE_NEW… flag of linux/sched.h. */
const CLONE_NAMESPACES = [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
/** ioctls that type into a terminal (asm-generic/ioctls.h): TIOCSTI, TIOCLINUX. */
const TYPING = [0x5412, 0x541c];
/** The kernel looks at the low half of such arguments only. */
const LOW_HALF = 0xffffffff;

// Of linux/socket.h.
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const FAMILIES = [1, AF_INET, AF_INET6, AF_NETLINK];
const SOCKET_TYPE_MASK = 0xf;
const RAW_TYPES = [3, 10];

interface Condition {
  readonly index: number;
  readonly op: "SCMP_CMP_MASKED_EQ" | "SCMP_CMP_EQ" | "SCMP_CMP_NE" | "SCMP_CMP_GT";
  readonly value: number;
  readonly valueTwo?: number;
}

interface Rule {
  readonly names: readonly string[];
  readonly action: "SCMP_ACT_ERRNO";
  readonly errnoRet: number;
  readonly args: readonly Condition[];
}

/**
 * The profile for an engine's `--security-opt seccomp=`. Where the kernel would take a call of another architecture,
 * libseccomp ends the process.
 *
 * @param arch as `process.arch` has it
 * @throws RangeError where {@link SYSCALLS} has no table for it
 */
export function containerProfile(arch: string): string {
  const [table, architecture] = [SYSCALLS[arch], ARCHITECTURES[arch]];
  if (!table || architecture === undefined) throw new RangeError(`no system call table for ${arch}`);
  return JSON.stringify({
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: [architecture],
    syscalls: [
      refuse(Object.keys(table.denied), EPERM),
      // clone3 has its flags in memory, out of a filter's reach; on ENOSYS the C library falls back to clone.
      refuse(["clone3"], ENOSYS),
      ...CLONE_NAMESPACES.map((flag) => refuse(["clone"], EPERM, masked(0, flag, flag))),
      ...TYPING.map((request) => refuse(["ioctl"], EPERM, masked(1, LOW_HALF, request))),
      ...personalities(),
      ...sockets(),
    ],
  });
}

/**
 * Any personality but 0 and 0xffffffff, which only asks: a word that has both ones and zeros has, read in a circle, a one
 * beside a zero.
 */
function personalities(): readonly Rule[] {
  const bit = (position: number) => 2 ** (position % 32);
  return Array.from({ length: 32 }, (_, at) =>
    refuse(["personality"], EPERM, masked(0, bit(at) + bit(at + 1), bit(at))),
  );
}

function sockets(): readonly Rule[] {
  const others = Array.from({ length: AF_NETLINK }, (_, family) => family).filter((each) => !FAMILIES.includes(each));
  const family = (value: number): Condition => ({ index: 0, op: "SCMP_CMP_EQ", value });
  const beyond: Condition = { index: 0, op: "SCMP_CMP_GT", value: AF_NETLINK };
  return [
    ...[...others.map(family), beyond].map((which) => refuse(["socket"], EAFNOSUPPORT, which)),
    ...[AF_INET, AF_INET6].flatMap((which) =>
      RAW_TYPES.map((type) => refuse(["socket"], EPERM, family(which), masked(1, SOCKET_TYPE_MASK, type))),
    ),
    // Of netlink, only the routing family, which getifaddrs(3) needs.
    refuse(["socket"], EAFNOSUPPORT, family(AF_NETLINK), { index: 2, op: "SCMP_CMP_NE", value: 0 }),
  ];
}

function masked(index: number, mask: number, value: number): Condition {
  return { index, op: "SCMP_CMP_MASKED_EQ", value: mask, valueTwo: value };
}

function refuse(names: readonly string[], errnoRet: number, ...args: readonly Condition[]): Rule {
  return { names, action: "SCMP_ACT_ERRNO", errnoRet, args };
}
