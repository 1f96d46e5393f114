// Small files on this device: written whole or not at all, readable by their owner alone.
import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, promises, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { CloisterError, systemCode } from "../base/errors.ts";

/**
 * The bytes of a regular file, or undefined where there is none. Read at once: these files are small and on this
 * machine, and every command reads several before it can begin; a trip to the thread pool for each is felt.
 * @throws CloisterError FAILURE
 */
export async function readLocal(path: string, bytesMax: number): Promise<Buffer | undefined> {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(file);
      if (!stat.isFile() || stat.size > bytesMax) {
        throw new CloisterError("FAILURE", `${path} is no regular file of at most ${String(bytesMax)} bytes`);
      }
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw fileFailure("read", path, error);
  }
}

/** Replaces the file in one step. `mode` is set whatever the umask. @throws CloisterError FAILURE */
export async function writeLocal(path: string, bytes: Uint8Array | string, mode = 0o600): Promise<void> {
  await replaceFile(path, bytes, mode, (file) => file.sync());
}

/** {@link writeLocal} for what can be lost: it does not wait for the disk, so that a power failure may leave anything. */
export async function writeDisposable(path: string, bytes: Uint8Array): Promise<void> {
  await replaceFile(path, bytes, 0o600, async () => undefined);
}

async function replaceFile(
  path: string,
  bytes: Uint8Array | string,
  mode: number,
  settle: (file: promises.FileHandle) => Promise<void>,
): Promise<void> {
  // Named after us, so that whoever finds it later can tell that we were killed.
  const temporary = `${path}.${String(process.pid)}-${randomBytes(6).toString("hex")}.tmp`;
  try {
    await promises.mkdir(dirname(path), { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 });
    const file = await promises.open(temporary, "wx", mode);
    try {
      await file.chmod(mode);
      await file.writeFile(bytes);
      await settle(file);
    } finally {
      await file.close();
    }
    await promises.rename(temporary, path);
  } catch (error) {
    // What went wrong first is what there is to say.
    await promises.rm(temporary, { force: true }).catch(() => undefined);
    throw fileFailure("write", path, error);
  }
}

/** A failing file as people understand it. */
export function fileFailure(verb: string, path: string, error: unknown): Error {
  if (error instanceof CloisterError) return error;
  const why = WHY[systemCode(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
  return new CloisterError("FAILURE", `cannot ${verb} ${path}`, { why, cause: error });
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EEXIST: "a part of its path is no folder",
};
