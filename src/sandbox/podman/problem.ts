// Why podman cannot work on this host, before anything is tried.
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { CloisterError } from "../../base/errors.ts";
import { platformProblem } from "../host/platform.ts";
import { type Problem, unsupported } from "../host/programs.ts";
import { findPodman } from "./programs.ts";

/** Images have files of up to this many users. */
const IDS_NEEDED = 65_536;
/** "the specified runroot is longer than 50 characters" */
const RUN_ROOT_BYTES_MAX = 50;

/** For what this driver cannot do: nothing is left out in silence. */
export function notWithPodman(what: string, flag: string): CloisterError {
  return unsupported({
    why: `with podman, a workspace has no ${what}`,
    next: `leave out ${flag}, or add --driver bubblewrap`,
  });
}

/**
 * Undefined where nothing stands in the way that can be seen from outside.
 *
 * @param env what podman sees of the caller's environment
 */
export function hostProblem(env: Readonly<Record<string, string | undefined>>): Problem | undefined {
  const platform = platformProblem();
  if (platform) return platform;
  const programs = findPodman();
  if ("why" in programs) return programs;
  if (process.geteuid?.() === 0) return undefined;
  const far = runtimeFolderProblem(env["XDG_RUNTIME_DIR"]);
  if (far) return far;
  const { username, uid } = callerBy(userInfo);
  const lacking = ["/etc/subuid", "/etc/subgid"].find((file) => idsOf(readList(file), username, uid) < IDS_NEEDED);
  if (lacking === undefined) return undefined;
  return {
    why: `${username} has no subordinate ids in ${lacking}, which rootless podman needs`,
    next: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username} && podman system migrate`,
  };
}

/**
 * Whoever has no root has podman's state of containers in `XDG_RUNTIME_DIR/containers`. Where that path is longer than
 * podman's limit, podman starts containers all the same, but what it runs at their end refuses it: it then waits 20 s.
 */
export function runtimeFolderProblem(folder: string | undefined): Problem | undefined {
  const length = folder === undefined ? 0 : Buffer.byteLength(join(folder, "containers"));
  if (length <= RUN_ROOT_BYTES_MAX) return undefined;
  return {
    why: `podman takes no path as long as that of XDG_RUNTIME_DIR (${String(folder)})`,
    next: "set XDG_RUNTIME_DIR to a folder of yours with a short path, such as /run/user/UID",
  };
}

/** A container may run under an id that no user database knows; then userInfo() throws. */
export function callerBy(look: typeof userInfo): { readonly username: string; readonly uid: number } {
  try {
    return look();
  } catch {
    const uid = process.geteuid?.() ?? 0;
    return { username: String(uid), uid };
  }
}

/** How many ids a list in the form of subuid(5) gives a user. */
export function idsOf(list: string, name: string, uid: number): number {
  return list
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([owner]) => owner === name || owner === String(uid))
    .reduce((sum, [, , count]) => sum + (Number(count) || 0), 0);
}

function readList(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
