// What reading the log, and looking at oneself and this machine, takes and gives.
import type { Json } from "../../base/json.ts";
import type { Check } from "./artifact.ts";
import type { LoginState } from "./login.ts";
import type { WorkspaceSummary } from "./workspace.ts";

export interface AuditRow {
  /** Number of the entry in the log, from 0. */
  readonly entry: number;
  readonly time: string;
  readonly member: string;
  readonly action: string;
  /** `open` is an intent that has no outcome yet. */
  readonly phase: "intent" | "done" | "refused" | "failed" | "open";
  readonly domain: string | undefined;
  readonly class: string | undefined;
  readonly operation: string;
  readonly versionId: string | undefined;
  readonly rules: readonly string[];
  readonly policyVersion: number;
  /** The clear part: numbers, digests and fixed words that the decision or the effect rested on. */
  readonly facts: Readonly<Record<string, Json | undefined>> | undefined;
  /** The sealed part, for readers who hold the audit key. */
  readonly details: Readonly<Record<string, string>> | undefined;
}

export interface AuditListOptions {
  readonly refusedOnly?: boolean | undefined;
  readonly action?: string | undefined;
  readonly member?: string | undefined;
  /** The newest N. */
  readonly last?: number | undefined;
}

export interface AuditVerified {
  readonly entries: number;
  readonly commits: number;
  /** Hex root of the Merkle tree over all entries (RFC 6962). */
  readonly root: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export interface Status {
  readonly folder: string;
  /** Path of a folder, or `s3://bucket/prefix`. */
  readonly store: string;
  /** Server of a bucket that is not AWS, as the project's configuration names it. */
  readonly endpoint: string | undefined;
  readonly project: string;
  readonly member: string | undefined;
  readonly roles: readonly string[];
  /** SHA-256 of policy version 1, which people compare when somebody joins. */
  readonly projectFingerprint: string;
  readonly policyVersion: number;
  readonly policyExpires: string | undefined;
  readonly localFile: "same" | "differs" | "missing";
  readonly logEntries: number;
  readonly unlocked: boolean;
  /** Undefined where the policy has no login. */
  readonly login: LoginState | undefined;
  readonly workspaces: readonly WorkspaceSummary[];
  readonly warnings: readonly string[];
}

export interface WhoAmI {
  readonly fingerprint: string;
  readonly storage: string;
  /** ARN of the KMS key that it signs with; undefined where the signing half is kept with the rest. */
  readonly signingKey: string | undefined;
  readonly unlocked: boolean;
  readonly signs: string;
  readonly reads: string;
  /** In the project of the current folder, if there is one. */
  readonly project: string | undefined;
  readonly member: string | undefined;
  readonly name: string | undefined;
  readonly roles: readonly string[];
  /** How the member stands with the project's OpenID provider; undefined where the policy has no login. */
  readonly login: LoginState | undefined;
}

export interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly (Check & { readonly next: string | undefined })[];
}
