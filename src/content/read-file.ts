// Reads files of this machine, if they stay what a scan found until they are read.
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { CloisterError, systemCode } from "../base/errors.ts";
import type { LocalFile } from "../base/file-entry.ts";
import { printable } from "../base/terminal.ts";

/** A pipe or link that took the file's place must neither block nor be followed. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Also the size up to which a file is read in one go: a trip to the thread pool costs more than such a read. */
const PIECE_BYTES = 256 * 1024;

/**
 * The file's bytes, if from the scan to the end of reading it stays the same file with the same content.
 * @throws CloisterError FAILURE naming the file where it cannot be read, or changed; NOT_FOUND
 */
export async function* readUnchanged(file: LocalFile): AsyncIterable<Uint8Array> {
  if (file.stats.size <= PIECE_BYTES) yield await attempt(file.path, async () => readSmall(file));
  else yield* readLarge(file);
}

function readSmall(file: LocalFile): Uint8Array {
  const descriptor = openSync(file.absolute, READ);
  try {
    checkSame(file, fstatSync(descriptor, { bigint: true }));
    const bytes = Buffer.allocUnsafe(file.stats.size);
    for (let done = 0; done < bytes.length; ) {
      const bytesRead = readSync(descriptor, bytes, done, bytes.length - done, null);
      if (bytesRead === 0) throw changed(file.path);
      done += bytesRead;
    }
    checkSame(file, fstatSync(descriptor, { bigint: true }));
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

async function* readLarge(file: LocalFile): AsyncIterable<Uint8Array> {
  const handle = await attempt(file.path, () => open(file.absolute, READ));
  try {
    checkSame(file, await handle.stat({ bigint: true }));
    let left = file.stats.size;
    while (left > 0) {
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, left));
      const { bytesRead } = await attempt(file.path, () => handle.read(piece, 0, piece.length, null));
      if (bytesRead === 0) throw changed(file.path);
      left -= bytesRead;
      yield piece.subarray(0, bytesRead);
    }
    checkSame(file, await handle.stat({ bigint: true }));
  } finally {
    await handle.close();
  }
}

function checkSame({ path, stats }: LocalFile, now: BigIntStats): void {
  const same =
    now.ctimeNs === stats.ctimeNs &&
    now.mtimeNs === stats.mtimeNs &&
    now.ino === stats.ino &&
    now.dev === stats.dev &&
    Number(now.size) === stats.size &&
    Number(now.mode) === stats.mode;
  if (!same) throw changed(path);
}

/** @throws CloisterError as people understand it, naming `path` */
export async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw readFailure(path, error);
  }
}

/** What a system error means that came from reading what lies at `path`. */
export function readFailure(path: string, error: unknown): CloisterError {
  if (error instanceof CloisterError) return error;
  const code = systemCode(error) ?? "unknown error";
  if (code === "ENOENT") {
    return new CloisterError("NOT_FOUND", `there is no ${printable(path)}`, { cause: error, next: "check the path" });
  }
  const next = "check its permissions and the disk";
  return new CloisterError("FAILURE", `cannot read ${printable(path)}`, { why: code, next, cause: error });
}

function changed(path: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} changed while it was read`, {
    why: "it is not the file that was there when the push began; nothing was published",
    next: "wait until nothing writes to it, then push again",
  });
}
