// Files of a real folder, or a single file, as entries to push. Everything odd is refused before anything is read.

import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { lstat, open, readdir, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { CloisterError, systemCode } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import type { UnsizedEntry } from "./write.ts";

export interface FolderOptions {
  readonly signal: AbortSignal;
  /** Leaves out a file, or a folder with all that is in it; gets the path relative to the folder. */
  readonly exclude?: ((path: string) => boolean) | undefined;
}

/** What the scan saw of a file; it must still be so when the file is read. */
interface Found {
  readonly path: string;
  readonly absolute: string;
  readonly kind: FileEntry["kind"];
  readonly stats: BigIntStats;
}

/**
 * The files of a folder in the order of their paths, with empty folders; or one file under its own name. Only the
 * starting point may be a symbolic link.
 *
 * @throws CloisterError NOT_FOUND; FAILURE naming what is no file or folder (links, pipes, sockets, devices), cannot be
 * read, has a name that is not UTF-8, or changes while it is read; INTERRUPTED
 */
export async function* folderFiles(path: string, options: FolderOptions): AsyncIterable<FileEntry> {
  for (const [i, found] of (await scan(path, options)).entries()) {
    // Small files are read without waiting, so that signals would never be seen.
    if (i % FILES_PER_TURN === 0) await setImmediate();
    checkAborted(options.signal);
    yield { path: found.path, kind: found.kind, bytes: bytesOf(found), read: () => readUnchanged(found) };
  }
}

/**
 * How much {@link folderFiles} will yield.
 *
 * @throws CloisterError as `folderFiles`, but for changes
 */
export async function folderSize(path: string, options: FolderOptions): Promise<{ files: number; bytes: number }> {
  const files = (await scan(path, options)).filter((found) => found.kind !== "directory");
  return { files: files.length, bytes: files.reduce((sum, found) => sum + bytesOf(found), 0) };
}

/** Standard input, or any other stream of bytes, as one file whose length shows at its end. */
export async function* stdinFile(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
): AsyncIterable<UnsizedEntry> {
  yield { path: name, kind: "file", bytes: undefined, read: () => bytesFrom(stream) };
}

async function* bytesFrom(stream: AsyncIterable<Uint8Array | string>): AsyncIterable<Uint8Array> {
  for await (const piece of stream) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}

async function scan(start: string, options: FolderOptions): Promise<Found[]> {
  const absolute = await attempt(start, () => realpath(start));
  const stats = await attempt(start, () => lstat(absolute, { bigint: true }));
  if (!stats.isDirectory()) return [foundFile(basename(absolute), absolute, stats)];
  const all: Found[] = [];
  await scanFolder({ absolute, path: "", stats }, options, all);
  return all;
}

async function scanFolder(
  folder: Pick<Found, "absolute" | "path" | "stats">,
  options: FolderOptions,
  all: Found[],
): Promise<void> {
  checkAborted(options.signal);
  const inside = await entriesOf(folder, options);
  const isEmptied = inside.length === 0 && folder.path !== "";
  if (isEmptied) all.push({ ...folder, kind: "directory" });
  for (const entry of inside) {
    if (entry.stats.isDirectory()) await scanFolder(entry, options, all);
    else all.push(foundFile(entry.path, entry.absolute, entry.stats));
  }
}

/** What is in a folder, so ordered that walking it gives whole paths in the order of their bytes. */
async function entriesOf(folder: Pick<Found, "absolute" | "path">, options: FolderOptions) {
  const names = await attempt(folder.path || folder.absolute, () => readdir(folder.absolute, { encoding: "buffer" }));
  const entries = [];
  for (const bytes of names) {
    const name = bytes.toString("utf8");
    const path = folder.path === "" ? name : `${folder.path}/${name}`;
    if (!Buffer.from(name).equals(bytes)) throw refused(path, "its name is not UTF-8", "rename it");
    if (options.exclude?.(path)) continue;
    const absolute = join(folder.absolute, name);
    const stats = await attempt(path, async () => lstatSync(absolute, { bigint: true }));
    entries.push({ path, absolute, stats, key: stats.isDirectory() ? Buffer.from(`${name}/`) : bytes });
  }
  return entries.sort((a, b) => Buffer.compare(a.key, b.key));
}

function foundFile(path: string, absolute: string, stats: BigIntStats): Found {
  if (stats.isFile()) return { path, absolute, stats, kind: (stats.mode & 0o100n) === 0n ? "file" : "executable" };
  const next = "replace it by what it stands for, or leave it out";
  if (stats.isSymbolicLink()) throw refused(path, "it is a symbolic link", next);
  throw refused(path, "it is neither a file nor a folder but a pipe, socket or device", next);
}

function bytesOf(found: Found): number {
  return found.kind === "directory" ? 0 : Number(found.stats.size);
}

/** Also the size up to which a file is read in one go: a trip to the thread pool costs more than such a read. */
const PIECE_BYTES = 256 * 1024;
const FILES_PER_TURN = 16;

/** The file's bytes, if from the scan to the end of reading it stays the same file with the same content. */
async function* readUnchanged(found: Found): AsyncIterable<Uint8Array> {
  if (found.kind === "directory") return;
  if (found.stats.size <= PIECE_BYTES) yield await attempt(found.path, async () => readSmall(found));
  else yield* readLarge(found);
}

/** A pipe or link that took the file's place must neither block nor be followed. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function readSmall(found: Found): Uint8Array {
  const file = openSync(found.absolute, READ);
  try {
    checkSame(found, fstatSync(file, { bigint: true }));
    const bytes = Buffer.allocUnsafe(bytesOf(found));
    for (let done = 0; done < bytes.length; ) {
      const bytesRead = readSync(file, bytes, done, bytes.length - done, null);
      if (bytesRead === 0) throw changed(found.path);
      done += bytesRead;
    }
    checkSame(found, fstatSync(file, { bigint: true }));
    return bytes;
  } finally {
    closeSync(file);
  }
}

async function* readLarge(found: Found): AsyncIterable<Uint8Array> {
  const handle = await attempt(found.path, () => open(found.absolute, READ));
  try {
    checkSame(found, await handle.stat({ bigint: true }));
    let left = bytesOf(found);
    while (left > 0) {
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, left));
      const { bytesRead } = await attempt(found.path, () => handle.read(piece, 0, piece.length, null));
      if (bytesRead === 0) throw changed(found.path);
      left -= bytesRead;
      yield piece.subarray(0, bytesRead);
    }
    checkSame(found, await handle.stat({ bigint: true }));
  } finally {
    await handle.close();
  }
}

function checkSame({ path, stats }: Found, now: BigIntStats): void {
  const same = (["dev", "ino", "mode", "size", "mtimeNs", "ctimeNs"] as const).every((key) => stats[key] === now[key]);
  if (!same) throw changed(path);
}

async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CloisterError) throw error;
    const code = systemCode(error) ?? "unknown error";
    if (code === "ENOENT") {
      throw new CloisterError("NOT_FOUND", `there is no ${printable(path)}`, { cause: error, next: "check the path" });
    }
    const next = "check its permissions and the disk";
    throw new CloisterError("FAILURE", `cannot read ${printable(path)}`, { why: code, next, cause: error });
  }
}

function refused(path: string, why: string, next: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} cannot be pushed`, { why, next });
}

function changed(path: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} changed while it was read`, {
    why: "it is not the file that was there when the push began; nothing was published",
    next: "wait until nothing writes to it, then push again",
  });
}
