// Locks between processes of one machine: a file that names its holder, and that outlives no one.
import { randomBytes } from "node:crypto";
import { link, rename, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError, systemCode } from "../base/errors.ts";
import { isAlive } from "../base/process-alive.ts";
import { readLocal, writeLocal } from "./local-file.ts";

const held = new Set<string>();

/**
 * Takes a lock for this process; false where a living one has it. Written whole under another name and linked, so that
 * nobody reads it half; one that a dead process left is moved away before it is removed, so that only one taker gets it.
 */
export async function takeLock(path: string): Promise<boolean> {
  if (held.has(path)) return false;
  // Before anything is awaited: a lock with this process's number is then one that its predecessor of that number left.
  held.add(path);
  const taken = await takeFromOthers(path).catch((error: unknown) => {
    held.delete(path);
    throw error;
  });
  if (!taken) held.delete(path);
  return taken;
}

async function takeFromOthers(path: string): Promise<boolean> {
  const own = `${path}.${String(process.pid)}-${randomBytes(6).toString("hex")}`;
  await writeLocal(own, String(process.pid));
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await linked(own, path)) return true;
      const holder = await holderOf(path);
      // Let go of meanwhile: whoever takes it now must not find it moved away.
      if (holder === undefined) continue;
      if (isOthers(holder)) return false;
      await clear(path, `${own}.old`);
    }
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

/** The process that a lock names; undefined where there is no lock. */
async function holderOf(path: string): Promise<number | undefined> {
  const text = await readLocal(path, 32);
  return text && Number(text.toString("utf8"));
}

function isOthers(holder: number): boolean {
  return isAlive(holder) && holder !== process.pid;
}

/** Removes a dead process's lock. Somebody else may have done so and hold it by now: then it goes back. */
async function clear(path: string, aside: string): Promise<void> {
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  const holder = await holderOf(aside);
  if (holder !== undefined && isOthers(holder)) await linked(aside, path);
  await rm(aside, { force: true });
}

/** Lets go of a lock; nothing happens where this process does not hold it. */
export async function releaseLock(path: string): Promise<void> {
  if (!held.has(path)) return;
  await rm(path, { force: true });
  held.delete(path);
}

/** How long to wait for a lock, and what to say where that was not long enough. */
export interface Patience {
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  readonly busy: () => CloisterError;
}

/** Does something while no other process does it. @throws CloisterError what `busy` makes; INTERRUPTED */
export async function underLock<T>(
  path: string,
  { waitMs, signal, busy }: Patience,
  act: () => Promise<T>,
): Promise<T> {
  for (let waitedMs = 0; !(await takeLock(path)); waitedMs += POLL_MS) {
    if (signal?.aborted) throw new CloisterError("INTERRUPTED", "interrupted");
    if (waitedMs >= waitMs) throw busy();
    await sleep(POLL_MS);
  }
  try {
    return await act();
  } finally {
    await releaseLock(path);
  }
}

const POLL_MS = 25;

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}
