// The control group of a workspace that root makes where no systemd has the groups. The runtime puts every container into
// a group of its own, which counts it alone: so the first process of each is moved, while it still waits for what to run.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { uidOf } from "../host/process.ts";
import { type Cgroup, cgroupSupport, provenCgroup } from "../limits/cgroup.ts";
import { makeFolders } from "../limits/folders.ts";
import type { Controller } from "../limits/hierarchy.ts";
import { amountsOf } from "../limits/settings.ts";
import type { HolderState } from "../sandbox.ts";
import type { HolderSpec } from "./holder.ts";

/** Who runs under whose uid, in which group. */
type Member = Pick<HolderState, "uid" | "cgroup">;

/** What a group made now would hold for all containers of a workspace together. */
export function groupSupport(uid: number): readonly Controller[] {
  if (uid !== 0) return [];
  const { bySystemd, controllers } = cgroupSupport(uid);
  return bySystemd ? [] : controllers;
}

/** A group with as many of the limits as can be had, and no process so far; undefined where there is none. */
export function makeGroup(uid: number, id: string, { limits, diskBytes }: HolderSpec): Cgroup | undefined {
  const amounts = amountsOf(limits, diskBytes);
  if (amounts.size === 0 || groupSupport(uid).length === 0) return undefined;
  const folders = makeFolders(id.replace(/[^0-9A-Za-z]/g, ""), amounts);
  return folders.length === 0 ? undefined : { folders, holds: [] };
}

/** Moves the holder. @returns the group, with what the kernel then holds for it */
export function enterFirst(
  cgroup: Cgroup,
  { limits, diskBytes }: HolderSpec,
  holder: Member & { pid: number },
): Cgroup {
  enterGroup({ ...holder, cgroup }, holder.pid);
  return provenCgroup(cgroup, amountsOf(limits, diskBytes), holder.pid);
}

/**
 * Moves the only process of a container into the workspace's group; what it starts later is in it, too.
 *
 * @throws {@link CloisterError} FAILURE: what is not in the group must not run
 */
export function enterGroup({ uid, cgroup }: Member, pid: number): void {
  // It may have ended, and its pid be another's.
  if (uidOf(pid) !== uid) throw notEntered("it has ended");
  for (const folder of cgroup?.folders ?? []) {
    try {
      writeFileSync(join(folder, "cgroup.procs"), String(pid), { flag: "r+" });
    } catch (error) {
      throw notEntered(systemCode(error) ?? String(error));
    }
  }
}

function notEntered(why: string): CloisterError {
  return new CloisterError("FAILURE", "the command cannot be held to the workspace's limits", { why });
}
