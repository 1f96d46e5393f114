// Why podman cannot work on this host, before anything is tried.
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { CloisterError } from "../../base/errors.ts";
import { platformProblem } from "../host/platform.ts";
import { type Problem, unsupported } from "../host/programs.ts";
import { findPodman } from "./programs.ts";

/** Images have files of up to this many users. */
const IDS_NEEDED = 65_536;

/** For what this driver cannot do: nothing is left out in silence. */
export function notWithPodman(what: string, flag: string): CloisterError {
  return unsupported({
    why: `with podman, a workspace has no ${what}`,
    next: `leave out ${flag}, or add --driver bubblewrap`,
  });
}

/** Undefined where nothing stands in the way that can be seen from outside. */
export function hostProblem(): Problem | undefined {
  const platform = platformProblem();
  if (platform) return platform;
  const programs = findPodman();
  if ("why" in programs) return programs;
  if (process.geteuid?.() === 0) return undefined;
  const { username, uid } = userInfo();
  const lacking = ["/etc/subuid", "/etc/subgid"].find((file) => idsOf(readList(file), username, uid) < IDS_NEEDED);
  if (lacking === undefined) return undefined;
  return {
    why: `${username} has no subordinate ids in ${lacking}, which rootless podman needs`,
    next: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username} && podman system migrate`,
  };
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
