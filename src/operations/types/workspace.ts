// What creating, running and ending workspaces takes and gives.
import type { WorkspaceUse } from "../../policy/workspace-use.ts";
import type { SecretUse } from "./secret.ts";

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
  /** What else it is to use; default: the role's limits, no network, no folders of the host. */
  readonly use?: WorkspaceUse | undefined;
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
  /** Container image by digest; undefined where the driver uses none. */
  readonly image: string | undefined;
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
  /** Secrets that this command alone gets. */
  readonly secrets?: readonly SecretUse[] | undefined;
  /** Keeps the command's output inside the workspace, in a file, where the label allows it nowhere else. */
  readonly keepOutput?: boolean | undefined;
  /** Offers the command credentials, read-only and for no more than the workspace's label. */
  readonly creds?: "token" | "aws" | undefined;
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
