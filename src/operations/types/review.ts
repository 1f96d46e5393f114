// What reviewing access takes and gives.

/** One thing that a member holds. */
export interface AccessLine {
  readonly member: string;
  readonly name: string;
  readonly service: boolean;
  /** `role` or `role@domain`. */
  readonly holding: string;
  /** When the role last let the member do something, as far as the log tells. */
  readonly lastUsed: string | undefined;
  /** Grants of access that others approved and that are not over. */
  readonly openGrants: number;
  readonly reviewed: { readonly by: string; readonly at: string; readonly logEntry: number } | undefined;
  /** End of the day on which it lapses unless it is confirmed; undefined where the policy asks for no review. */
  readonly due: string | undefined;
  readonly state: "confirmed" | "due" | "lapsed" | "to be revoked";
  /** Whether you may confirm it. */
  readonly yours: boolean;
}

export interface AccessReviewed {
  /** How often each line is to be confirmed, in ms; undefined where the policy does not ask for it. */
  readonly everyMs: number | undefined;
  /** Members who may. */
  readonly reviewers: readonly string[];
  readonly lines: readonly AccessLine[];
}

export interface ReviewOptions {
  readonly member: string;
  /** Only this `role` or `role@domain`; everything that they hold where it is left out. */
  readonly holding?: string | undefined;
  readonly verdict: "keep" | "revoke";
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface ReviewRecorded {
  readonly member: string;
  readonly holdings: readonly string[];
  readonly verdict: "keep" | "revoke";
  /** Nobody else could have reviewed it. */
  readonly ownAccess: boolean;
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}
