// What a policy says about other people's consent, about stages, and about how long things are kept.
import type { RoleAction } from "./actions.ts";

interface Placed {
  readonly line: number;
}

/** People who must approve, all of them different people: so many of each role. */
export interface Approvals extends Placed {
  /** `role` is a role of the policy, or {@link ANYBODY}: whoever may approve. */
  readonly needs: readonly { readonly role: string; readonly count: number }[];
}

/** Written in the place of a role: the count is of distinct people, whatever their role. */
export const ANYBODY = "any";

/** Access that others grant for a time. */
export interface GrantNeeded extends Placed {
  readonly approvals: Approvals;
  /** Longest life of a grant, from its last approval on. */
  readonly maxMs: number;
}

/** One step that a version can be promoted by. */
export interface Gate extends Placed {
  /** `dev -> candidate`, as written. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Kinds of evidence that must be there, and pass. */
  readonly evidence: readonly string[];
  readonly approvals: Approvals | undefined;
}

/** Who may state something about a version. */
export interface EvidenceKind extends Placed {
  readonly id: string;
  readonly by: readonly string[];
  readonly notByPusher: boolean;
}

/** Who did one thing with an artifact, or in a request, cannot do another with it. */
export interface Separation extends Placed {
  readonly who: RoleAction;
  readonly cannot: RoleAction;
  /** Only for classes above this one; undefined for all. */
  readonly above: string | undefined;
}

/** How long a version is kept, counted from when it entered its stage. The shorter of stage and class holds. */
export interface Retention extends Placed {
  readonly stages: readonly { readonly stage: string; readonly keepMs: number; readonly line: number }[];
  readonly classes: readonly { readonly class: string; readonly keepMs: number; readonly line: number }[];
  /** What `artifact prune` does with what is past its time. */
  readonly after: "retire" | "shred-keys";
}

/** What a role may use in a time; undefined where there is no limit. */
export interface Quota {
  readonly pullBytesPerDay: number | undefined;
  readonly exportsPerWeek: number | undefined;
}

/** An emergency: an officer and an escrow holder together. */
export interface BreakGlass extends Placed {
  readonly can: readonly RoleAction[];
  /** Members of whom one must consent. */
  readonly escrow: readonly string[];
  readonly maxMs: number;
  readonly reviewWithinMs: number;
  /** Members who are told. */
  readonly notify: readonly string[];
}

/** Every holding of a role has to be confirmed again and again. */
export interface AccessReview extends Placed {
  readonly everyMs: number;
  /** Role that confirms. */
  readonly by: string;
  readonly lapsed: "read-only";
}
