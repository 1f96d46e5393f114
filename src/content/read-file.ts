// Reads files of this machine, if they stay what a scan found until they are read.
import { open } from "node:fs/promises";
import type { LocalFile } from "../base/file-entry.ts";
import { changed, checkSame, READ, readFailure, readWhole } from "./local-file.ts";

/** Also the size up to which a file is read in one go: a trip to the thread pool costs more than such a read. */
const PIECE_BYTES = 256 * 1024;

/**
 * The file's bytes, if from the scan to the end of reading it stays the same file with the same content.
 * @throws CloisterError FAILURE naming the file where it cannot be read, or changed; NOT_FOUND
 */
export async function* readUnchanged(file: LocalFile): AsyncIterable<Uint8Array> {
  if (file.stats.size > PIECE_BYTES) {
    yield* readLarge(file);
    return;
  }
  const bytes = Buffer.allocUnsafe(file.stats.size);
  readWhole(file, bytes);
  yield bytes;
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

/** @throws CloisterError as people understand it, naming `path` */
export async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw readFailure(path, error);
  }
}
