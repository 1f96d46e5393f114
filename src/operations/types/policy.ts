// What showing, checking, explaining and changing the policy takes and gives.
import type { Refusal } from "../../base/errors.ts";
import type { ArtifactKind } from "./artifact.ts";
import type { LackingKeys, PendingPolicy } from "./policy-change.ts";

export interface PolicyProblem {
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly hint: string | undefined;
}

export interface PolicyChecked {
  readonly file: string;
  readonly ok: boolean;
  readonly problems: readonly PolicyProblem[];
  readonly lines: readonly string[];
}

/** The JSON Schema (draft 2020-12) that policy files follow. */
export interface PolicySchema {
  readonly text: string;
}

export interface PolicyShown {
  readonly version: number;
  readonly digest: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly signedBy: readonly string[];
  readonly logEntry: number;
  readonly localFile: "same" | "differs" | "missing";
  /** SHA-256 of policy version 1, which people compare when somebody joins. */
  readonly projectFingerprint: string;
}

export interface ExplainOptions {
  readonly action: string;
  /** Default: you. */
  readonly as?: string | undefined;
  readonly domain?: string | undefined;
  readonly class?: string | undefined;
  readonly kind?: ArtifactKind | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly ttlMs?: number | undefined;
  /** A version: its class, kind and stage, and what the log says of it, stand in the place of `domain`, `class` and `kind`. */
  readonly reference?: string | undefined;
  /** Stage of a promotion, class of a declassification, destination of an export, recipient of a share. */
  readonly to?: string | undefined;
}

/** The version that an explanation is about. */
export interface ExplainedAbout {
  readonly reference: string;
  readonly domain: string;
  readonly class: string;
  /** Undefined where you hold no key of its class. */
  readonly kind: string | undefined;
  /** Undefined where the policy has no stages. */
  readonly stage: string | undefined;
  readonly versionId: string;
  readonly pushedBy: string;
  /** Of the end of its push. */
  readonly logEntry: number;
}

export interface Explained {
  readonly member: string;
  readonly action: string;
  readonly allow: boolean;
  readonly policyVersion: number;
  /** Why it is allowed: the roles and lines that permit it. */
  readonly by: readonly { readonly rule: string; readonly line: number | undefined; readonly text: string }[];
  readonly refusals: readonly Refusal[];
  /** How strongly the answer holds. */
  readonly enforcement: string;
  /** Refused, and nothing but other people's approval is missing. */
  readonly lacksApproval: boolean;
  readonly about: ExplainedAbout | undefined;
  /** Facts without which it would be refused, and the rule that would. */
  readonly restsOn: readonly { readonly fact: string; readonly rule: string; readonly line: number | undefined }[];
  /** What this device cannot tell, and how it was taken. */
  readonly notKnown: readonly string[];
}

export interface Proposed {
  readonly version: number;
  readonly digest: string;
  readonly file: string;
  readonly logEntry: number | undefined;
  /** What it waits for; undefined where it took force. */
  readonly pending: PendingPolicy | undefined;
  readonly lacking: readonly LackingKeys[];
  readonly dryRun: boolean;
}
