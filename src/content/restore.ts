// Writes files to disk so that either all of them appear, verified, or nothing does.
import { constants } from "node:fs";
import { lstat, mkdir, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { CloisterError, integrity, systemCode } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { CollisionCheck, pathProblem } from "../base/path.ts";
import { isAlive } from "../base/process-alive.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import { StagedFiles } from "./staged-files.ts";

/** A small file that is written beside the entries, e.g. a manifest. */
export interface ExtraFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes entries to a folder that does not exist yet or is empty. They go to a private folder beside it, are flushed
 * to disk, and appear under the target's name in one step after the last was read to its end. The folder is readable
 * for its owner only; of the files' modes only the executable bit is kept.
 *
 * @throws CloisterError USAGE where something is at the target already, and nothing was touched; INTEGRITY for a path
 * that may not be written; FAILURE where the disk is full or may not be written; INTERRUPTED; whatever `read()` throws.
 * After any of them nothing is left behind.
 */
export async function restoreFolder(
  target: string,
  entries: AsyncIterable<FileEntry>,
  extra: readonly ExtraFile[],
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const place = resolve(target);
  await checkFree(place);
  const staging = await attempt(target, () => makeStaging(dirname(place)));
  try {
    const files = new StagedFiles(staging);
    const collisions = new CollisionCheck();
    for await (const entry of withExtra(entries, extra)) {
      checkAborted(options.signal);
      checkPath(entry.path, collisions);
      await attempt(entry.path, () => files.write(entry));
    }
    await attempt(target, () => files.flush());
    checkAborted(options.signal);
    await attempt(target, () => publish(staging, place));
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Writes the only file among the entries to a stream, for `-o -`. Entries must allow `read()` after the next was asked
 * for, as those of `readContent` do.
 *
 * @throws CloisterError USAGE where there is not exactly one file, before a byte is written; whatever `read()` throws
 */
export async function streamFile(entries: AsyncIterable<FileEntry>, writable: Writable): Promise<void> {
  let only: FileEntry | undefined;
  for await (const entry of entries) {
    if (entry.kind !== "directory" && !only) only = entry;
    else throw notOneFile("it has more than one");
  }
  if (!only) throw notOneFile("it has none");
  for await (const piece of only.read()) await writePiece(writable, piece);
}

function writePiece(writable: Writable, piece: Uint8Array): Promise<void> {
  return new Promise((done, fail) => writable.write(piece, (error) => (error ? fail(error) : done())));
}

/** Refuses a target that is anything but absent or an empty folder. @throws CloisterError USAGE */
export async function checkFree(target: string): Promise<void> {
  const found = await attempt(target, () => lstat(target).catch(ignoring("ENOENT", "ENOTDIR")));
  if (!found) return;
  if (found.isSymbolicLink()) throw taken(target, "it is a symbolic link");
  if (!found.isDirectory()) throw taken(target, "it is no folder");
  const inside = await attempt(target, () => readdir(target));
  if (inside.length > 0) throw taken(target, "it is not empty");
}

const STAGING = ".cloister-restore-";

export async function makeStaging(parent: string): Promise<string> {
  await makeFolders(parent);
  await removeAbandoned(parent);
  // mkdtemp(3) makes it readable for its owner only.
  return await mkdtemp(join(parent, `${STAGING}${String(process.pid)}-`));
}

/** What a killed process left is plain text: it goes as soon as somebody restores beside it. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(/^\.cloister-restore-(\d{1,9})-/.exec(name)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Not mkdir's `recursive`: Node 20 runs it for ever where a file system answers ENOENT below a folder that exists. */
async function makeFolders(path: string): Promise<void> {
  const make = () => mkdir(path).catch(ignoring("EEXIST"));
  await make().catch(async (error: unknown) => {
    if (systemCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    await make();
  });
}

/** rename(2) also replaces an empty folder, and nothing else, in one step. */
async function publish(staging: string, target: string): Promise<void> {
  try {
    await rename(staging, target);
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(systemCode(error) ?? "")) {
      throw taken(target, "something appeared there in the meantime");
    }
    throw error;
  }
  const parent = await open(dirname(target), constants.O_RDONLY | constants.O_DIRECTORY);
  await parent.sync().finally(() => parent.close());
}

async function* withExtra(entries: AsyncIterable<FileEntry>, extra: readonly ExtraFile[]): AsyncIterable<FileEntry> {
  yield* entries;
  for (const { path, bytes } of extra) {
    yield { path, kind: "file", bytes: bytes.length, read: () => once(bytes) };
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

export function checkPath(path: string, collisions: CollisionCheck): void {
  const problem = pathProblem(path);
  const other = problem === undefined ? collisions.add(path) : undefined;
  if (problem === undefined && other === undefined) return;
  const why = problem ?? `it collides with ${printable(other ?? "")}`;
  throw integrity(`this version holds a file that may not be written: ${printable(path)}`, { why });
}

function ignoring(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(systemCode(error) ?? "")) throw error;
  };
}

export async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = systemCode(error);
    if (error instanceof CloisterError || code === undefined) throw error;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new CloisterError("FAILURE", full ? "the disk is full" : `cannot write ${printable(path)}`, {
      why: `${code}; nothing was left behind`,
      next: full ? "free some space, or choose another place with -o" : "check the folder's permissions and the disk",
      cause: error,
    });
  }
}

function taken(target: string, why: string): CloisterError {
  return new CloisterError("USAGE", `will not write to ${printable(target)}`, {
    why: `${why}; nothing was touched`,
    next: "choose a folder that does not exist yet, with -o",
  });
}

function notOneFile(why: string): CloisterError {
  return new CloisterError("USAGE", "only an artifact of one single file can go to standard output", {
    why,
    next: "write it to a folder with -o FOLDER",
  });
}
