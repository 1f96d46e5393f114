// What listing and rotating keys takes and gives.

import type { LackingKeys, PendingPolicy } from "./policy-change.ts";

export interface KeySummary {
  /** `_project` for the key of the audit details. */
  readonly domain: string;
  /** `_names` for the key of a domain's names, `_audit` for that of the audit details. */
  readonly class: string;
  readonly epoch: number;
  /** Whether what is written now goes under it. */
  readonly inUse: boolean;
  /** ISO 8601: when it took force, and the log entry that says so. */
  readonly since: string;
  readonly logEntry: number;
  /** ARN of the KMS key it is under; undefined where members' devices hold it. */
  readonly kms: string | undefined;
  /** Whether it opens for this member, here and now; if not, `why`. */
  readonly held: boolean;
  readonly why: string | undefined;
}

export interface RotateOptions {
  /** Default: every domain. */
  readonly domain?: string | undefined;
  /** Default: every class. */
  readonly class?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface Rotated {
  readonly keys: readonly {
    readonly domain: string;
    readonly class: string;
    readonly epoch: number;
    readonly kms: string | undefined;
  }[];
  readonly policyVersion: number;
  readonly policyDigest: string;
  readonly logEntry: number | undefined;
  /** What it waits for; undefined where it took force. */
  readonly pending: PendingPolicy | undefined;
  readonly dryRun: boolean;
}

/** Keys of classes that were brought to the devices that may have them. */
export interface ClassKeysHandedOn {
  /** `domain/class` of what was given, by member. */
  readonly given: readonly { readonly member: string; readonly keys: readonly string[] }[];
  readonly lacking: readonly LackingKeys[];
}

/** Halves of released keys that were brought up to the policy in force. */
export interface HandedOn {
  /** Versions of which this member holds a half. */
  readonly versions: number;
  /** Halves that were sealed to devices of members who had none of them yet. */
  readonly given: readonly { readonly member: string; readonly halves: number }[];
  /** Halves that were not, because the member held the other half of the same version once. */
  readonly withheld: readonly { readonly member: string; readonly halves: number }[];
  /** Files of devices that are to hold none any more, removed. */
  readonly taken: number;
}
