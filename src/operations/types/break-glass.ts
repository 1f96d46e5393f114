// What an emergency takes and gives: invoking it, consenting, reviewing.

export interface BreakGlassOptions {
  readonly reference: string;
  readonly justification: string;
  readonly purpose?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** An emergency at a glance. */
export interface BreakGlassSummary {
  /** `bg-41`: the log entry that made it. */
  readonly id: string;
  /** `open` waits for consent, `active` can be used, `lapsed` found no consent in time. */
  readonly state: "open" | "active" | "over" | "lapsed";
  readonly invokedBy: string;
  readonly invokedAt: string;
  readonly consentedBy: string | undefined;
  /** Until then it can be used, or consented to. */
  readonly until: string;
  readonly domain: string;
  readonly class: string;
  readonly versionId: string;
  /** As the invoker called it; undefined for those it is not sealed to. */
  readonly reference: string | undefined;
  readonly justification: string | undefined;
  readonly review: "not needed" | "due" | "overdue" | "justified" | "unjustified";
  readonly reviewBy: string | undefined;
  readonly reviewedBy: string | undefined;
  /** Members who can do what comes next: consent, or review. */
  readonly waitsFor: readonly string[];
  /** Whether you can. */
  readonly waitsForYou: boolean;
  /** Log entries of what the invoker did with the version meanwhile. */
  readonly used: readonly number[];
  /** Why it cannot be trusted; undefined where nothing is wrong. */
  readonly problem: string | undefined;
}

export interface BreakGlassListing {
  readonly emergencies: readonly BreakGlassSummary[];
  /** Logged invocations that are none. */
  readonly ignored: readonly { readonly what: string; readonly why: string }[];
}

/** An emergency after something was said to it. */
export interface BreakGlassSaid extends BreakGlassSummary {
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}

export interface BreakGlassReview {
  readonly id: string;
  readonly outcome: "justified" | "unjustified";
  readonly justification: string;
  readonly dryRun?: boolean | undefined;
}
