// What a system error under a folder store means for a person, and which of them mean hostile or broken contents.
import { userInfo } from "node:os";
import { CloisterError, integrity, systemCode } from "../base/errors.ts";

const FULL = new Set(["ENOSPC", "EDQUOT"]);
const FORBIDDEN = new Set(["EACCES", "EPERM", "EROFS"]);
const PASSING = new Set(["EIO", "ESTALE", "ETIMEDOUT", "EBUSY", "EAGAIN", "EMFILE", "ENFILE", "ENOTCONN", "EHOSTDOWN"]);
/** O_NOFOLLOW met a link, O_NONBLOCK a socket or device without a driver, a path part is a file. */
const PLANTED = new Set(["ELOOP", "ENXIO", "ENODEV", "ENOTDIR", "EISDIR"]);

/**
 * A system error as the `CloisterError` that the store's interface promises; other `CloisterError`s pass through.
 *
 * @param doing what was tried, e.g. `write policy/00000001`
 * @param root the store's folder
 */
export function folderFailure(error: unknown, doing: string, root: string): CloisterError {
  if (error instanceof CloisterError) return error;
  const code = systemCode(error) ?? "unknown error";
  const why = `${code} while trying to ${doing}`;
  if (FULL.has(code)) {
    return new CloisterError("FAILURE", "the store is full", {
      why: `${why} in ${root}`,
      next: "free some space or raise the quota there, then try again; nothing half-written was left",
      cause: error,
    });
  }
  if (FORBIDDEN.has(code)) {
    return new CloisterError("FAILURE", `${userName()} may not ${doing} in the store`, {
      why: `${code} in ${root}`,
      next: `ask the folder's owner for access, or check it with: ls -ld ${root}`,
      cause: error,
    });
  }
  if (PASSING.has(code)) {
    return new CloisterError("UNAVAILABLE", "the store does not answer properly", {
      why: `${why} in ${root}`,
      next: "try again; if it stays, check the disk or the network mount",
      cause: error,
    });
  }
  if (PLANTED.has(code)) return planted(doing, root, error);
  return new CloisterError("FAILURE", "the store failed", { why: `${why} in ${root}`, cause: error });
}

/** Something that the store never makes lies where an object or a folder of objects should. */
export function planted(doing: string, root: string, cause?: unknown): CloisterError {
  return integrity(`the store was tampered with: cannot ${doing}`, {
    why: `there is a link, pipe, device or misplaced file or folder in ${root}, which the store never makes`,
    cause,
  });
}

/** The store was there a moment ago. */
export function gone(root: string): CloisterError {
  return new CloisterError("UNAVAILABLE", "the store went away", {
    why: `${root} is not the folder any more that it was: it was moved, removed or unmounted`,
    next: "bring it back: mount it again, or move it to where it was",
  });
}

function userName(): string {
  try {
    return `user ${userInfo().username}`;
  } catch {
    // No passwd entry for this uid, as in some containers.
    return "this user";
  }
}
