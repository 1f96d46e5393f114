// What operations are given and what they return: plain data, the same for every caller.
import type { Readable, Writable } from "node:stream";
import type { Refusal } from "../base/errors.ts";

export type ArtifactKind = "dataset" | "model" | "code" | "report";

// ---- init, join, members

export interface CreateOptions {
  /** Folder of the project; made if it is missing. */
  readonly folder: string;
  /** `solo`, or `demo` (two people). A name of a folder in `templates/`. */
  readonly template: string;
  /** Project name. */
  readonly project: string;
  /** Store: a folder. Relative to the project's folder. Default `.cloister/store`. */
  readonly store: string;
  /** Member id of the person who makes the project. */
  readonly member: string;
  /** That person's name. */
  readonly name: string;
  /** Data domain the project starts with. */
  readonly domain: string;
  /** The purpose work is done for. */
  readonly purpose: string;
}

export interface Detected {
  readonly folder: string;
  readonly git: { readonly branch: string | undefined; readonly remote: string | undefined } | undefined;
  /** Suggested member id and display name. */
  readonly member: string;
  readonly name: string;
  /** Suggested project name. */
  readonly project: string;
  readonly templates: readonly { readonly name: string; readonly title: string }[];
  /** The identity that this device has already. */
  readonly identity: { readonly fingerprint: string; readonly storage: string } | undefined;
}

export interface Plan {
  readonly folder: string;
  readonly store: string;
  readonly files: readonly string[];
  /** How the identity will be kept, in a few words. */
  readonly identity: string;
  /** The policy in plain sentences, about six. */
  readonly policyLines: readonly string[];
  /** The whole policy file as it will be written (keys of a new identity shown as `…`). */
  readonly policyText: string;
}

export interface Created {
  readonly folder: string;
  readonly store: string;
  readonly project: string;
  readonly projectId: string;
  readonly policyVersion: number;
  readonly policyDigest: string;
  readonly member: string;
  readonly fingerprint: string;
  readonly identityStorage: string;
  readonly files: readonly string[];
  readonly logEntry: number;
}

export interface JoinOptions {
  readonly folder: string;
  readonly store: string;
  /** Suggested member id and name, carried in the line. */
  readonly member: string;
  readonly name: string;
  /** Policy fingerprint that the steward told; refused if the store shows another. */
  readonly expectPolicy?: string | undefined;
}

export interface Joined {
  readonly folder: string;
  readonly store: string;
  readonly project: string;
  readonly projectId: string;
  /** SHA-256 of policy version 1, to compare with the steward. */
  readonly policyFingerprint: string;
  readonly policyVersion: number;
  readonly fingerprint: string;
  readonly identityStorage: string;
  /** The one line to hand to the steward. */
  readonly line: string;
  /** Set where this identity is a member already. */
  readonly member: string | undefined;
}

export interface AddMemberOptions {
  readonly line: string;
  /** Member id; default the one the line suggests. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** `data-scientist`, `data-owner@churn`, … at least one. */
  readonly roles: readonly string[];
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface MemberAdded {
  readonly member: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly fingerprint: string;
  readonly policyVersion: number;
  readonly policyDigest: string;
  /** `domain/class` pairs whose key was wrapped for the new member. */
  readonly keys: readonly string[];
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}

/** What a join line says, before anything is decided about it. */
export interface JoinLine {
  readonly member: string;
  readonly name: string;
  readonly fingerprint: string;
}

export interface MemberSummary {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly fingerprint: string;
  readonly suspended: boolean;
  readonly owner: boolean;
  readonly you: boolean;
}

// ---- artifacts

export interface PushOptions {
  /** A path on this machine, standard input, or (with `from`) a path inside the workspace. */
  readonly source: { readonly path: string } | { readonly stream: Readable };
  /** `[domain/]name[:label]`. */
  readonly name: string;
  /** Default: `dataset`. */
  readonly kind?: ArtifactKind | undefined;
  /** Default: the label of the workspace, else the lowest class. */
  readonly class?: string | undefined;
  readonly purpose?: string | undefined;
  readonly owner?: string | undefined;
  readonly licence?: string | undefined;
  readonly justification?: string | undefined;
  /** Workspace that `source.path` lies in. */
  readonly from?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** One version of an artifact, as its readers see it. */
export interface VersionSummary {
  /** `domain/name:label` or `domain/name:vN`. */
  readonly reference: string;
  readonly domain: string;
  readonly name: string;
  readonly number: number;
  readonly label: string | undefined;
  readonly class: string;
  readonly kind: ArtifactKind;
  readonly versionId: string;
  /** dirHash: what `find -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` prints in the folder. */
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  /** Member id of the pusher. */
  readonly pushedBy: string;
  /** ISO 8601, the log's time. */
  readonly pushedAt: string;
  readonly logEntry: number;
}

export interface Pushed extends VersionSummary {
  readonly dryRun: boolean;
  /** Plain bytes that were not in the store already. */
  readonly bytesNew: number;
  /** Where the class comes from: `asked`, `lowest class`, or the input it was inherited from. */
  readonly classFrom: string;
  /** True where an interrupted push of the same was finished. */
  readonly resumed: boolean;
}

export interface PullOptions {
  readonly reference: string;
  readonly output: { readonly folder: string } | { readonly stream: Writable };
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Pulled extends VersionSummary {
  readonly dryRun: boolean;
  readonly folder: string | undefined;
  /** Log entry of this pull. */
  readonly pullEntry: number | undefined;
}

/** A version record in the store that readers must not accept, and why. */
export interface Ignored {
  readonly what: string;
  readonly why: string;
}

export interface Listing {
  readonly versions: readonly VersionSummary[];
  /** Versions that exist but that this member holds no key for, counted by `domain/class`. */
  readonly hidden: readonly { readonly where: string; readonly count: number }[];
  readonly ignored: readonly Ignored[];
}

export interface VersionDetail extends VersionSummary {
  readonly owner: string | undefined;
  readonly licence: string | undefined;
  readonly purpose: string | undefined;
  readonly justification: string | undefined;
  readonly workspace: string | undefined;
  readonly inputs: readonly { readonly reference: string; readonly digest: string; readonly class: string }[];
  readonly run: { readonly argv: readonly string[]; readonly exit: number; readonly seconds: number } | undefined;
  readonly git: { readonly commit: string; readonly dirty: boolean } | undefined;
  readonly policyVersion: number;
  readonly signer: string;
  readonly fileList: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[] | undefined;
}

/** One thing that was checked; `verify` fails where one of them is `bad`. */
export interface Check {
  /** `files`, `signature`, `signer`, `label`, `log`, … */
  readonly name: string;
  readonly state: "good" | "bad" | "unknown";
  readonly text: string;
}

export interface Verified {
  readonly target: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly reference: string | undefined;
}

// ---- workspaces

export interface WorkspaceOptions {
  readonly name: string;
  /** `REF` or `REF:/path`. */
  readonly inputs: readonly string[];
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  /** Default: the longest the role allows, at most 8 hours. */
  readonly ttlMs?: number | undefined;
  /** Folder whose files are copied to `/workspace`. */
  readonly code?: string | undefined;
  readonly domain?: string | undefined;
  /** Size of the volume in bytes. Default 1 GB or the role's limit. */
  readonly diskBytes?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface WorkspaceSummary {
  readonly name: string;
  readonly id: string;
  readonly state: "running" | "expired" | "gone";
  readonly domain: string;
  /** The label: class of the most sensitive input ever mounted, or undefined where nothing was. */
  readonly label: string | undefined;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly leftMs: number;
  readonly inputs: readonly { readonly reference: string; readonly class: string; readonly path: string }[];
}

export interface WorkspaceDetail extends WorkspaceSummary {
  /** Why the label is what it is. */
  readonly labelFrom: string | undefined;
  readonly purpose: string | undefined;
  readonly diskBytes: number;
  readonly code: { readonly folder: string; readonly commit: string | undefined; readonly files: number } | undefined;
  readonly driver: string;
  /** What the driver enforces and what it does not, in plain lines. */
  readonly enforced: readonly string[];
  readonly notEnforced: readonly string[];
  readonly runs: readonly {
    readonly argv: readonly string[];
    readonly exit: number | undefined;
    readonly startedAt: string;
    readonly seconds: number;
  }[];
  readonly logEntry: number | undefined;
}

export interface RunOptions {
  readonly workspace: string;
  readonly argv: readonly string[];
  readonly seed?: number | undefined;
  /** Keeps the command's output inside the workspace, in a file, where the label allows it nowhere else. */
  readonly keepOutput?: boolean | undefined;
}

export interface RunResult {
  readonly workspace: string;
  /** The child's exit code; 128 + signal number where a signal ended it. */
  readonly exit: number;
  readonly seconds: number;
  /** Where the output was kept inside the workspace. */
  readonly output: string | undefined;
  readonly logEntry: number;
}

/** What was destroyed, and what was lost with it. */
export interface Receipt {
  readonly workspace: string;
  readonly id: string;
  readonly livedMs: number;
  readonly label: string | undefined;
  readonly pushed: readonly string[];
  /** Files in `/workspace` that no push took, with their size; undefined where it was gone already. */
  readonly lost: { readonly files: number; readonly bytes: number } | undefined;
  readonly erased: string;
  readonly logEntry: number;
}

// ---- policy

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
}

export interface Proposed {
  readonly version: number;
  readonly digest: string;
  readonly file: string;
  readonly logEntry: number | undefined;
  readonly dryRun: boolean;
}

// ---- audit, status

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
  readonly store: string;
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
  readonly workspaces: readonly WorkspaceSummary[];
  readonly warnings: readonly string[];
}

export interface WhoAmI {
  readonly fingerprint: string;
  readonly storage: string;
  readonly unlocked: boolean;
  readonly signs: string;
  readonly reads: string;
  /** In the project of the current folder, if there is one. */
  readonly project: string | undefined;
  readonly member: string | undefined;
  readonly name: string | undefined;
  readonly roles: readonly string[];
}

export interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly (Check & { readonly next: string | undefined })[];
}
