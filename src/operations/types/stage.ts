// What stating, promoting, tagging and declassifying takes and gives.
import type { Pushed } from "./artifact.ts";

export interface AttestOptions {
  readonly reference: string;
  /** A kind of evidence that the policy declares. */
  readonly kind: string;
  readonly result: "pass" | "fail";
  /** The report behind it, which is signed and stored with the statement. */
  readonly file: string;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Attested {
  readonly reference: string;
  readonly versionId: string;
  readonly kind: string;
  readonly result: "pass" | "fail";
  /** SHA-256 of the signed statement; undefined where it was a dry run. */
  readonly digest: string | undefined;
  readonly document: StatementDocument;
  /** Member id. */
  readonly by: string;
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}

/** The file behind a statement. */
export interface StatementDocument {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A statement about a version, by a member who was entitled to make it. */
export interface StatementSummary {
  readonly kind: string;
  readonly result: "pass" | "fail";
  /** Member id. */
  readonly by: string;
  /** ISO 8601, the log's time. */
  readonly at: string;
  readonly logEntry: number;
  /** SHA-256 of the signed statement. */
  readonly digest: string;
  /** Its member has said nothing else of this kind since. */
  readonly stands: boolean;
  /** Undefined where what is in the store is not what was logged. */
  readonly document: StatementDocument | undefined;
  /** What is wrong with what is in the store. */
  readonly problem: string | undefined;
}

export interface PromoteOptions {
  readonly reference: string;
  /** Default: the stage after the one it is in. */
  readonly to?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Promoted {
  readonly reference: string;
  readonly versionId: string;
  readonly class: string;
  /** Stage it was in; the same as {@link stage} where nothing had to be done. */
  readonly from: string;
  readonly stage: string;
  /** Member who promoted it: another one, where they were first. */
  readonly by: string;
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}

export interface DeclassifyOptions {
  readonly reference: string;
  /** The lower class. */
  readonly to: string;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** The new version. */
export interface Declassified extends Pushed {
  /** The version that it was. */
  readonly from: { readonly reference: string; readonly class: string; readonly versionId: string };
  readonly declassifyEntry: number | undefined;
}

export interface TagOptions {
  readonly reference: string;
  readonly tag: string;
  readonly dryRun?: boolean | undefined;
}

export interface TagSet {
  readonly reference: string;
  readonly versionId: string;
  readonly tag: string;
  /** `vN` that it led to before; undefined where it is new. */
  readonly from: string | undefined;
  /** Member by whom it leads there. */
  readonly by: string;
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}
