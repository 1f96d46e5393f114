// The part of the public library that is about what leaves a project, and what ends in it.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

/** Exports, shares, and the end of versions. */
export interface Leaving {
  /** Writes a version to a folder, a bucket or another domain; outside of the project nothing governs it any more. */
  exportVersion(options: T.ExportOptions): Promise<T.Exported>;
  /** Writes a version as one encrypted file for one recipient, who needs no project to open it. */
  createShare(options: T.ShareOptions): Promise<T.ShareCreated>;
  listShares(): Promise<T.ShareListing>;
  /** Records that a share is not to be opened any more; what was handed out cannot be taken back. */
  revokeShare(options: { readonly id: string; readonly justification?: string | undefined }): Promise<T.ShareRevoked>;
  /** Takes a version out of use; it can be restored. */
  retireVersion(options: T.EndOptions): Promise<T.Ended>;
  restoreVersion(options: T.EndOptions): Promise<T.Ended>;
  /** Puts a version under legal hold, or takes it out: its keys are not destroyed meanwhile. */
  holdVersion(options: T.EndOptions & { readonly release?: boolean }): Promise<T.Ended>;
  /** Destroys the keys of a retired version: nobody reads it any more. */
  shredVersion(options: T.EndOptions): Promise<T.Shredded>;
  /** Ends what is past the time that the policy keeps it. */
  pruneVersions(options: T.PruneVersionsOptions): Promise<T.VersionsPruned>;
}

/** Each operation is loaded when it is called. */
export function leavingOf(session: Session): Leaving {
  return {
    exportVersion: async (options) => (await import("../operations/export/export.ts")).exportVersion(session, options),
    createShare: async (options) => (await import("../operations/share/create.ts")).createShare(session, options),
    listShares: async () => (await import("../operations/share/list.ts")).listShares(session),
    revokeShare: async ({ id, justification }) =>
      (await import("../operations/share/list.ts")).revokeShare(session, id, justification),
    retireVersion: async (options) => (await import("../operations/retention/end.ts")).retireVersion(session, options),
    restoreVersion: async (options) =>
      (await import("../operations/retention/end.ts")).restoreVersion(session, options),
    holdVersion: async (options) => (await import("../operations/retention/end.ts")).holdVersion(session, options),
    shredVersion: async (options) => (await import("../operations/retention/shred.ts")).shredVersion(session, options),
    pruneVersions: async (options) =>
      (await import("../operations/retention/prune.ts")).pruneVersions(session, options),
  };
}
