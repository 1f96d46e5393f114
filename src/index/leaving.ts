// The part of the public library that is about what leaves a project, and what ends in it.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

/** Exports, shares, and the end of versions. */
export interface Leaving {
  /** Writes a version to a folder, a bucket or another domain; outside of the project nothing governs it any more. */
  exportVersion(options: T.ExportOptions): Promise<T.Exported>;
}

/** Each operation is loaded when it is called. */
export function leavingOf(session: Session): Leaving {
  return {
    exportVersion: async (options) => (await import("../operations/export/export.ts")).exportVersion(session, options),
  };
}
