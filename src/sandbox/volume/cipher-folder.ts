// The folder on the host's disk that holds an encrypted volume's ciphertext. Its key dies with the workspace, so what
// is left of it is noise that takes up room; removing it must never remove anything else.
import { once } from "node:events";
import { chownSync, lstatSync, mkdirSync, rmdirSync, statfsSync } from "node:fs";
import { basename, join } from "node:path";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { formatBytes } from "../../base/units.ts";
import { OUTER_ENVIRONMENT, type Programs } from "../host/programs.ts";
import { beginningOf, startProgram } from "../host/spawn.ts";
import { dropArguments, isWorkspaceUid } from "../host/user.ts";
import type { CreateSpec } from "../sandbox.ts";

const SUFFIX = ".cipher";
const NAME = /^[a-z0-9][a-z0-9-]*\.cipher$/;
/** Far more than a million files take. */
const REMOVE_MS = 30 * 60_000;
const MESSAGE_CHARS_MAX = 500;

/**
 * Runs as the workspace's user in the folder itself. What a command made unreadable is opened first; neither chmod nor
 * find follows a link below its starting point, and `-xdev` stays on this disk.
 */
const EMPTY = `chmod -R u+rwX . && exec find . -xdev -mindepth 1 -delete`;

/** Who makes such folders and removes them: the effective uid of this process, and what it needs for that. */
interface Caller {
  readonly uid: number;
  readonly programs: Pick<Programs, "setpriv" | "sh">;
}

/** Where {@link makeCipherFolder} makes it. @param id of the workspace */
export function cipherFolderOf(parent: string, id: string): string {
  return join(parent, `${id}${SUFFIX}`);
}

/**
 * Makes an empty folder for one workspace's ciphertext, which only that workspace's user may enter. The folder around it
 * is made with mode 0700 where it is not there.
 *
 * @throws {@link CloisterError} USAGE without a folder to make it in; FAILURE where it cannot be made, or the disk has
 *   less room than the volume may take
 */
export function makeCipherFolder(caller: Pick<Caller, "uid">, uid: number, spec: CreateSpec): string {
  const { id, diskBytes, volumeFolder: parent } = spec;
  const folder = parent === undefined ? "" : cipherFolderOf(parent, id);
  if (parent === undefined || !NAME.test(basename(folder))) {
    throw new CloisterError("USAGE", "an encrypted volume needs a folder and a name for its ciphertext", {
      next: "--volume-dir FOLDER",
    });
  }
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    checkRoom(parent, diskBytes);
    mkdirSync(folder, { mode: 0o700 });
    if (caller.uid === 0) chownSync(folder, uid, uid);
    return folder;
  } catch (cause) {
    if (cause instanceof CloisterError) throw cause;
    throw new CloisterError("FAILURE", `no folder for an encrypted volume can be made in ${parent}`, {
      why: `the system says ${systemCode(cause) ?? String(cause)}`,
      next: "--volume-dir FOLDER, on a disk that you may write to",
      cause,
    });
  }
}

/**
 * Removes what is left of an ended workspace's ciphertext. Harmless where it is gone. Nothing outside the folder is
 * touched, whatever lies in it, and root removes it as the workspace's own user.
 *
 * @throws {@link CloisterError} FAILURE where it is not such a folder, or cannot be removed
 */
export async function removeCipherFolder(caller: Caller, folder: string): Promise<void> {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (!stat) return;
  // Whoever made it may have been killed before it was given away.
  const own = stat.uid === caller.uid || isWorkspaceUid(caller.uid, stat.uid);
  if (!NAME.test(basename(folder)) || !stat.isDirectory() || !own) {
    throw new CloisterError("FAILURE", `${folder} was not removed`, {
      why: "it is not the folder that the workspace's encrypted volume was made in",
      next: "look at it, and remove it yourself; what was in the workspace cannot be read any more",
    });
  }
  const message = stat.uid === 0 ? "" : await empty(caller, folder, stat.uid);
  try {
    rmdirSync(folder);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return;
    throw new CloisterError("FAILURE", `${folder} could not be removed`, {
      why: message || `the system says ${systemCode(cause) ?? String(cause)}`,
      next: "remove it yourself; it is encrypted, and its key is gone",
      cause,
    });
  }
}

function checkRoom(parent: string, diskBytes: number): void {
  const { bavail, bsize } = statfsSync(parent);
  const free = bavail * bsize;
  if (free >= diskBytes) return;
  throw new CloisterError("FAILURE", `there is no room for an encrypted volume of ${formatBytes(diskBytes)}`, {
    why: `the disk of ${parent} has ${formatBytes(free)} left`,
    next: "--volume-dir FOLDER on a larger disk, or a smaller --disk",
  });
}

/** @returns what went wrong, or nothing */
async function empty(caller: Caller, folder: string, uid: number) {
  const { setpriv, sh } = caller.programs;
  const child = startProgram([setpriv, ...dropArguments(caller.uid, uid), "--", sh, "-c", EMPTY], {
    // Entered before the privileges are dropped: root's state folder is closed to the workspace's user.
    cwd: folder,
    env: OUTER_ENVIRONMENT,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: REMOVE_MS,
    killSignal: "SIGKILL",
  });
  const message = beginningOf(child.stderr, MESSAGE_CHARS_MAX);
  await once(child, "close");
  return printable(message().trim());
}
