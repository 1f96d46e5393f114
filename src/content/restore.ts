// Writes files to disk so that either all of them appear, verified, or nothing does.
import { constants } from "node:fs";
import { lstat, open, readdir, rename } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Writable } from "node:stream";
import { CloisterError, integrity, systemCode } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { CollisionCheck, pathProblem } from "../base/path.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import { PullJournal } from "./pull/journal.ts";
import { planDigest, stageContent } from "./pull/stage-content.ts";
import { StoredContent } from "./read.ts";
import { StagedFiles } from "./staged-files.ts";
import { Staging } from "./staging.ts";

/** A small file that is written beside the entries, e.g. a manifest. */
export interface ExtraFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface RestoreOptions {
  readonly signal: AbortSignal;
  /**
   * Says which content it is, so that it can be gone on with after an interruption; only for content out of the store. The
   * same text must always mean the same content, as a version id does.
   */
  readonly resume?: string | undefined;
}

/**
 * Writes entries to a folder that does not exist yet or is empty. They go to a private folder beside it, are flushed
 * to disk, and appear under the target's name in one step after the last was read to its end. The folder is readable
 * for its owner only; of the files' modes only the executable bit is kept.
 *
 * With `resume`, an interrupted run leaves the private folder (readable for its owner only), with a journal of the pieces that
 * were written. The same call goes on from there, in whatever process, and fetches only what is missing. It believes the
 * journal as little as the disk: every file's digest is computed over what lies there, and a file that turns out wrong is
 * fetched anew before it counts as damaged. A journal of another selection of files begins anew. What nobody comes back for
 * is removed after a day by whoever restores beside it.
 *
 * @throws CloisterError USAGE where something is at the target already, and nothing was touched; INTEGRITY for a path
 * that may not be written; FAILURE where the disk is full or may not be written; INTERRUPTED; whatever `read()` throws.
 * After any of them nothing is left behind, but for what can be gone on with: after FAILURE, UNAVAILABLE and INTERRUPTED,
 * which then say how much there is and where.
 */
export async function restoreFolder(
  target: string,
  entries: AsyncIterable<FileEntry>,
  extra: readonly ExtraFile[],
  { signal, resume }: RestoreOptions,
): Promise<void> {
  const place = resolve(target);
  await checkFree(place);
  const staging = await attempt(target, () =>
    resume === undefined || !(entries instanceof StoredContent)
      ? Staging.once(dirname(place))
      : Staging.resumable(place, resume),
  );
  try {
    const files = await fill(staging, entries, extra, { signal, resume, target });
    await attempt(target, () => files.flush());
    checkAborted(signal);
    await attempt(target, () => publish(staging.files, place));
  } catch (error) {
    throw await staging.failed(error);
  }
  await staging.remove();
}

async function fill(
  staging: Staging,
  entries: AsyncIterable<FileEntry>,
  extra: readonly ExtraFile[],
  { signal, resume, target }: RestoreOptions & { readonly target: string },
): Promise<StagedFiles> {
  const collisions = new CollisionCheck();
  const files = new StagedFiles(staging.files, staging.keeps);
  const rest = withExtra(entries instanceof StoredContent ? none() : entries, extra);
  if (entries instanceof StoredContent) {
    for (const { path } of entries.tree.files) checkPath(path, collisions);
    for (const { path } of extra) checkPath(path, collisions);
    await attempt(target, () => stage(staging, entries, files, resume));
    for await (const entry of rest) await attempt(entry.path, () => files.write(entry));
    return files;
  }
  for await (const entry of rest) {
    checkAborted(signal);
    checkPath(entry.path, collisions);
    await attempt(entry.path, () => files.write(entry));
  }
  return files;
}

async function stage(
  staging: Staging,
  content: StoredContent,
  files: StagedFiles,
  resume: string | undefined,
): Promise<void> {
  if (!staging.keeps || resume === undefined) return await stageContent(content, files, undefined);
  const journal = await PullJournal.open(staging.journal, planDigest(content, resume), () => staging.clear());
  try {
    await stageContent(content, files, journal);
  } finally {
    staging.keeping(journal.bytes);
    journal.close();
  }
}

/**
 * Writes the only file among the entries to a stream, for `-o -`. Entries must allow `read()` after the next was asked
 * for, as those of `readContent` do.
 *
 * Every piece was verified before it is written, and the last one only follows once the digest of the whole file was right:
 * where it fails, the stream ends short. A reader that goes away early is no error.
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
  // What a write fails with, its callback is told; without a listener it would end the process besides.
  writable.on("error", ignore);
  try {
    for await (const piece of only.read()) {
      if (!(await writePiece(writable, piece))) return;
    }
  } finally {
    writable.off("error", ignore);
  }
}

function ignore(): void {}

/** Waits until the piece has been taken: no more than one is ever in memory. False where the reader went away. */
function writePiece(writable: Writable, piece: Uint8Array): Promise<boolean> {
  return new Promise((done, fail) => {
    writable.write(piece, (error) => {
      if (!error) done(true);
      else if (["EPIPE", "ERR_STREAM_DESTROYED"].includes(systemCode(error) ?? "")) done(false);
      else fail(error);
    });
  });
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

async function* none(): AsyncGenerator<FileEntry> {}

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
      why: code,
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
