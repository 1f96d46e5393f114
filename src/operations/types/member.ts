// What changing one member takes and gives.
import type { LackingKeys, PendingPolicy } from "./policy-change.ts";

export interface ChangeMemberOptions {
  readonly member: string;
  /** Of a suspension it stands in the policy, too, where everybody who reads the store sees it. */
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface AddDeviceOptions {
  /** What `cloister join` printed on the device. */
  readonly line: string;
  /** Default: the member that the line names. */
  readonly member?: string | undefined;
  readonly name?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface RemoveDeviceOptions extends ChangeMemberOptions {
  /** Its name, or first letters of its fingerprint. */
  readonly device: string;
}

export interface MemberChanged {
  readonly member: string;
  readonly policyVersion: number;
  readonly policyDigest: string;
  /** Undefined while it is pending, and of a dry run. */
  readonly logEntry: number | undefined;
  readonly pending: PendingPolicy | undefined;
  /** `domain/class` of the keys that the member was given. */
  readonly given: readonly string[];
  /** Keys that were made, as `domain/class/epoch`; where it did not take force, those it would make. */
  readonly made: readonly string[];
  readonly lacking: readonly LackingKeys[];
  readonly dryRun: boolean;
}

/** What somebody read, and keeps. */
export interface Released {
  readonly versions: readonly {
    readonly versionId: string;
    readonly domain: string | undefined;
    readonly class: string | undefined;
    /** `domain/name:label`; undefined where the one who asks cannot read it. */
    readonly reference: string | undefined;
    /** How often, and by which action and when (ISO 8601) the last time. */
    readonly times: number;
    readonly action: string;
    readonly last: string;
  }[];
  /** Number of secrets whose value they were handed: those are to be changed. */
  readonly secrets: number;
}

export interface MemberSuspended extends MemberChanged {
  /** Domains whose oldest epoch for pushes was raised, and to which. */
  readonly domains: readonly { readonly domain: string; readonly epoch: number }[];
  readonly released: Released;
}
