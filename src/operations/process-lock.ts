// Locks between processes of one machine: a file that names its holder, and that outlives no one.
import { randomBytes } from "node:crypto";
import { link, rename, rm } from "node:fs/promises";
import { systemCode } from "../base/errors.ts";
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
      const holder = Number((await readLocal(path, 32))?.toString("utf8"));
      if (isAlive(holder) && holder !== process.pid) return false;
      const moved = await rename(path, `${own}.old`).then(
        () => true,
        () => false,
      );
      if (moved) await rm(`${own}.old`, { force: true });
    }
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

/** Lets go of a lock; nothing happens where this process does not hold it. */
export async function releaseLock(path: string): Promise<void> {
  if (!held.has(path)) return;
  await rm(path, { force: true });
  held.delete(path);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}
