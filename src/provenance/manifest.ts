// What a manifest says about one artifact version, as plain data; statement.ts and statement-reader.ts turn it into in-toto and back.

import type { NetworkDecision } from "../base/network-decision.ts";
import type { Origins, RunDetails, RunPart } from "./run-details.ts";

/** The predicate that the statements carry: SLSA build provenance v1. */
export const PREDICATE_TYPE = "https://slsa.dev/provenance/v1";
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Says what the parameters mean; described in docs/provenance.md. A change of meaning takes a new number. */
export const BUILD_TYPE = "https://cloister.dev/provenance/push/v1";
/** A member's own machine: the statement is worth as much as that member's key. */
export const BUILDER_ID = "https://cloister.dev/builders/workstation/v1";
/** Files that a statement lists. A verifier in the field accepts 1,024 subjects; `dirHash` covers every file. */
export const LISTED_FILES_MAX = 1000;

export type ManifestKind = "dataset" | "model" | "code" | "report";

/** Flat facts: seeds, versions, sizes. */
export type Facts = Readonly<Record<string, string | number>>;

export interface ManifestFile {
  /** Relative, `/`-separated. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** An artifact version that the new one was made from. */
export interface ManifestInput {
  /** Under `/inputs/<name>` in the workspace. */
  readonly name: string;
  /** {@link artifactUri} of the version. */
  readonly uri: string;
  /** `dirHash` of the version. */
  readonly digest: string;
  readonly versionId: string;
  readonly class: string;
  readonly kind: ManifestKind;
  readonly licence?: string | undefined;
  /** SHA-256 of the input's own statement, as signed. */
  readonly manifestDigest: string;
}

/** One command that ran in the workspace. Times are RFC 3339 in UTC. */
export interface ManifestRun {
  readonly id: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly seeds: Facts;
  readonly startedOn: string;
  readonly finishedOn: string;
  /** 128 + signal number where a signal ended it. */
  readonly exitCode: number;
  /** What it has to do with the version; not known of runs that earlier releases recorded. */
  readonly part?: RunPart | undefined;
  readonly details?: RunDetails | undefined;
  /** Undefined where it had no network. */
  readonly network?: RunNetwork | undefined;
}

/** What a command could reach, and what it tried to. */
export interface RunNetwork {
  /** `host:port`, or `*.domain:port`. */
  readonly allowed: readonly string[];
  readonly decisions: readonly NetworkDecision[];
}

/** The state of the work tree that the code came from. */
export interface GitState {
  /** 40 or 64 hex digits. */
  readonly commit: string;
  /** Undefined where HEAD is detached. */
  readonly branch?: string | undefined;
  /** Without credentials; undefined where there is none or it is a path on this machine. */
  readonly remote?: string | undefined;
  /** Tracked files differ from the commit. */
  readonly dirty: boolean;
  /** Hex SHA-256 of `git diff --binary --full-index HEAD`; undefined where it is clean or the patch is too large. */
  readonly patchSha256?: string | undefined;
  /** That patch in Base64; undefined where it is larger than a mebibyte, and in statements of earlier releases. */
  readonly patch?: string | undefined;
  /** Number of files that are neither tracked nor ignored. */
  readonly untracked: number;
  /** The first of them, in order of their UTF-8 bytes. */
  readonly untrackedFiles?: readonly string[] | undefined;
}

export interface ManifestContent {
  readonly project: { readonly id: string; readonly name: string };
  readonly domain: string;
  readonly name: string;
  readonly number: number;
  readonly label?: string | undefined;
  readonly kind: ManifestKind;
  readonly class: string;
  /** All files, in any order. */
  readonly files: readonly ManifestFile[];
  /** See `folderDigests`. */
  readonly dirHash: string;
  readonly omsRoot: string;
  /** Size of all files together. */
  readonly bytes: number;
  readonly declared: {
    readonly owner?: string | undefined;
    readonly licence?: string | undefined;
    readonly purpose?: string | undefined;
    readonly justification?: string | undefined;
  };
  readonly workspace?: { readonly id: string; readonly name: string } | undefined;
  readonly inputs: readonly ManifestInput[];
  /** Those that made the version, in the order they began; with no `origins`, all that ran in the workspace. */
  readonly runs?: readonly ManifestRun[] | undefined;
  /** Where the files of a push from a workspace come from. */
  readonly origins?: Origins | undefined;
  readonly git?: GitState | undefined;
  readonly environment?: Facts | undefined;
  /** The policy in force, and the log entry of the intent that was decided under it. */
  readonly policy: { readonly version: number; readonly digest: string; readonly intent: number };
  /** Id of the push, the same as in its log entries. */
  readonly operationId: string;
  /** Versions of Cloister and Node that wrote the statement. */
  readonly builder: { readonly version: string; readonly node: string };
  /** RFC 3339 in UTC. */
  readonly pushedAt: string;
}

/** What a reader gets: as pushed, but with at most {@link LISTED_FILES_MAX} files, the first ones by UTF-8 bytes of their path. */
export interface Manifest extends ManifestContent {
  /** Number of all files, listed or not. */
  readonly fileCount: number;
}

/** The name of an artifact version in statements: `cloister://<project id>/<domain>/<name>@v<number>`. */
export function artifactUri(version: {
  readonly projectId: string;
  readonly domain: string;
  readonly name: string;
  readonly number: number;
}): string {
  return `cloister://${version.projectId}/${version.domain}/${version.name}@v${String(version.number)}`;
}
