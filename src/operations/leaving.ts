// What leaves a project, and what ends in it, as methods of an open project.
import type { Session } from "./session.ts";
import type * as T from "./types.ts";

/** Exports, shares, and the end of versions. */
export interface Leaving {
  /** Writes a version to a folder, a bucket or another domain; outside of the project nothing governs it any more. */
  exportVersion(options: T.ExportOptions): Promise<T.Exported>;
}

/** Each operation is loaded when it is called. */
export function leavingOf(session: Session): Leaving {
  return {
    exportVersion: async (options) => (await import("./export/export.ts")).exportVersion(session, options),
  };
}
