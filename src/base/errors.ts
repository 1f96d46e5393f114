/** Every failure a caller can tell apart. Codes are only ever added; `cli/failure.ts` maps them to exit codes. */
export type ErrorCode =
  | "FAILURE"
  | "USAGE"
  | "POLICY_DENIED"
  | "NOT_AUTHENTICATED"
  | "APPROVAL_PENDING"
  | "INTEGRITY"
  | "NOT_FOUND"
  | "UNAVAILABLE"
  | "UNSUPPORTED_HOST"
  | "INTERRUPTED";

/** One unmet condition of a refused request. */
export interface Refusal {
  /** Id of the rule, as in the policy, or `builtin:…`, or `role` where no role allows the action. */
  readonly rule: string;
  /** Line of the rule in the policy file, 1-based. Absent for built-in rules. */
  readonly line?: number;
  /** How the refusal is enforced: `refused by every reader`, `cryptographic`, `sandbox`, `advisory`, … */
  readonly enforcement: string;
  readonly why: string;
  /** Who could do or approve it instead. */
  readonly who?: string;
  /** The exact next command, or advice. */
  readonly next?: string;
  /** `approval`: nothing but other people's consent is missing. A refusal of such alone is pending once they are asked. */
  readonly missing?: "approval";
}

export interface ErrorDetails {
  /** Why it happened, in one sentence. */
  readonly why?: string | undefined;
  /** What the person can do next: a command where there is one. */
  readonly next?: string | undefined;
  readonly cause?: unknown;
  /** For POLICY_DENIED: every unmet condition, the policy version that was asked, the log entry that records it. */
  readonly refusals?: readonly Refusal[] | undefined;
  readonly policyVersion?: number | undefined;
  readonly logEntry?: number | undefined;
}

/** The only error that leaves the library: what happened, why, and what to do next. */
export class CloisterError extends Error {
  override readonly name = "CloisterError";
  readonly code: ErrorCode;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly refusals: readonly Refusal[] | undefined;
  readonly policyVersion: number | undefined;
  readonly logEntry: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.why = details.why;
    this.next = details.next;
    this.refusals = details.refusals;
    this.policyVersion = details.policyVersion;
    this.logEntry = details.logEntry;
  }
}

/** Shorthand for the commonest way an object in the store can be wrong. */
export function integrity(message: string, details: ErrorDetails = {}): CloisterError {
  return new CloisterError("INTEGRITY", message, {
    next: "do not use this data; run: cloister audit verify, and compare with another member's copy",
    ...details,
  });
}

/** The `code` of a Node system error ("ENOENT", …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Whether something thrown says that data was tampered with. */
export function isIntegrity(error: unknown): error is CloisterError {
  return error instanceof CloisterError && error.code === "INTEGRITY";
}

/** For `catch`: what was replaced by junk is as good as not there. Whatever else failed is thrown on. */
export function unlessDamaged(error: unknown): undefined {
  if (!isIntegrity(error)) throw error;
}

/** Message and reason in one line. */
export function explained({ message, why }: CloisterError): string {
  return why ? `${message}: ${why}` : message;
}
