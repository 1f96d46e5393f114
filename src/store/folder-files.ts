// The file operations under the folder store that must be exact: whole reads, whole writes, a name given once, fsync.
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open } from "node:fs/promises";
import { systemCode } from "../base/errors.ts";

/** Up to `length` bytes from `from`, in `into` where that is given; fewer where the file ends before. */
export async function readAt(handle: FileHandle, from: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
  const bytes = into ?? Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Parts given to one writev(2); POSIX allows at least 1024 on every system we run on. */
const PARTS_MAX = 512;

/** Writes all parts one after the other. */
export async function writeAll(handle: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (let first = 0; first < parts.length; first += PARTS_MAX) {
    let rest = parts.slice(first, first + PARTS_MAX).filter((part) => part.length > 0);
    while (rest.length > 0) {
      // A short write is how Linux announces a full disk: the next one then fails with ENOSPC.
      let { bytesWritten } = await handle.writev(rest);
      rest = rest
        .map((part) => {
          const taken = Math.min(part.length, bytesWritten);
          bytesWritten -= taken;
          return part.subarray(taken);
        })
        .filter((part) => part.length > 0);
    }
  }
}

/**
 * link(2) gives the file its name only where the name is free, also on NFS, and in one step. On NFS it can say that the name
 * is taken by this very file: the first answer was lost, and the client asked again.
 */
export async function linkOnce(from: string, to: string): Promise<"created" | "exists"> {
  try {
    await link(from, to);
    return "created";
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    const [own, there] = await Promise.allSettled([from, to].map((path) => lstat(path, { bigint: true })));
    if (own?.status !== "fulfilled" || there?.status !== "fulfilled") return "exists";
    return own.value.ino === there.value.ino && own.value.dev === there.value.dev ? "created" : "exists";
  }
}

/** Makes the names in a folder survive power loss: fsync(2) of a file does not do that. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
