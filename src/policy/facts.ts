// What a decision about an artifact rests on besides who, what and where: gathered from the log, never claimed.
import type { RoleAction } from "./actions.ts";

/** A signed statement about a version, with the outcome `pass`. */
export interface Stated {
  readonly kind: string;
  /** Member who stated it. */
  readonly by: string;
}

/** Facts that are left out count against the request, except where their comment says otherwise. */
export interface GovernanceFacts {
  /** Stage of the version now; in a policy with gates, a version that was never promoted is in the first. */
  readonly stage?: string | undefined;
  /** Stage it is to be promoted to. */
  readonly toStage?: string | undefined;
  /** Where an export goes: `s3://…`, `domain:NAME`, `file:` and an absolute path, `share:age1…`. */
  readonly destination?: string | undefined;
  /** Class that a declassification leads to. */
  readonly toClass?: string | undefined;
  /** Member who pushed the version. */
  readonly pushedBy?: string | undefined;
  /** What the member did before with the same version or in the same request. Left out: nothing. */
  readonly did?: readonly RoleAction[] | undefined;
  /** Members whose approvals of this very act count now. */
  readonly approvals?: readonly string[] | undefined;
  /** The request that `approvals` and `grant` come from, for the log. It decides nothing. */
  readonly request?:
    | {
        readonly entry: number;
        readonly hash: string;
        readonly destination: string | undefined;
        readonly salt: string | undefined;
      }
    | undefined;
  /** Access that was granted to the member for this version and purpose: who approved, and how long ago it was complete. */
  readonly grant?: { readonly approvals: readonly string[]; readonly ageMs: number } | undefined;
  /** Kind of evidence that is to be stated: what `artifact.attest` is asked for. Left out: any kind. */
  readonly stating?: string | undefined;
  /** Statements about the version. */
  readonly evidence?: readonly Stated[] | undefined;
  /** Statements that say the contrary and stand, for refusals to name: `evidence` has none of their kinds. */
  readonly failing?: readonly Stated[] | undefined;
  /** Bytes that the member pulled in the last 24 hours, with those of this pull. Left out, no quota is exceeded. */
  readonly pulledBytes?: number | undefined;
  /** Exports and shares of the member in the last 7 days, without this one. Left out, no quota is exceeded. */
  readonly exports?: number | undefined;
  /** The version was retired, and not restored. Left out: it was not. */
  readonly retired?: boolean | undefined;
  /** The version is under legal hold. Left out: it is not. */
  readonly held?: boolean | undefined;
  /** The act is to destroy the version's keys, or to lift a hold: what `artifact.retire` is asked for besides retiring. */
  readonly retire?: "retire" | "shred" | "hold" | "release" | undefined;
  /** The member invoked break-glass for this version, an escrow holder consented, and its time is not over. */
  readonly breakGlass?: boolean | undefined;
  /** The member invoked break-glass, and nobody else has reviewed it yet: no other grant counts. Left out: no. */
  readonly unreviewed?: boolean | undefined;
  /** How long ago the member's access was last confirmed. Left out: it is not asked. */
  readonly reviewAgeMs?: number | undefined;
}
