// System calls that fail, and a process that dies in the middle of one: a clear error or the right result, never an
// acknowledgement without a version, and the next command works. strace puts the failures between the program and the kernel.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Pushed, Verified } from "../../src/index.ts";
import { type Ended, has, type Member, start, World } from "../acceptance/harness.ts";
import { ROOM } from "../operations/project.ts";
import { expectInvariants } from "./invariants.ts";
import { acknowledged, expectClearError, readingKey } from "./real.ts";

const world = new World(ROOM);
let ana: Member;
let secret: string;
const known: string[] = [];

/** All file operations in one thread: the nth call is the nth call. */
const ENV = { UV_THREADPOOL_SIZE: "1" };
/** How many of the calls of a kind meet a failure, spread over the whole command. */
const PLACES = 3;

const FAILURES: readonly (readonly [call: string, failures: readonly string[]])[] = [
  ["fsync", ["error=EIO", "error=ENOSPC", "signal=KILL"]],
  ["writev", ["error=ENOSPC", "error=EIO", "signal=KILL"]],
  ["pwrite64", ["error=ENOSPC", "error=EIO"]],
  ["link", ["error=EACCES", "error=EIO", "signal=KILL"]],
  ["rename", ["error=EIO", "error=ENOSPC", "signal=KILL"]],
  ["mkdir", ["error=ENOSPC"]],
];
/** At a path, whichever thread opens it. */
const OPENING = ["error=EACCES", "error=EIO"];

/** What to give strace besides: which call of a kind, or at which path. */
interface Place {
  readonly call: string;
  readonly name: string;
  readonly options: readonly string[];
}

beforeAll(async () => {
  if (!has("strace")) return;
  ana = await world.project("ana", "solo");
  secret = await readingKey(ana);
  ana.files("data", { "a.csv": randomBytes(300_000), "b/c.txt": "small", "b/d.txt": "smaller" });
  known.push((await ana.json<Pushed>("push", "data", "--name", "base", "--class", "internal")).versionId);
});

function traced(options: readonly string[], args: readonly string[]): Promise<Ended> {
  const strace = ["strace", "-f", "-qq", "-s", "0", "-e", "signal=none", ...options];
  return start([...strace, process.execPath, ...ana.argv(args)], ana.env, { cwd: ana.folder, env: ENV }).ended;
}

/** Where failures can be put: the calls that touch the store, the state of the device, or the target. */
async function placesOf(args: readonly string[]): Promise<readonly Place[]> {
  const log = join(world.root, "calls");
  const kinds = ["openat", ...FAILURES.map(([call]) => call)].join();
  const ended = await traced(["-y", "-e", `trace=${kinds}`, "-o", log], args);
  expect(ended.exit, ended.err).toBe(0);
  const lines = readFileSync(log, "latin1").split("\n");
  return [...countedPlaces(lines), ...openedPlaces(lines)];
}

/** strace counts the calls of each thread by itself: only such numbers are used that mean something of ours in each of them. */
function countedPlaces(lines: readonly string[]): readonly Place[] {
  const seen = new Map<string, number>();
  const ours = new Map<string, Map<number, boolean>>();
  for (const line of lines) {
    const [, pid = "", call = ""] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    const at = (seen.get(`${pid} ${call}`) ?? 0) + 1;
    seen.set(`${pid} ${call}`, at);
    const numbers = ours.get(call) ?? new Map<number, boolean>();
    ours.set(call, numbers.set(at, (numbers.get(at) ?? true) && line.includes(world.root)));
  }
  return FAILURES.flatMap(([call]) => {
    const usable = [...(ours.get(call) ?? [])].filter(([, all]) => all).map(([at]) => at);
    return spread(usable).map((at) => ({ call, name: String(at), options: [`:when=${String(at)}`] }));
  });
}

function openedPlaces(lines: readonly string[]): readonly Place[] {
  const opened = lines.flatMap((line) => /^\d+ +openat\(.*"(\/[^"]*)".* = \d+/.exec(line)?.[1] ?? []);
  const paths = [...new Set(opened)].filter((path) => /\/(store|state|\.config)\//.test(path) && existsSync(path));
  const kinds = new Map(paths.map((path) => [path.replace(/[0-9a-f]{16,}|\d+/g, "#"), path]));
  return [...kinds.values()].map((path, at) => ({
    call: "openat",
    name: String(at),
    options: [":when=1", "-P", path],
  }));
}

/** The first, the last, and some between. */
function spread(all: readonly number[]): readonly number[] {
  const step = Math.max(1, (all.length - 1) / (PLACES - 1));
  const chosen = Array.from({ length: PLACES }, (_, i) => all[Math.round(i * step)] ?? 0);
  return [...new Set(chosen)].filter((at) => at > 0);
}

/** Every failure of the table at some of its places; tells how each run ended. */
async function eachFailure(
  args: (name: string) => readonly string[],
  after: (name: string, ended: Ended, what: string) => Promise<void>,
): Promise<number> {
  const tables = new Map([...FAILURES, ["openat", OPENING] as const]);
  let runs = 0;
  for (const place of await placesOf(args("clean"))) {
    for (const failure of tables.get(place.call) ?? []) {
      const [when = "", ...more] = place.options;
      const name = `${place.call}-${failure.replace(/\W/g, "-").toLowerCase()}-${place.name}`;
      const inject = ["-e", `inject=${place.call}:${failure}${when}`, ...more];
      const what = `${args(name)[0] ?? ""} with ${inject.join(" ")}`;
      const ended = await traced(["-e", `trace=${place.call}`, ...inject, "-o", "/dev/null"], args(name));
      if (ended.exit === 0 || ended.exit === "SIGKILL") expect(ended.err, what).not.toContain("node:");
      else expectClearError(ended, what);
      await after(name, ended, what);
      runs++;
    }
  }
  return runs;
}

describe.skipIf(!has("strace"))(`a system call that fails${has("strace") ? "" : " (skipped: no strace)"}`, () => {
  test("push: an error or a version, and then the same command works", async () => {
    const push = (name: string) => ["push", "data", "--name", `${name}:one`, "--class", "internal", "--json"];
    const runs = await eachFailure(push, async (name, ended, what) => {
      const pushed = acknowledged<Pushed>(ended);
      if (pushed) known.push(pushed.versionId);
      const { versions } = await expectInvariants(ana.store, secret, known);
      const made = versions.filter((version) => version.name === name).length;
      expect(made, what).toBeLessThanOrEqual(1);
      if (pushed) return;
      const again = await ana.json<Pushed>(...push(name).slice(0, -1));
      expect(again.number, what).toBe(1);
      known.push(again.versionId);
    });
    expect(runs).toBeGreaterThan(25);
    await expectInvariants(ana.store, secret, known);
  }, 400_000);

  test("pull: the whole folder or none, and then the same command works", async () => {
    const pull = (name: string) => ["pull", "base", "-o", `out/${name}`, "--json"];
    const runs = await eachFailure(pull, async (name, ended, what) => {
      const target = join(ana.folder, "out", name);
      // The files are there, whole, where only the last entry of the log failed.
      if (ended.exit === 0 || existsSync(target))
        expect((await ana.json<Verified>("verify", target)).ok, what).toBe(true);
      else await ana.ok(...pull(name));
      expect(readFileSync(join(target, "a.csv")).equals(readFileSync(join(ana.folder, "data/a.csv")))).toBe(true);
    });
    expect(runs).toBeGreaterThan(15);
    await expectInvariants(ana.store, secret, known);
  }, 400_000);
});
