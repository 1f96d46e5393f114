// What looking after a store takes and gives.
import type { StoreReach } from "./project.ts";

export interface CopyStoreOptions extends StoreReach {
  /** A folder, relative to the working directory, or `s3://bucket/prefix`: empty, or what an interrupted copy left. */
  readonly to: string;
  /** From now on this folder uses the copy. */
  readonly switch?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface StoreCopied {
  readonly from: string;
  readonly to: string;
  /** Objects of the store, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Those that were not there yet. */
  readonly newObjects: number;
  readonly newBytes: number;
  /** Entries and Merkle root of the log as the copy shows it; undefined of a dry run. */
  readonly logEntries: number | undefined;
  readonly root: string | undefined;
  readonly switched: boolean;
  /** What each member runs in their project folder to use the copy. */
  readonly command: string;
  readonly dryRun: boolean;
  readonly logEntry: number | undefined;
}

export interface CollectGarbageOptions {
  /** Act; otherwise it is only said what would be done. */
  readonly yes?: boolean | undefined;
}

export interface GarbageAmount {
  readonly packs: number;
  /** Seals and wraps. */
  readonly parts: number;
  readonly bytes: number;
}

export interface GarbageCollected {
  readonly dryRun: boolean;
  /** What versions need. */
  readonly needed: GarbageAmount;
  /** What nothing refers to and is too young to be condemned: an unfinished push may come to use it. */
  readonly fresh: GarbageAmount;
  /** Condemned by this run, or by the one that would be. */
  readonly condemned: GarbageAmount;
  /** Condemned earlier, and not for long enough. */
  readonly waiting: GarbageAmount;
  /** When the first of these may be deleted. */
  readonly nextDue: string | undefined;
  /** Deleted by this run, or by the one that would be. */
  readonly deleted: GarbageAmount;
  /** Marks without anything behind them, removed as well. */
  readonly emptyMarks: number;
  /** Temporary files and uploads that nobody finished, removed as well; undefined where they cannot be looked for. */
  readonly unfinished: { readonly count: number; readonly bytes: number } | undefined;
  /** Ids of what stays because its mark is damaged, or dated ahead. */
  readonly odd: readonly string[];
  /** Objects among packs, seals, wraps, records and marks whose names mean nothing: never touched. */
  readonly strange: number;
  /** False where the run took so long that another has to go on. */
  readonly complete: boolean;
  /** How long what is condemned waits, in ms. */
  readonly waitMs: number;
  readonly logEntry: number | undefined;
}
