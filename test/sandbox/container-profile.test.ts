// The profile for container engines, judged as libseccomp does, against the filter for bubblewrap, run as the kernel does.
import { expect, test } from "vitest";
import { containerProfile } from "../../src/sandbox/filter/container-profile.ts";
import { SYSCALLS } from "../../src/sandbox/filter/syscalls.ts";

interface Profile {
  readonly defaultAction: string;
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly errnoRet: number;
    readonly args: readonly {
      readonly index: number;
      readonly op: string;
      readonly value: number;
      readonly valueTwo?: number;
    }[];
  }[];
}

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** The errno that a call gets; 0 where it is let through. */
function judge(profile: Profile, name: string, args: readonly bigint[]): number {
  const rule = profile.syscalls.find((each) => each.names.includes(name) && each.args.every((one) => holds(one, args)));
  return rule?.errnoRet ?? 0;
}

function holds(condition: Profile["syscalls"][number]["args"][number], args: readonly bigint[]): boolean {
  const [given = 0n, value] = [args[condition.index], BigInt(condition.value)];
  if (condition.op === "SCMP_CMP_EQ") return given === value;
  if (condition.op === "SCMP_CMP_NE") return given !== value;
  if (condition.op === "SCMP_CMP_GT") return given > value;
  return (given & value) === BigInt(condition.valueTwo ?? 0);
}

test.each(Object.keys(SYSCALLS))("on %s, what the filter denies is denied", (arch) => {
  const profile = JSON.parse(containerProfile(arch)) as Profile;
  expect(profile.defaultAction).toBe("SCMP_ACT_ALLOW");
  for (const name of Object.keys(SYSCALLS[arch]?.denied ?? {})) expect(judge(profile, name, []), name).toBe(EPERM);
  expect(judge(profile, "clone3", [])).toBe(ENOSYS);
  expect(judge(profile, "read", [])).toBe(0);
});

const high = 1n << 32n;

test.each([
  ["personality", [0n], 0],
  ["personality", [0xffffffffn], 0],
  ["personality", [1n], EPERM],
  ["personality", [0x80000000n], EPERM],
  ["personality", [0x7fffffffn], EPERM],
  ["personality", [0x0040000n], EPERM],
  ["personality", [0xfffffffen | high], EPERM],
  ["clone", [0x11n], 0],
  ["clone", [0x3d0f00n], 0],
  ["clone", [0x10000000n | 0x11n], EPERM],
  ["clone", [0x20000n], EPERM],
  ["clone", [0x80n], EPERM],
  ["ioctl", [0n, 0x5401n], 0],
  ["ioctl", [0n, 0x5412n], EPERM],
  ["ioctl", [0n, 0x5412n | high], EPERM],
  ["ioctl", [0n, 0x541cn], EPERM],
  ["socket", [1n, 3n, 0n], 0],
  ["socket", [2n, 1n, 0n], 0],
  ["socket", [2n, 3n, 0n], EPERM],
  ["socket", [10n, 3n | 0x80000n, 58n], EPERM],
  ["socket", [2n, 10n, 0n], EPERM],
  ["socket", [16n, 3n, 0n], 0],
  ["socket", [16n, 3n, 9n], EAFNOSUPPORT],
  ["socket", [17n, 3n, 0n], EAFNOSUPPORT],
  ["socket", [38n, 5n, 0n], EAFNOSUPPORT],
  ["socket", [40n, 1n, 0n], EAFNOSUPPORT],
  ["socket", [2n | high, 3n, 0n], EAFNOSUPPORT],
  ["socket", [5n, 1n, 0n], EAFNOSUPPORT],
] as const)("%s(%s) gives %i", (name, args, errno) => {
  expect(judge(JSON.parse(containerProfile("x64")) as Profile, name, args)).toBe(errno);
});
