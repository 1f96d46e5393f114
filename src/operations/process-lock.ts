// Locks between processes of one machine: a file that names its holder, and that outlives no one.
import { randomBytes } from "node:crypto";
import { link, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError, systemCode } from "../base/errors.ts";
import { isAlive } from "../base/process-alive.ts";
import { fileFailure, readLocal } from "./local-file.ts";

const held = new Set<string>();

/**
 * Takes a lock for this process; false where a living one has it. Written whole under another name and linked, so that
 * nobody reads it half.
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
  // Not worth waiting for the disk: no lock outlives the processes of this machine.
  await mkdir(dirname(own), { recursive: true, mode: 0o700 });
  await writeFile(own, String(process.pid), { flag: "wx", mode: 0o600 }).catch(async (error: unknown) => {
    await rm(own, { force: true }).catch(() => undefined);
    throw fileFailure("write", own, error);
  });
  try {
    return (await linked(own, path)) || (await inherited(own, path));
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Replaces a lock that a dead process left. Only who has the lock on doing so may, and looks again: whoever saw the dead
 * one before might otherwise replace that of a taker who was faster.
 */
async function inherited(own: string, path: string): Promise<boolean> {
  if (await isHeld(path)) return false;
  const right = `${path}.heir`;
  if (!(await takeFromOthers(right))) return false;
  try {
    // Let go of meanwhile, or taken.
    if (await linked(own, path)) return true;
    if (await isHeld(path)) return false;
    await rename(own, path);
    return true;
  } finally {
    await rm(right, { force: true });
  }
}

/** Whether a living process has a lock that is not this one. */
export async function isHeld(path: string): Promise<boolean> {
  const holder = Number((await readLocal(path, 32))?.toString("utf8"));
  return isAlive(holder) && holder !== process.pid;
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
