// What making, joining and sharing a project takes and gives.

import type { MemberChanged } from "./member.ts";
import type { LackingKeys, PendingPolicy } from "./policy-change.ts";

/** How a store in a bucket is reached; what is left out, the AWS configuration of this machine says. */
export interface StoreReach {
  /** Of a server other than AWS, e.g. `https://s3.acme.example`. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Profile whose credentials are used. */
  readonly profile?: string | undefined;
}

export interface CreateOptions extends StoreReach {
  /** Folder of the project; made if it is missing. */
  readonly folder: string;
  /** `solo`, `demo` (two people) or `aws` (a team). A name of a folder in `templates/`. */
  readonly template: string;
  /** Project name. */
  readonly project: string;
  /** A folder, relative to the project's (`.cloister/store` by default), or `s3://bucket/prefix`. */
  readonly store: string;
  /** Member id of the person who makes the project. */
  readonly member: string;
  /** That person's name. */
  readonly name: string;
  /** Data domain the project starts with. */
  readonly domain: string;
  /** The purpose work is done for. */
  readonly purpose: string;
  /** AWS account that the policy names, 12 digits; that of `kms` where it is left out. Only with the template `aws`. */
  readonly account?: string | undefined;
  /** ARN of the KMS key that the keys of all classes are to be under. */
  readonly kms?: string | undefined;
  /** ARN of the KMS key (ECC_NIST_P256, SIGN_VERIFY) that a new identity of this device signs with. */
  readonly signingKey?: string | undefined;
  /** Bucket that the policy names; needed with `kms` and the template `aws` where the store does not say it. */
  readonly bucket?: string | undefined;
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

export interface JoinOptions extends StoreReach {
  readonly folder: string;
  /** A folder, relative to the working directory, or `s3://bucket/prefix`; empty for the one of the invitation. */
  readonly store: string;
  /** Line of an invitation; the store must show at least what it says. */
  readonly invitation?: string | undefined;
  /** Member whose further device this is. */
  readonly deviceOf?: string | undefined;
  /** Suggested member id and name, carried in the line. */
  readonly member: string;
  readonly name: string;
  /** Policy fingerprint that the steward told; refused if the store shows another. */
  readonly expectPolicy?: string | undefined;
  /** ARN of the KMS key (ECC_NIST_P256, SIGN_VERIFY) that a new identity of this device signs with. */
  readonly signingKey?: string | undefined;
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
  /** `j-` and the first digits of the join request that was filed; undefined where there is none. */
  readonly request: string | undefined;
  readonly invitedBy: string | undefined;
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
  /** Pairs that they may read and whose keys are in AWS KMS: an IAM role gives them those. */
  readonly kmsKeys: readonly string[];
  readonly logEntry: number | undefined;
  /** What it waits for; undefined where it took force. */
  readonly pending: PendingPolicy | undefined;
  readonly lacking: readonly LackingKeys[];
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
  /** Of the first device. */
  readonly fingerprint: string;
  /** At least one. */
  readonly devices: readonly {
    readonly name: string | undefined;
    readonly fingerprint: string;
    /** Whether it is the one that asks. */
    readonly here: boolean;
  }[];
  readonly suspended: boolean;
  readonly owner: boolean;
  readonly you: boolean;
}

export interface InviteOptions {
  /** Roles that the inviter has in mind: `data-scientist`, `data-owner@churn`. */
  readonly roles: readonly string[];
}

/** An invitation; whoever has it learns where the store is, and may ask to join. */
export interface Invited {
  /** One line, for the joiner. */
  readonly line: string;
  readonly project: string;
  readonly policyVersion: number;
  readonly logEntries: number;
  readonly roles: readonly string[];
  readonly store: string;
}

/** Somebody who asks to join, as they describe themselves. */
export interface JoinRequestSummary {
  /** `j-` and eight digits. */
  readonly id: string;
  readonly member: string;
  readonly name: string;
  /** To be compared with theirs, over another channel. */
  readonly fingerprint: string;
  /** Member whose further device it is. */
  readonly deviceOf: string | undefined;
  /** Member who invited them, where an invitation of theirs was shown, and the roles that it names. */
  readonly invitedBy: string | undefined;
  readonly roles: readonly string[];
  /** Whether they proved to this device that they hold the reading key. */
  readonly readingKey: "proven" | "unknown" | "forged";
}

export interface AnswerJoinOptions {
  /** `j-…` */
  readonly id: string;
  readonly roles: readonly string[];
  /** Member id and name, if others than those asked for. */
  readonly member?: string | undefined;
  readonly name?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Who was let in: a member, or a further device of one. */
export interface JoinApproved {
  readonly member: MemberAdded | undefined;
  readonly device: MemberChanged | undefined;
}
