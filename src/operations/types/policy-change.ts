// What changing the policy with several signatures takes and gives.

import type { PolicyChange } from "./policy-check.ts";

/** One of the two sides whose owners must sign: the version in force, and the one that is to follow it. */
export interface SigningSide {
  readonly version: number;
  readonly threshold: number;
  /** Owners who signed. */
  readonly signed: readonly string[];
  /** Owners who have not and could. */
  readonly can: readonly string[];
}

/** A policy version that waits for signatures. */
export interface PendingPolicy {
  readonly version: number;
  readonly digest: string;
  readonly sides: readonly [before: SigningSide, next: SigningSide];
  /** Whether both sides have signed, and it only has to be published. */
  readonly complete: boolean;
  /** Owners in force whose role may change the policy: one of them has to be the last to sign, or to publish it. */
  readonly publishers: readonly string[];
  /** What they run. */
  readonly next: string;
}

/** Keys that a new device may have and nobody at hand could give it. */
export interface LackingKeys {
  readonly member: string;
  /** `domain/class/epoch`. */
  readonly keys: readonly string[];
  /** Members who hold them all: each of them can run `cloister key hand-on`. */
  readonly holders: readonly string[];
}

export interface ProposalSummary extends PendingPolicy {
  /** Why it was proposed; undefined where its author gave no reason, or this device cannot read it. */
  readonly why: string | undefined;
  /** Another version took force in its place. */
  readonly stale: boolean;
}

export interface ProposalShown extends ProposalSummary {
  readonly text: string;
  /** What it would allow, refuse and say otherwise than what is in force. */
  readonly changes: readonly PolicyChange[];
}

export interface SignOptions {
  /** First digits of its digest, or its version number; the only open proposal where it is left out. */
  readonly which?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface PolicySigned {
  readonly version: number;
  readonly digest: string;
  /** Whether a signature of this member had been there. */
  readonly again: boolean;
  /** Where it took force; undefined while it is pending. */
  readonly logEntry: number | undefined;
  readonly pending: PendingPolicy | undefined;
  readonly lacking: readonly LackingKeys[];
  readonly dryRun: boolean;
}

export interface ProposalWithdrawn {
  readonly version: number;
  readonly digest: string;
  /** Owners whose signatures are still there. */
  readonly signed: readonly string[];
}

/** One version that took force, and what proves it. */
export interface PolicyLogRow {
  readonly version: number;
  readonly digest: string;
  /** ISO 8601. */
  readonly time: string;
  readonly logEntry: number;
  /** Who published it. */
  readonly member: string;
  /** Owners of the version before who signed; empty for the first. */
  readonly signedBefore: readonly string[];
  /** Its own owners who signed. */
  readonly signed: readonly string[];
  /** Against the version before; empty for the first. */
  readonly changes: readonly PolicyChange[];
}
