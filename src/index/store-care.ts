// The part of the public library that looks after the store.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

export interface StoreCare {
  /** Copies the store to another place, verified; `switch` turns this folder to the copy. */
  copyStore(options: T.CopyStoreOptions): Promise<T.StoreCopied>;
  /** Says what no version needs any more; with `yes` condemns it, and deletes what was condemned a day before. */
  collectGarbage(options: T.CollectGarbageOptions): Promise<T.GarbageCollected>;
  /** Checks what is signed and logged against what lies there; with `read` all that can be opened. Damage is a result. */
  checkStore(options: T.CheckStoreOptions): Promise<T.StoreChecked>;
  /** What artifacts hold, take and share. */
  storeStats(): Promise<T.StoreStats>;
  /** Says what another copy of the store has right; with `yes` takes it over. */
  repairStore(options: T.RepairStoreOptions): Promise<T.StoreRepaired>;
}

/** Each operation is loaded when it is called. */
export function storeCareOf(session: Session): StoreCare {
  return {
    copyStore: async (options) => (await import("../operations/project/store-copy.ts")).copyStore(session, options),
    collectGarbage: async (options) => (await import("../operations/store/gc.ts")).collectGarbage(session, options),
    checkStore: async (options) => (await import("../operations/store/check.ts")).checkStore(session, options),
    storeStats: async () => (await import("../operations/store/stats.ts")).storeStats(session),
    repairStore: async (options) => (await import("../operations/store/repair.ts")).repairStore(session, options),
  };
}
