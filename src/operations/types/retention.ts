// What ending versions, and keeping them from it, takes and gives.

export interface EndOptions {
  readonly reference: string;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** A version that was retired, restored, put under legal hold or taken out of it. */
export interface Ended {
  /** As it was asked for, where its name cannot be read any more. */
  readonly reference: string;
  readonly versionId: string;
  readonly domain: string;
  readonly class: string;
  readonly done: "retired" | "restored" | "held" | "released";
  readonly dryRun: boolean;
  readonly logEntry: number | undefined;
}

export interface Shredded {
  readonly reference: string;
  readonly versionId: string;
  readonly domain: string;
  readonly class: string;
  /** Objects with keys that were deleted by this command. */
  readonly deleted: number;
  /** Newer versions that may share chunks with it, and so keep their content readable. */
  readonly newerVersions: number;
  /** True where an earlier command had begun it. */
  readonly resumed: boolean;
  readonly dryRun: boolean;
  readonly logEntry: number | undefined;
}

/** A version that is past its time, and what the policy does with it then. */
export interface DueVersion {
  /** Undefined where this member cannot read its name. */
  readonly reference: string | undefined;
  readonly versionId: string;
  readonly domain: string;
  readonly class: string;
  readonly number: number;
  /** Undefined where the policy has no stages. */
  readonly stage: string | undefined;
  /** When it came into its stage: from there its time is counted. */
  readonly since: string;
  readonly dueAt: string;
  /** The line of the policy that bounds it. */
  readonly line: number;
  readonly what: "retire" | "shred-keys";
  readonly retired: boolean;
  /** Under legal hold its keys are kept. */
  readonly held: boolean;
}

export interface PruneVersionsOptions {
  readonly dryRun?: boolean | undefined;
  /** Only these, as {@link DueVersion.versionId}; default: all that are due. */
  readonly only?: readonly string[] | undefined;
}

export interface VersionsPruned {
  readonly due: readonly DueVersion[];
  readonly retired: readonly string[];
  readonly shredded: readonly string[];
  /** Due, and not done: held, or not this member's to end. */
  readonly left: readonly {
    readonly versionId: string;
    readonly reference: string | undefined;
    readonly why: string;
  }[];
  readonly dryRun: boolean;
}
