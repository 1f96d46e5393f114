// The part of the public library that looks after the store.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

export interface StoreCare {
  /** Copies the store to another place, verified; `switch` turns this folder to the copy. */
  copyStore(options: T.CopyStoreOptions): Promise<T.StoreCopied>;
  /** Says what no version needs any more; with `yes` condemns it, and deletes what was condemned a day before. */
  collectGarbage(options: T.CollectGarbageOptions): Promise<T.GarbageCollected>;
}

/** Each operation is loaded when it is called. */
export function storeCareOf(session: Session): StoreCare {
  return {
    copyStore: async (options) => (await import("../operations/project/store-copy.ts")).copyStore(session, options),
    collectGarbage: async (options) => (await import("../operations/store/gc.ts")).collectGarbage(session, options),
  };
}
