// What is known of one run beyond its command and its end. Every list is bounded: `count` says how many there were.
import type { Facts } from "./manifest.ts";

/** A file in `/workspace` that a run created or changed, as it was when the run ended. */
export interface RunFile {
  /** Relative to `/workspace`. */
  readonly path: string;
  readonly bytes: number;
  /** Undefined where it could not be read, or reading all of them took too long. */
  readonly sha256?: string | undefined;
}

export interface RunOutputs {
  /** In order of their UTF-8 bytes; the first ones only where there were too many, and none with names no artifact may hold. */
  readonly files: readonly RunFile[];
  /** All that were created or changed. */
  readonly count: number;
  /** Files it deleted, likewise. */
  readonly deleted: readonly string[];
  readonly deletedCount: number;
  /** What it created or changed in folders that are kept beside `/workspace`: the home folder, `/tmp`, …. */
  readonly elsewhere: number;
  /** False where the workspace held too much to be compared: then it may have changed anything. */
  readonly known: boolean;
}

/** The log of a run with `--keep-output`, relative to `/workspace`. It shows what a run printed, and is no work of it. */
export function isKeptLog(path: string): boolean {
  return /^\.cloister\/run-[0-9a-f]{8}\.log$/.test(path);
}

/** What a traced run opened for reading. */
export interface RunReads {
  /** Number of files opened of each input, by the input's name; 0 for one that was mounted and never opened. */
  readonly inputs: Readonly<Record<string, number>>;
  /** Paths in `/workspace`, relative to it. */
  readonly workspace: readonly string[];
  readonly workspaceCount: number;
  /** Files opened in folders that are kept beside `/workspace`. */
  readonly elsewhere: number;
  /** Absolute paths outside inputs, workspace, system files and temporary folders: what nobody declared. */
  readonly undeclared: readonly string[];
  readonly undeclaredCount: number;
}

/** A limit that ended a run, with its value: ms, or bytes. */
export interface StoppedBy {
  readonly limit: "run-time" | "memory";
  readonly value: number;
}

export interface RunDetails {
  readonly stoppedBy?: StoppedBy | undefined;
  /** Name of the signal that the exit code speaks of: numbers are not the same on every system. */
  readonly signal?: string | undefined;
  /** Undefined where the workspace was over before it could be looked at. */
  readonly outputs?: RunOutputs | undefined;
  /** Lock files of package managers that lay in `/workspace` when it ended. */
  readonly locks?: readonly RunFile[] | undefined;
  /** What was installed where it could be loaded from, one line each; only for runs that left something. */
  readonly software?: string | undefined;
  /** What it might use at most; `notHeld` names those of them that nothing held. */
  readonly limits?: Facts | undefined;
  /** Commit and patch of the code that had been brought in last when it began. */
  readonly code?: { readonly commit: string; readonly patchSha256?: string | undefined } | undefined;
  readonly reads?: RunReads | undefined;
}

/** What the runs of a manifest do not account for. Paths are those of the version. */
export interface Origins {
  /** Files that no run wrote: they came with the code, or were put into the workspace. */
  readonly brought: readonly string[];
  readonly broughtCount: number;
  /** Files that a run wrote and that are another now, by nothing that was recorded. */
  readonly changedSince: readonly string[];
  readonly changedSinceCount: number;
  /** Runs that had not ended, or whose end was not recorded: they may have written anything. */
  readonly unfinished: readonly { readonly id: string; readonly argv: readonly string[]; readonly startedOn: string }[];
}

/** Why a run stands in a manifest: it wrote what was pushed, or what another such run read or could have read. */
export type RunPart = "wrote" | "read" | "could-have-been-read";
