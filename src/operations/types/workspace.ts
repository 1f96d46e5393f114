// What creating, running and ending workspaces takes and gives.
import type { Writable } from "node:stream";
import type { WorkspaceUse } from "../../policy/workspace-use.ts";
import type { RunNetwork } from "../../provenance/manifest.ts";
import type { StoppedBy } from "../../provenance/run-details.ts";
import type { HeldLimit } from "../../sandbox/limits/limits.ts";
import type { VolumeKind } from "../../sandbox/sandbox.ts";
import type { RunSummary } from "./artifact.ts";
import type { SecretUse } from "./secret.ts";

export type { NetworkDecision } from "../../base/network-decision.ts";
export type { RunNetwork } from "../../provenance/manifest.ts";
export type { StoppedBy } from "../../provenance/run-details.ts";
export type { HeldLimit } from "../../sandbox/limits/limits.ts";

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
  /** Default: memory where the volume fits there, otherwise encrypted on disk. */
  readonly volume?: VolumeKind | undefined;
  /** Folder for the ciphertext of an encrypted volume. Default: the device's state folder. */
  readonly volumeFolder?: string | undefined;
  /** What else it is to use; default: the role's limits, no network, no folders of the host. `mounts` are `HOSTDIR[:/path]`. */
  readonly use?: WorkspaceUse | undefined;
  /** Environment template: a name of the package's or of `.cloister/workspace/`. */
  readonly template?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** An environment template, and what a workspace made from it asks for. */
export interface WorkspaceTemplate {
  readonly name: string;
  /** It is the project's own, in `.cloister/workspace/`. */
  readonly own: boolean;
  readonly summary: string;
  readonly setup: readonly string[];
  readonly network: readonly string[];
  readonly mounts: readonly string[];
  readonly gpu: boolean;
  /** Hosts to ask for with `--network` where something is to be installed. */
  readonly suggestedNetwork: readonly string[];
}

export interface WorkspaceSummary {
  readonly name: string;
  readonly id: string;
  readonly state: "creating" | "running" | "expired" | "gone";
  readonly domain: string;
  /** The label: class of the most sensitive input ever mounted, or undefined where nothing was. */
  readonly label: string | undefined;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly leftMs: number;
  /** A command uses it now. */
  readonly active: boolean;
  /** Time since the last use: a run, a shell, a copy, a push, or its creation. */
  readonly idleMs: number;
  readonly inputs: readonly { readonly reference: string; readonly class: string; readonly path: string }[];
}

export interface WorkspaceDetail extends WorkspaceSummary {
  /** Why the label is what it is. */
  readonly labelFrom: string | undefined;
  readonly purpose: string | undefined;
  readonly diskBytes: number;
  readonly volume: VolumeKind;
  /** `host:port` of what it reaches. */
  readonly network?: readonly string[];
  readonly code: { readonly folder: string; readonly commit: string | undefined; readonly files: number } | undefined;
  readonly driver: string;
  readonly template: string | undefined;
  /** Folders of the host that are shown read-only. */
  readonly mounts: readonly {
    readonly source: string;
    readonly path: string;
    /** File and digest that tell this state of a toolchain from others. */
    readonly identity: string | undefined;
  }[];
  /** Device nodes of GPUs. */
  readonly gpu: readonly string[];
  /** Container image by digest; undefined where the driver uses none. */
  readonly image: string | undefined;
  /** Each limit with its value, and whether anything holds it here. */
  readonly limits: readonly HeldLimit[];
  /** What the driver enforces and what it does not, in plain lines. */
  readonly enforced: readonly string[];
  readonly notEnforced: readonly string[];
  /** In the order in which they began. */
  readonly runs: readonly RunSummary[];
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
  /** Records which files it opened; needs strace on this host. */
  readonly trace?: boolean | undefined;
  /** Offers the command credentials, read-only and for no more than the workspace's label. */
  readonly creds?: "token" | "aws" | undefined;
  /** Longest time of this command; where the workspace's own limit is less, that one. */
  readonly runMs?: number | undefined;
  /** Hosts of the workspace's list that this command alone reaches; none where it is empty. Default: the whole list. */
  readonly network?: readonly string[] | undefined;
}

export interface ShellOptions extends Pick<RunOptions, "workspace" | "secrets" | "creds"> {}

export interface NotebookOptions {
  readonly workspace: string;
  /** Port of this machine's loopback; default: any that is free. */
  readonly port?: number | undefined;
  readonly secrets?: readonly SecretUse[] | undefined;
  readonly creds?: "token" | "aws" | undefined;
}

export interface NotebookOpened {
  readonly workspace: string;
  readonly port: number;
  /** Holds the token: whoever has it can use the notebook. */
  readonly url: string;
}

export interface RunResult {
  readonly workspace: string;
  /** The child's exit code; 128 + signal number where a signal ended it, 124 where its time was over. */
  readonly exit: number;
  readonly stoppedBy?: StoppedBy | undefined;
  readonly seconds: number;
  /** Where the output was kept inside the workspace. */
  readonly output: string | undefined;
  /** Whether the workspace was over when the command ended: its end is that of the workspace, and nothing records it. */
  readonly over: boolean;
  /** What it could reach and what it tried to; undefined where it had no network. */
  readonly network?: RunNetwork | undefined;
  readonly logEntry: number;
}

export interface SyncOptions {
  readonly workspace: string;
  /** Default: the folder that the code came from before. */
  readonly code?: string | undefined;
  /** Removes what came from the source before and is no longer there. */
  readonly delete?: boolean | undefined;
  /** Overwrites and removes what was changed in the workspace, too. */
  readonly force?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Which code came into a workspace. Paths are relative to `/workspace`, in order. */
export interface Synced {
  readonly workspace: string;
  readonly folder: string;
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly removed: readonly string[];
  /** Left as they are: changed or removed in the workspace since they were sent. */
  readonly kept: readonly string[];
  readonly unchanged: number;
  /** Size of what was sent. */
  readonly bytes: number;
  readonly commit: string | undefined;
  readonly dirty: boolean | undefined;
  readonly dryRun: boolean;
  readonly logEntry: number | undefined;
}

export interface CopyInOptions {
  readonly workspace: string;
  /** File or folder of this host. */
  readonly from: string;
  /** In `/workspace`; one that ends in `/`, or is a folder, gets the copy put into it. */
  readonly to: string;
  readonly force?: boolean | undefined;
}

export interface CopyOutOptions {
  readonly workspace: string;
  /** In `/workspace`. */
  readonly from: string;
  /** A path of this host, a folder to put the copy into, or a stream for one file. */
  readonly to: string | Writable;
  readonly force?: boolean | undefined;
}

export interface Copied {
  readonly workspace: string;
  readonly direction: "in" | "out";
  /** Where it was copied from and to; `-` for a stream. */
  readonly from: string;
  readonly to: string;
  readonly files: number;
  readonly bytes: number;
  /** The class that it carries with it, of copies that leave; undefined where the workspace has no label. */
  readonly class: string | undefined;
  readonly logEntry: number;
}

export interface ExtendOptions {
  readonly name: string;
  /** Time from now on. */
  readonly ttlMs: number;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface WorkspaceExtended {
  readonly workspace: string;
  /** When it would have ended. */
  readonly expiredAt: string;
  readonly expiresAt: string;
  readonly leftMs: number;
  /** Its whole life, which is what the policy limits. */
  readonly livesMs: number;
  readonly logEntry: number | undefined;
}

export interface DestroyOptions {
  /** Lose what was not pushed. */
  readonly discard?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface PruneOptions {
  /** Also ends workspaces that nobody used for so long. */
  readonly idleMs?: number | undefined;
  /** Lose what was not pushed from those. */
  readonly discard?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Pruned {
  readonly pruned: readonly Receipt[];
  /** Names whose records could not be read; they are forgotten. */
  readonly damaged: readonly string[];
  /** Workspaces that are still there. */
  readonly kept: number;
}

export interface LostFile {
  /** Relative to `/workspace`. */
  readonly path: string;
  readonly bytes: number;
  /** Undefined where it was not read. */
  readonly sha256: string | undefined;
}

/** Files in `/workspace` that hold something, did not come in as code, and were not pushed. */
export interface LostFiles {
  readonly files: number;
  readonly bytes: number;
  /** The first of them, by path. */
  readonly named: readonly LostFile[];
  /** False where there was too much to look at all of it. */
  readonly complete: boolean;
}

/** What was destroyed, and what was lost with it. */
export interface Receipt {
  readonly workspace: string;
  readonly id: string;
  /** Whether somebody ended it, its time was over, or its processes were gone before. */
  readonly why: "destroyed" | "expired" | "gone";
  readonly livedMs: number;
  readonly label: string | undefined;
  /** References of its inputs. */
  readonly inputs: readonly string[];
  /** How many commands ran in it. */
  readonly runs: number;
  readonly pushed: readonly string[];
  /** Undefined where it was gone already, or could not be looked through. */
  readonly lost: LostFiles | undefined;
  readonly erased: string;
  /** Undefined for what would be, and where its owner can log nothing any more. */
  readonly logEntry: number | undefined;
}
