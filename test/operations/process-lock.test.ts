// A lock that many want: one at a time has it, also where a process died with it.
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { scratch } from "./project.ts";

const LOCK = "../../src/operations/process-lock.ts";
const busy = () => new CloisterError("UNAVAILABLE", "busy");

/** As another process would have it: what a process holds, it remembers in the module. */
async function anotherTaker(): Promise<typeof import("../../src/operations/process-lock.ts")> {
  vi.resetModules();
  return await import(LOCK);
}

test("work under a lock never overlaps, and each waits its turn", async () => {
  const path = join(scratch(), "lock");
  const { underLock } = await anotherTaker();
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await sleep(5);
    inside--;
  };
  await Promise.all(Array.from({ length: 12 }, () => underLock(path, { waitMs: 10_000, busy }, work)));
  expect(most).toBe(1);
});

test("a lock that a dead process left is taken, and nothing is left beside it", async () => {
  const folder = scratch();
  const path = join(folder, "lock");
  writeFileSync(path, String(spawnSync("true").pid));
  const { takeLock, releaseLock } = await anotherTaker();
  expect(await takeLock(path)).toBe(true);
  expect(readdirSync(folder)).toEqual(["lock"]);
  await releaseLock(path);
  expect(readdirSync(folder)).toEqual([]);
});

test("a living process keeps it, waiting ends, and so it does at Ctrl-C", async () => {
  const path = join(scratch(), "lock");
  writeFileSync(path, String(process.ppid));
  const { underLock } = await anotherTaker();
  const never = () => Promise.reject(new Error("it was taken"));
  await expect(underLock(path, { waitMs: 50, busy }, never)).rejects.toMatchObject({ message: "busy" });
  const signal = AbortSignal.abort();
  await expect(underLock(path, { waitMs: 50, signal, busy }, never)).rejects.toMatchObject({ code: "INTERRUPTED" });
});
