// What pushing, pulling, listing and verifying takes and gives.
import type { Readable, Writable } from "node:stream";
import type { RunNetwork } from "../../provenance/manifest.ts";
import type { Origins, RunDetails, RunPart } from "../../provenance/run-details.ts";
import type { StatementSummary } from "./stage.ts";

export type ArtifactKind = "dataset" | "model" | "code" | "report";

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
  /** References of versions to find content again in, besides earlier ones of the artifact and the workspace's inputs. */
  readonly bases?: readonly string[] | undefined;
  /** Reads every file, however unchanged it looks, and opens all content that is found in the store before relying on it. */
  readonly reread?: boolean | undefined;
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
  /** Bytes of content that were found nowhere, and had to be stored. */
  readonly bytesNew: number;
  /** The other bytes: found in bases, in this push itself, or in what an interrupted one had stored. */
  readonly bytesReused: number;
  /** Bytes that this command added to the store for them: encrypted, perhaps compressed, padded. */
  readonly bytesStored: number;
  /** Versions that content was found in. */
  readonly foundIn: readonly string[];
  /** Earlier versions that were not searched, because the policy does not let this member read them now. */
  readonly notSearched: readonly { readonly reference: string; readonly why: string }[];
  /** Where the class comes from: `asked`, `lowest class`, or the input it was inherited from. */
  readonly classFrom: string;
  /** True where an interrupted push of the same was finished. */
  readonly resumed: boolean;
}

/** Some of a version's files: what any of the paths or of the patterns of `include` means; without either, all of them. */
export interface Selection {
  /** Files, or folders with all that lies in them. */
  readonly paths?: readonly string[] | undefined;
  /** Patterns, see `globTest`. */
  readonly include?: readonly string[] | undefined;
  /** Patterns of what is not meant after all. */
  readonly exclude?: readonly string[] | undefined;
}

/** What a selection did not mean. */
export interface LeftOut {
  readonly files: number;
  readonly bytes: number;
}

export interface PullOptions {
  readonly reference: string;
  /** Default: all files. */
  readonly select?: Selection | undefined;
  /**
   * A folder, which is absent or empty; a stream, for a single file; or what a copy would go to: a single file that was
   * selected by its path alone goes there, or into it where it is a folder or ends in `/`, and anything else to a folder
   * of that name. Without a place, it is called as what was named.
   */
  readonly output: { readonly folder: string } | { readonly stream: Writable } | { readonly copy: string | undefined };
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Pulled extends VersionSummary {
  /** The stage or tag that led to it; undefined where it was named by what always means it, or as the latest. */
  readonly via: string | undefined;
  readonly dryRun: boolean;
  /** Of what was selected. */
  readonly files: number;
  readonly bytes: number;
  /** What the version holds besides; undefined where all of it was pulled. */
  readonly partial: LeftOut | undefined;
  readonly folder: string | undefined;
  /** Where a single file went. */
  readonly file: string | undefined;
  /** Log entry of this pull. */
  readonly pullEntry: number | undefined;
}

/** A version record in the store that readers must not accept, and why. */
export interface Ignored {
  readonly what: string;
  readonly why: string;
}

/** Who did something to a version that holds until it is undone. */
export interface DoneBy {
  readonly by: string;
  readonly logEntry: number;
}

/** A version in a list. */
export interface ListedVersion extends VersionSummary {
  /** Where it stands in the policy's stages; undefined where there are none. */
  readonly stage: string | undefined;
  /** Words that lead to it now. */
  readonly tags: readonly string[];
  readonly retired: DoneBy | undefined;
  /** Under legal hold. */
  readonly held: DoneBy | undefined;
}

export interface ListOptions {
  readonly name?: string | undefined;
  /** Retired versions, and those whose keys were destroyed, too. */
  readonly all?: boolean | undefined;
}

export interface Listing {
  readonly versions: readonly ListedVersion[];
  /** Versions whose keys were destroyed; what they were called nobody can read any more. */
  readonly shredded: readonly (DoneBy & { readonly what: string; readonly versionId: string })[];
  /** Versions that exist but that this member cannot open, counted by `domain/class`; `why` where KMS refuses the key. */
  readonly hidden: readonly { readonly where: string; readonly count: number; readonly why: string | undefined }[];
  readonly ignored: readonly Ignored[];
}

/** The code that was brought into the workspace. */
export interface CodeState {
  readonly commit: string;
  readonly dirty: boolean;
  /** SHA-256 of the patch against the commit, and its bytes in Base64 where they were few enough to be kept. */
  readonly patchSha256: string | undefined;
  readonly patch: string | undefined;
  readonly untracked: number;
  readonly untrackedFiles: readonly string[] | undefined;
}

/** One run, as readers of a version and users of a workspace see it. */
export interface RunSummary extends RunDetails {
  readonly id: string;
  readonly argv: readonly string[];
  readonly seeds: Readonly<Record<string, string | number>>;
  /** 128 + signal number where a signal ended it; undefined while it has not ended, or if its end was not recorded. */
  readonly exit: number | undefined;
  readonly startedAt: string;
  readonly seconds: number | undefined;
  /** What it could reach and what it tried to; undefined where it had no network. */
  readonly network?: RunNetwork | undefined;
  /** Why it stands in a manifest. */
  readonly part: RunPart | undefined;
}

/** The files of a version, or some of them. */
export interface FileListing extends VersionSummary {
  readonly via: string | undefined;
  /** Of what is listed. */
  readonly files: number;
  readonly bytes: number;
  /** What the version holds besides; undefined where all of it is listed. */
  readonly partial: LeftOut | undefined;
  /** In the order of the paths' UTF-8 bytes; `sha256` in hex. */
  readonly fileList: readonly ListedFile[];
}

export interface ListedFile {
  readonly path: string;
  readonly kind: "file" | "executable";
  readonly bytes: number;
  readonly sha256: string;
}

export interface VersionDetail extends ListedVersion {
  readonly owner: string | undefined;
  readonly licence: string | undefined;
  readonly purpose: string | undefined;
  readonly justification: string | undefined;
  readonly workspace: string | undefined;
  readonly inputs: readonly { readonly reference: string; readonly digest: string; readonly class: string }[];
  /** The last of {@link runs}. */
  readonly run: { readonly argv: readonly string[]; readonly exit: number; readonly seconds: number } | undefined;
  /** The runs that made it, in the order in which they began. */
  readonly runs: readonly RunSummary[];
  /** What the runs do not account for; undefined where it was not pushed from a workspace, or by an earlier release. */
  readonly origins: Origins | undefined;
  readonly git: CodeState | undefined;
  /** The machine of the push. */
  readonly environment: Readonly<Record<string, string | number>>;
  readonly policyVersion: number;
  readonly signer: string;
  readonly fileList: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[] | undefined;
  /** What members stated about it, oldest first. */
  readonly statements: readonly StatementSummary[];
  /** What was logged about it and does not count. */
  readonly ignored: readonly Ignored[];
}

/** One thing that was checked; `verify` fails where one of them is `bad`. */
export interface Check {
  /** `files`, `signature`, `signer`, `label`, `log`, … */
  readonly name: string;
  readonly state: "good" | "bad" | "unknown";
  readonly text: string;
}

/** A pulled folder (`partial`: from which files may be absent), or a version in the store. */
export type VerifyTarget =
  | { readonly folder: string; readonly partial?: boolean | undefined }
  | { readonly reference: string };

export interface Verified {
  readonly target: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly reference: string | undefined;
}
