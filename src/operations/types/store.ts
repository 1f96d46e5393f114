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

export interface CheckStoreOptions {
  /** Open and compare everything that this member can read. */
  readonly read?: boolean | undefined;
}

/** A version of which something is missing or not what was signed. */
export interface DamagedVersion {
  /** As people write it; undefined where this member cannot open its name. */
  readonly reference: string | undefined;
  readonly domain: string;
  readonly class: string;
  readonly number: number;
  readonly versionId: string;
  readonly pushedBy: string;
  readonly logEntry: number;
  readonly damage: readonly string[];
}

export interface StoreChecked {
  readonly ok: boolean;
  /** Versions in use, and those whose keys were destroyed. */
  readonly versions: number;
  readonly ended: number;
  readonly log: { readonly ok: boolean; readonly entries: number; readonly why: string | undefined };
  readonly damaged: readonly DamagedVersion[];
  /** Names of packs that are missing or cut short, with the ids of the versions that need them. */
  readonly packs: readonly { readonly pack: string; readonly why: string; readonly versions: readonly string[] }[];
  /** Of what was opened; undefined where nothing was to be. */
  readonly read: { readonly versions: number; readonly bytes: number } | undefined;
  /** Versions that could not be opened, by domain and class: only their structure was checked. */
  readonly hidden: readonly { readonly where: string; readonly count: number }[];
  /** What nothing needs, too young or not condemned yet, and what is condemned. */
  readonly garbage: GarbageAmount;
  readonly condemned: GarbageAmount;
  /** Names of objects that mean nothing; up to 20. */
  readonly strange: readonly string[];
  readonly strangeCount: number;
}

/** Bytes of an artifact, as far as this member can open it. */
export interface ArtifactStats {
  /** `domain/name`, or the name id where it cannot be opened. */
  readonly artifact: string;
  readonly versions: number;
  /** What its versions hold, each counted whole; undefined where it cannot be opened. */
  readonly logical: number | undefined;
  /** Packs that its versions need, each counted once. */
  readonly stored: number;
  /** Of these, packs that no other artifact needs, and packs that others need as well. */
  readonly unique: number;
  readonly shared: number;
}

export interface StoreStats {
  readonly artifacts: readonly ArtifactStats[];
  readonly versions: number;
  /** Of all that can be opened. */
  readonly logical: number;
  /** Packs of the same artifacts. */
  readonly stored: number;
  /** How many times as much it would be without deduplication; undefined where nothing can be opened. */
  readonly ratio: number | undefined;
  /** Versions that this member cannot open: their packs count, their contents do not. */
  readonly hidden: number;
  /** All packs that versions need, and their seals and wraps. */
  readonly packs: GarbageAmount;
  readonly parts: GarbageAmount;
  readonly garbage: GarbageAmount;
  readonly condemned: GarbageAmount;
}

export interface RepairStoreOptions extends StoreReach {
  /** Another copy of this store: a folder, relative to the working directory, or `s3://bucket/prefix`. */
  readonly from?: string | undefined;
  /** Open what can be opened as well: damage inside of packs shows only then. */
  readonly read?: boolean | undefined;
  /** Act; otherwise it is only said what would be done. */
  readonly yes?: boolean | undefined;
}

/** One object that is put right. */
export interface RepairedObject {
  readonly name: string;
  /** `add`: it was missing. `replace`: what lay there is moved to `quarantine/`. `set-aside`: it is only moved there. */
  readonly what: "add" | "replace" | "set-aside";
  readonly bytes: number;
  /** How it is known to be the right one: by its signature or digest, by opening it, or by its size alone. */
  readonly by: "digest" | "opened" | "size" | "form";
}

export interface StoreRepaired {
  readonly dryRun: boolean;
  readonly objects: readonly RepairedObject[];
  /** Versions that stay damaged. */
  readonly left: readonly DamagedVersion[];
  readonly logEntry: number | undefined;
}
