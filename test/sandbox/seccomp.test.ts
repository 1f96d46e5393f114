import { describe, expect, test } from "vitest";
import { hasFilter, seccompFilter } from "../../src/sandbox/filter/seccomp.ts";
import { SYSCALLS } from "../../src/sandbox/filter/syscalls.ts";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;

/** Runs a classic BPF program as the kernel does, for the operations that the filter uses (linux/filter.h). */
function run(program: Buffer, call: { nr: number; arch: number; args?: readonly (number | bigint)[] }): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.nr >>> 0, 0);
  data.writeUInt32LE(call.arch >>> 0, 4);
  for (const [index, value] of (call.args ?? []).entries()) {
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + index * 8);
  }
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt16LE(at);
    const value = program.readUInt32LE(at + 4);
    const jump = (taken: boolean) => {
      at += program.readUInt8(at + (taken ? 2 : 3)) * 8;
    };
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x15) jump(accumulator === value);
    else if (code === 0x35) jump(accumulator >= value);
    else if (code === 0x45) jump((accumulator & value) !== 0);
    else if (code === 0x06) return value;
    else throw new Error(`unknown operation ${String(code)}`);
  }
  throw new Error("fell off the end");
}

describe.each(["x64", "arm64"])("the filter for %s", (arch) => {
  const table = SYSCALLS[arch];
  if (!table) throw new Error("no table");
  const program = seccompFilter(arch);
  const call = (nr: number, ...args: (number | bigint)[]) => run(program, { nr, arch: table.audit, args });
  const { clone, clone3, ioctl, personality, socket } = table.examined;

  test.each(Object.entries(table.denied))("refuses %s", (_, number) => {
    expect(call(number)).toBe(EPERM);
  });

  test("allows every other call", () => {
    const special = new Set([...Object.values(table.denied), ...Object.values(table.examined)]);
    for (let number = 0; number < 600; number++) {
      if (!special.has(number)) expect(call(number)).toBe(ALLOW);
    }
  });

  test("kills what comes in by another architecture's calls", () => {
    const i386 = 0x40000003;
    const arm = 0x40000028;
    for (const other of [i386, arm, 0]) expect(run(program, { nr: 1, arch: other })).toBe(KILL);
  });

  test("lets threads and processes be made, but no namespaces", () => {
    const SIGCHLD = 17;
    const thread = 0x3d0f00;
    expect(call(clone, SIGCHLD)).toBe(ALLOW);
    expect(call(clone, thread)).toBe(ALLOW);
    for (const flag of [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(call(clone, flag | SIGCHLD)).toBe(EPERM);
    }
    expect(call(clone3)).toBe(ENOSYS);
  });

  test("refuses to type into terminals, whatever the high half of the request is", () => {
    const TCGETS = 0x5401;
    expect(call(ioctl, 0, TCGETS)).toBe(ALLOW);
    for (const request of [0x5412n, 0x541cn, 0x1_0000_5412n, 0xffff_ffff_0000_541cn]) {
      expect(call(ioctl, 0, request)).toBe(EPERM);
    }
  });

  test("allows unix, internet and route sockets only, and no raw ones", () => {
    const [STREAM, DGRAM, RAW, CLOEXEC] = [1, 2, 3, 0x80000];
    expect(call(socket, 1, STREAM)).toBe(ALLOW);
    expect(call(socket, 2, STREAM | CLOEXEC)).toBe(ALLOW);
    expect(call(socket, 10, DGRAM)).toBe(ALLOW);
    expect(call(socket, 2, RAW)).toBe(EPERM);
    expect(call(socket, 10, RAW | CLOEXEC)).toBe(EPERM);
    expect(call(socket, 2, 10)).toBe(EPERM);
    expect(call(socket, 16, RAW, 0)).toBe(ALLOW);
    for (let protocol = 1; protocol < 32; protocol++) expect(call(socket, 16, RAW, protocol)).toBe(EAFNOSUPPORT);
    for (let family = 0; family < 64; family++) {
      if (![1, 2, 10, 16].includes(family)) expect(call(socket, family, STREAM)).toBe(EAFNOSUPPORT);
    }
  });

  test("allows only to ask for the personality, or to set the usual one", () => {
    expect(call(personality, 0)).toBe(ALLOW);
    expect(call(personality, 0xffffffff)).toBe(ALLOW);
    const ADDR_NO_RANDOMIZE = 0x40000;
    expect(call(personality, ADDR_NO_RANDOMIZE)).toBe(EPERM);
  });
});

test("x32 calls do not exist", () => {
  const program = seccompFilter("x64");
  for (const nr of [0x40000000, 0x40000000 + 101, 0x40000208, 0xffffffff]) {
    expect(run(program, { nr, arch: SYSCALLS["x64"]?.audit ?? 0 })).toBe(ENOSYS);
  }
});

test("a machine without a table gets no filter, not an empty one", () => {
  expect(hasFilter("riscv64")).toBe(false);
  expect(hasFilter("constructor")).toBe(false);
  expect(() => seccompFilter("riscv64")).toThrow(RangeError);
});
