// What a workspace may use of the machine, and what became of it on this one.

/** What is left out is not limited beyond what every workspace has. */
export interface Limits {
  /** Whole processors, for everything in the workspace together. */
  readonly cpus?: number | undefined;
  /** Memory of all processes together, beside the volume. */
  readonly memoryBytes?: number | undefined;
  /** Processes and threads at once, in the workspace together. */
  readonly processes?: number | undefined;
  /** Open files of one process. */
  readonly openFiles?: number | undefined;
  /** Longest time of one command. */
  readonly runMs?: number | undefined;
}

export const LIMIT_NAMES = ["cpus", "memory", "processes", "disk", "open-files", "run-time"] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** One limit of a workspace, and whether anything holds it here. */
export interface HeldLimit {
  readonly limit: LimitName;
  /** Processors, bytes, processes, bytes, files and ms, in the order of {@link LIMIT_NAMES}; undefined: none is set. */
  readonly value: number | undefined;
  /** True where code in the workspace cannot use more. */
  readonly held: boolean;
  /** What holds it; where nothing does, why. */
  readonly how: string;
  /** What to do so that it can be held, where something can be done. */
  readonly next?: string | undefined;
}

/** Processes and threads where no limit is set; of Cloister's own, a few around each command count, too. */
export const PROCESSES_DEFAULT = 4096;
export const OPEN_FILES_DEFAULT = 65_536;
