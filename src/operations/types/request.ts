// What asking others for their consent, and answering, takes and gives.

export interface RequestOptions {
  readonly kind: "access" | "export" | "promote" | "declassify";
  readonly reference: string;
  /** Destination of an export, stage of a promotion, class of a declassification. */
  readonly to?: string | undefined;
  /** Needed for access; a grant holds for this purpose only. */
  readonly purpose?: string | undefined;
  readonly justification: string;
  /** How long it may be answered and used; 72 hours by default. */
  readonly lastsMs?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

/** People of a role who are still missing, and who of them can approve now. */
export interface ApproversWanted {
  /** A role, or `any`. */
  readonly role: string;
  readonly count: number;
  readonly members: readonly string[];
}

export interface RequestCreated {
  /** `r-19`; undefined of a dry run. */
  readonly id: string | undefined;
  readonly sha256: string | undefined;
  readonly kind: RequestOptions["kind"];
  readonly reference: string;
  readonly versionId: string;
  readonly class: string;
  readonly purpose: string | undefined;
  readonly to: string | undefined;
  readonly expiresAt: string;
  readonly wanted: readonly ApproversWanted[];
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}

export interface RequestSummary {
  /** `r-19`: the log entry that made it. */
  readonly id: string;
  readonly kind: "access" | "export" | "promote" | "declassify" | "break-glass";
  readonly state: "open" | "approved" | "denied" | "withdrawn" | "revoked" | "expired" | "consumed";
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly domain: string;
  readonly class: string;
  readonly versionId: string;
  /** As the requester wrote it; undefined for those it is not sealed to. */
  readonly reference: string | undefined;
  readonly purpose: string | undefined;
  /** Destination, stage or class. */
  readonly to: string | undefined;
  readonly approvedBy: readonly string[];
  readonly wanted: readonly ApproversWanted[];
  /** Whether an approval of yours is missing. */
  readonly waitsForYou: boolean;
}

export interface RequestDetail extends RequestSummary {
  /** SHA-256 of the signed request. */
  readonly sha256: string;
  readonly policyVersion: number;
  readonly logEntry: number;
  readonly justification: string | undefined;
  /** Kind of artifact and digest of its content, as the requester saw them. */
  readonly artifact: string | undefined;
  readonly digest: string | undefined;
  /** The version by the log. */
  readonly version: {
    readonly number: number;
    readonly pushedBy: string;
    readonly pushedAt: string;
    readonly logEntry: number;
  };
  /** Whether you could read the version, and it is what the requester calls it. */
  readonly checked: boolean;
  /** What it was made of; undefined where you cannot read it. */
  readonly inputs: readonly { readonly reference: string; readonly class: string }[] | undefined;
  readonly evidence: readonly { readonly kind: string; readonly by: string }[];
  /** Nothing scans files yet. */
  readonly scan: "not scanned";
  /** What the policy asks of others for it: each of these. */
  readonly needs: readonly {
    readonly rule: string;
    readonly line: number;
    readonly approvals: readonly { readonly role: string; readonly count: number }[];
  }[];
  readonly approvals: readonly {
    readonly member: string;
    readonly at: string;
    readonly expiresAt: string;
    readonly logEntry: number;
  }[];
  /** Until when granted access lasts; undefined where it is not granted, or is used up at once. */
  readonly grantedUntil: string | undefined;
  readonly ended: { readonly by: string; readonly at: string; readonly logEntry: number } | undefined;
  /** Log entry of the act that used it up. */
  readonly usedBy: number | undefined;
  /** What was logged about it and does not count. */
  readonly ignored: readonly { readonly what: string; readonly why: string }[];
  /** Why it cannot be trusted; undefined where nothing is wrong. */
  readonly problem: string | undefined;
}

export interface RequestListing {
  readonly requests: readonly RequestSummary[];
  /** Logged requests that are none. */
  readonly ignored: readonly { readonly what: string; readonly why: string }[];
}

export interface RequestListOptions {
  readonly which: "open" | "mine" | "to-approve" | "all";
}

export interface AnswerOptions {
  /** `r-19`, or the first digits (8 at least) of its SHA-256. */
  readonly id: string;
  readonly justification?: string | undefined;
  /** How long an approval is to hold, if shorter than the request itself. */
  readonly lastsMs?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

/** What an answer led to. */
export interface RequestAnswered {
  readonly id: string;
  readonly verdict: "approve" | "deny" | "revoke" | "withdraw";
  readonly state: RequestSummary["state"];
  readonly reference: string | undefined;
  readonly wanted: readonly ApproversWanted[];
  /** The half of the version's key that was given with the approval, and to how many devices. */
  readonly released: { readonly half: string; readonly devices: number } | undefined;
  /** Of this answer, or of the earlier one that says the same. */
  readonly logEntry: number | undefined;
  /** You had said so before: nothing was logged again. */
  readonly again: boolean;
  readonly dryRun: boolean;
}
