// Files that only their owner may read, written whole or not at all.
import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, promises, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CloisterError, integrity, systemCode } from "../base/errors.ts";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const OTHERS = 0o077;

/**
 * Reads a file whose folder and itself belong to this user and are closed to others; undefined where there is none.
 * At once, without a trip to the thread pool for each step: every command waits for the identity of this device.
 *
 * @throws {@link CloisterError} FAILURE naming the `chmod` to run; INTEGRITY where it is larger or no regular file
 */
export async function readPrivateFile(file: string, bytesMax: number): Promise<Buffer | undefined> {
  // Not following a link: the file must lie where the folder's permissions protect it. Not waiting for a FIFO's writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let opened: number;
  try {
    opened = openSync(file, flags);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw new CloisterError("FAILURE", `cannot read ${file}`, { cause: error, why: systemCode(error) });
  }
  try {
    const found = fstatSync(opened);
    const problem = (await exposure(dirname(file))) ?? (await exposure(file));
    if (problem) throw new CloisterError("FAILURE", problem.text, { why: WHY_CLOSED, next: problem.next });
    if (!found.isFile() || found.size > bytesMax) {
      throw integrity(`${file} is not what was written there`, { why: "it is too large or no regular file" });
    }
    return readFileSync(opened);
  } finally {
    closeSync(opened);
  }
}

const WHY_CLOSED = "others could read or exchange the identity of this device";

/** Why a file or folder is open to other users, and the command that closes it; undefined where it is closed. */
export async function exposure(path: string): Promise<{ text: string; next: string } | undefined> {
  // Windows has no such bits; a profile folder is closed by its inherited access list.
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  const found = statSync(path);
  if (found.uid !== uid) return { text: `${path} belongs to another user`, next: "run it as that user" };
  if ((found.mode & OTHERS) === 0) return undefined;
  const mode = found.isDirectory() ? "700" : "600";
  return { text: `${path} is open to other users`, next: `chmod ${mode} '${path}'` };
}

/** Replaces a private file in one step. It and its name survive power loss. */
export async function writePrivateFile(file: string, bytes: Uint8Array): Promise<void> {
  await throughTemporary(file, bytes, (temporary) => promises.rename(temporary, file));
}

/** Writes a private file unless the name is taken; false where it is. */
export async function createPrivateFile(file: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await throughTemporary(file, bytes, (temporary) => promises.link(temporary, file));
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes a file; false where there was none. */
export async function removeFile(file: string): Promise<boolean> {
  try {
    await promises.rm(file);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

async function throughTemporary(
  file: string,
  bytes: Uint8Array,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(file);
  await promises.mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  // An existing folder keeps its mode through mkdir, and umask takes bits away from a new one.
  await promises.chmod(folder, FOLDER_MODE);
  const temporary = join(folder, `.${randomBytes(8).toString("hex")}.tmp`);
  try {
    const handle = await promises.open(temporary, "wx", FILE_MODE);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(temporary);
    await syncFolder(folder);
  } finally {
    await promises.rm(temporary, { force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await promises.open(folder, "r").catch((error: unknown) => {
    // Windows cannot open folders; it has no call to sync them either.
    if (systemCode(error) === "EISDIR" || systemCode(error) === "EPERM") return undefined;
    throw error;
  });
  if (!handle) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
