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
