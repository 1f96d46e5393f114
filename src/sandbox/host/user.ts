// Which host user a workspace runs under. bwrap started by uid 0 would leave the sandbox able to write the host's
// /proc/sys (core_pattern), so root always hands over to a user that nothing else runs under.
import { readdirSync, statSync } from "node:fs";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { isFirstInside, uidOf } from "./process.ts";

/** Above uids of people and services, below the subordinate ids that start at 100000 (login.defs(5), SUB_UID_MIN). */
const UID_FIRST = 66_000;
const UID_LAST = 95_999;
const ATTEMPTS_MAX = 100;

/**
 * The uid for a new workspace: the caller's own, or for root one that no process runs under.
 *
 * @throws {@link CloisterError} FAILURE where none is free
 */
export function chooseUid(callerUid: number): number {
  if (callerUid !== 0) return callerUid;
  const used = uidsInUse();
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    // Any free one will do. node:crypto would take longer to load than all else here.
    const uid = UID_FIRST + Math.floor(Math.random() * (UID_LAST - UID_FIRST + 1));
    if (!used.has(uid)) return uid;
  }
  throw new CloisterError("FAILURE", "no free user id for a workspace", {
    why: `processes run under nearly all of ${String(UID_FIRST)} to ${String(UID_LAST)}`,
    next: "destroy workspaces that are no longer needed: cloister ws list",
  });
}

/** True where a workspace's uid is one that {@link chooseUid} gives this caller. */
export function isWorkspaceUid(callerUid: number, uid: number): boolean {
  return callerUid === 0 ? uid >= UID_FIRST && uid <= UID_LAST : uid === callerUid;
}

/**
 * Holds what a record says of a holder against the process itself: one that was tampered with must lead nobody, and root
 * least of all, into a process of somebody else, nor have it ended. Says nothing of one that has ended.
 *
 * @param own whether a workspace of this caller may run under a uid
 * @throws {@link CloisterError} FAILURE
 */
export function requireHolder({ pid, uid }: { pid: number; uid: number }, own: (uid: number) => boolean): void {
  const found = uidOf(pid);
  if (own(uid) && (found === undefined || (found === uid && isFirstInside(pid)))) return;
  if (!own(uid) || found !== uid) throw notOurs(found ?? uid);
  throw new CloisterError("FAILURE", "the workspace belongs to another user of this machine", {
    why: `process ${String(pid)} holds no workspace: what this device knows of it was changed`,
    next: "cloister ws prune",
  });
}

/** Arguments of setpriv(1) that turn root into the workspace's user; none for a caller who is that user already. */
export function dropArguments(callerUid: number, uid: number): readonly string[] {
  if (callerUid !== 0) return [];
  return [`--reuid=${String(uid)}`, `--regid=${String(uid)}`, "--clear-groups", "--inh-caps=-all"];
}

/** The error of whoever meets a workspace of another user. @param uid that it runs under */
export function notOurs(uid: number | undefined, cause?: unknown): CloisterError {
  return new CloisterError("FAILURE", "the workspace belongs to another user of this machine", {
    why: `it runs under user id ${String(uid ?? "unknown")}`,
    next: "work with it as the user who made it",
    cause,
  });
}

function uidsInUse(): Set<number> {
  const used = new Set<number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      used.add(statSync(`/proc/${name}`).uid);
    } catch (error) {
      // It ended meanwhile.
      if (!["ENOENT", "ESRCH"].includes(systemCode(error) ?? "")) throw error;
    }
  }
  return used;
}
