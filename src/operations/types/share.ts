// What handing a version to somebody outside of the project takes and gives.
import type { VersionSummary } from "./artifact.ts";

export interface ShareOptions {
  readonly reference: string;
  /** The recipient, `age1…`. */
  readonly to: string;
  readonly ttlMs: number;
  /** Default: `<name>-<version>.cloister.age` in the working directory. */
  readonly output?: string | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface ShareCreated extends VersionSummary {
  readonly dryRun: boolean;
  /** Id of the share, by which it is revoked. */
  readonly id: string;
  readonly file: string;
  readonly recipient: string;
  readonly expiresAt: string;
  readonly shareEntry: number | undefined;
}

export interface ShareSummary {
  readonly id: string;
  /** Undefined where this member cannot read the version's name. */
  readonly reference: string | undefined;
  readonly versionId: string;
  readonly domain: string;
  readonly class: string;
  /** Member id. */
  readonly sharedBy: string;
  readonly sharedAt: string;
  readonly expiresAt: string;
  /** Undefined where this member cannot open the sealed part of the log. */
  readonly recipient: string | undefined;
  readonly state: "open" | "expired" | "revoked";
  readonly logEntry: number;
}

export interface ShareListing {
  readonly shares: readonly ShareSummary[];
  /** Logged shares that their signers were not allowed. */
  readonly ignored: readonly string[];
}

export interface ShareRevoked {
  readonly id: string;
  readonly reference: string | undefined;
  readonly logEntry: number;
}

export interface OpenShareOptions {
  readonly file: string;
  readonly folder: string;
  /** File with an age identity; default: the identity of this device. */
  readonly identity?: string | undefined;
  /** Fingerprint that the sharer must have. */
  readonly signer?: string | undefined;
}

export interface ShareOpened {
  /** `domain/name:label` or `domain/name:vN`. */
  readonly reference: string;
  readonly class: string;
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  readonly folder: string;
  readonly project: string;
  /** SHA-256 of the project's first policy, which its members compare, too. */
  readonly projectFingerprint: string;
  readonly sharedBy: string;
  /** To compare with the sharer: whoever has a key can sign a share. */
  readonly fingerprint: string;
  /** Whether a project on this device vouches for the sharer. */
  readonly vouched: boolean;
  readonly expiresAt: string;
}
