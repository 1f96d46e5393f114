// The file operations under the folder store that must be exact: whole reads, whole writes, a name given once, fsync.
import { constants, type Stats } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, stat } from "node:fs/promises";
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

/** link(2) counts as a change of the file: an object is no older than its name, whenever its bytes were written. */
export function changedAt({ mtimeMs, ctimeMs }: Stats): number {
  return Math.ceil(Math.max(mtimeMs, ctimeMs));
}

/** What tells a folder from another one at the same path; undefined where there is none. */
export async function idOf(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${String(dev)}:${String(ino)}`;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Whether a folder that was there is missing, or an empty one stands in its place: a mount point whose mount was lost. Another
 * id alone says nothing: some network file systems give new ones.
 * @param id what {@link idOf} said of it
 */
export async function isGone(folder: string, id: string): Promise<boolean> {
  const now = await idOf(folder);
  return now === undefined || (now !== id && (await readdir(folder)).length === 0);
}
