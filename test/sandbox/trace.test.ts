import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { traceReader } from "../../src/sandbox/bubblewrap/trace.ts";
import * as programs from "../../src/sandbox/host/programs.ts";
import { survivorsWith, World } from "../interop/escape/world.ts";
import { REASON, WORKS } from "./here.ts";

const STRACE = programs.findProgram("strace") !== undefined;

describe.skipIf(!WORKS || !STRACE)(`a traced command${REASON}`, () => {
  let folder: string;
  let world: World;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
    world = await World.make(folder, "");
  });

  afterAll(async () => {
    await world.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const traced = async (argv: readonly string[], more: { signal?: AbortSignal } = {}) => {
    const opened = new Set<string>();
    const ran = await world.run(argv, world.state, { traced: (path) => opened.add(path), ...more });
    return { ...ran, opened: [...opened] };
  };
  const own = (opened: readonly string[]) =>
    opened.filter((path) => !/^\/(usr|bin|etc|lib|proc|dev)/.test(path)).sort();

  test("tells what is opened for reading, by where it really lies, and what is executed", async () => {
    const { exit, out, opened } = await traced([
      "/bin/sh",
      "-c",
      `cp /bin/true ./prog; ln -s /inputs/data ln; : > O_WRONLY; : > new; cat ln/table.csv O_WRONLY; cd /tmp; ls /; ../workspace/prog; /workspace/prog`,
    ]);
    expect({ exit, out: out.includes("a,b") }).toEqual({ exit: 0, out: true });
    expect(own(opened)).toEqual(["/inputs/data/table.csv", "/workspace/O_WRONLY", "/workspace/prog"]);
    expect(opened.some((path) => path.startsWith("/oldroot") || path.startsWith("/newroot"))).toBe(false);
  });

  test("hostile names come through as they are", async () => {
    const name = 'q"u\\o\te<s>\nend, O_DIRECTORY) = 3<x> ü';
    const script = 'open my $f, ">", $ARGV[0]; close $f; open $f, "<", $ARGV[0] or die';
    const { exit, opened } = await traced(["/usr/bin/perl", "-e", script, "--", name]);
    expect(exit).toBe(0);
    expect(own(opened)).toEqual([`/workspace/${name}`]);
  });

  test("has streams, exit codes and signals like any other, and no more rights", async () => {
    expect(await traced(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])).toMatchObject({
      ...{ exit: 7, out: "out\n", err: "err\n" },
    });
    expect((await traced(["/bin/sh", "-c", "kill -KILL $$"])).exit).toBe(137);
    expect((await traced(["no-such-command"])).exit).toBe(127);
    // The tracer's descriptors do not reach it, and it may not trace.
    const { out } = await traced(["/bin/sh", "-c", "ls -l /proc/self/fd; grep Seccomp: /proc/self/status"]);
    expect(out.match(/ -> (pipe|socket):/g)).toHaveLength(3);
    expect(out).toContain("Seccomp:\t2\n");
    const attempt = "$r = syscall(101, 16, getppid(), 0, 0); print $!{EPERM} ? 'refused' : 'traced'";
    if (process.arch === "x64") expect((await traced(["/usr/bin/perl", "-e", attempt])).out).toBe("refused");
  });

  test("ends when it is told to, with its tracer", async () => {
    const stop = new AbortController();
    const running = traced(["/bin/sleep", "7654321"], { signal: stop.signal });
    setTimeout(() => stop.abort(), 500);
    expect((await running).exit).toBe(143);
    expect(await survivorsWith("7654321")).toEqual([]);
    expect(await survivorsWith("seccomp-bpf")).toEqual([]);
  });

  test("many opens at the same time are all seen", { timeout: 30_000 }, async () => {
    const script = `mkdir m; cd m; seq 400 | xargs touch; for i in 1 2 3 4; do (ls | xargs -n 100 cat) & done; wait; cat 400`;
    const { opened } = await traced(["/bin/sh", "-c", script]);
    expect(opened.filter((path) => path.startsWith("/workspace/m/"))).toHaveLength(400);
  });

  test("is refused clearly where strace is missing", async () => {
    const spy = vi.spyOn(programs, "findProgram").mockReturnValue(undefined);
    await expect(traced(["/bin/true"])).rejects.toMatchObject({
      code: "UNSUPPORTED_HOST",
      why: expect.stringContaining("strace is not installed"),
    });
    spy.mockRestore();
  });
});

test("nothing counts before the command is started, and neither do calls that are cut in two without a path", () => {
  const opened: string[] = [];
  const read = traceReader((path) => opened.push(path));
  read('7 openat(AT_FDCWD</>, "/oldroot/etc/shadow", O_RDONLY) = 3</oldroot/etc/shadow>');
  read('7 execve("/run/cloister/start/cloister", ["cloister"...], 0x7 /* 9 vars */) = 0');
  read('7 openat(AT_FDCWD</>, "x", O_RDONLY <unfinished ...>');
  read("7 <... openat resumed>) = 3</workspace/x>(deleted)");
  read('7 openat(AT_FDCWD</>, "y", O_RDONLY) = 4<socket:[99]>');
  read('7 openat(AT_FDCWD</>, "d", O_RDONLY|O_DIRECTORY) = 4</workspace/d>');
  read('7 creat("z", 0644) = 4</workspace/z>');
  expect(opened).toEqual(["/workspace/x"]);
});
