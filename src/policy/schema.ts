// The policy as typed, plain data. Lists carry their ids, so that no id can be mistaken for an object's own members.
import type { RoleAction } from "./actions.ts";
import type {
  AccessReview,
  Approvals,
  BreakGlass,
  EvidenceKind,
  Gate,
  GrantNeeded,
  Quota,
  Retention,
  Separation,
} from "./governance.ts";
import type { UseLimits } from "./workspace-use.ts";

/** A named thing, with the line of the policy file that says it (1-based). */
interface Named {
  readonly id: string;
  readonly line: number;
}

/** One accepted or proposed version of `cloister.policy.yaml`. */
export interface Policy {
  readonly project: string;
  /** Random project id, 32 hex digits, the same in every version. */
  readonly projectId: string;
  readonly version: number;
  /** SHA-256 of the version before, 64 hex digits; undefined in version 1. */
  readonly previous: string | undefined;
  readonly expires: Dated;
  readonly owners: { readonly line: number; readonly threshold: number; readonly members: readonly string[] };
  /** From the least to the most sensitive. */
  readonly classifications: readonly string[];
  readonly domains: readonly Domain[];
  readonly purposes: readonly Purpose[];
  readonly members: readonly Member[];
  readonly roles: readonly Role[];
  readonly purposeFor: { readonly line: number; readonly actions: readonly RoleAction[] };
  readonly justificationFor: readonly Justified[];
  /** How old a login with a second factor may be, per action. */
  readonly mfaWithin: readonly MfaWithin[];
  /** The highest class that a member pulled in this time is the least that they push without a run. */
  readonly labelFloor: { readonly line: number; readonly ms: number } | undefined;
  readonly separate: readonly Separation[];
  readonly rules: readonly Rule[];
  readonly evidence: readonly EvidenceKind[];
  /** In the order of the gates, from the first; empty where there are no gates. */
  readonly stages: readonly string[];
  readonly gates: readonly Gate[];
  readonly retention: Retention | undefined;
  readonly breakGlass: BreakGlass | undefined;
  readonly accessReview: AccessReview | undefined;
  /** How people log in; undefined where nobody has to. */
  readonly login: Login | undefined;
  /** The AWS side of the project; undefined where it has none. */
  readonly aws: AwsSettings | undefined;
  /** Age after which a secret is overdue for rotation; undefined where the policy sets none. */
  readonly rotateSecretsMs: number | undefined;
}

export interface MfaWithin {
  readonly line: number;
  readonly action: RoleAction;
  readonly withinMs: number;
}

/** The OpenID provider whose tokens `cloister login` asks for. */
export interface Login {
  readonly line: number;
  /** Issuer identifier, an https URL (http on loopback only). */
  readonly issuer: string;
  /** Client id of a public client registered there. */
  readonly client: string;
  /** Audience that AWS expects in the token; the client id where it is left out. */
  readonly audience: string | undefined;
}

/** Where the project lies in AWS. Names and ARNs only: nothing here is secret. */
export interface AwsSettings {
  readonly line: number;
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
  readonly bucket: string;
  /** Prefix of every object, without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  /** IAM role of a project role: this and the role's id. `cloister-churn-` by default. */
  readonly rolePrefix: string;
  /** Key ARN that class keys and data keys are under; undefined where KMS is not used. */
  readonly kms: string | undefined;
  /** Key ARNs of single classes, before `kms`. */
  readonly kmsByClass: readonly { readonly class: string; readonly key: string }[];
}

/** A last day, inclusive, in UTC. */
export interface Dated {
  readonly line: number;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** Start of the day after, in ms since 1970: from here on it is over. */
  readonly endMs: number;
}

export interface Domain extends Named {
  readonly owner: string;
  /** Oldest key epoch that may still be written to. */
  readonly epoch: number;
}

export interface Purpose extends Named {
  readonly until: Dated | undefined;
}

/** A role as a member holds it: everywhere, or in one domain. */
export interface Holding {
  readonly role: string;
  readonly domain: string | undefined;
}

export interface Member extends Named {
  readonly name: string;
  readonly roles: readonly Holding[];
  /** At least one: that of the member's own entry, then those of `devices:`. Whose keys they are is one person. */
  readonly devices: readonly Device[];
  readonly service: boolean;
  /** Who the member is to the OpenID provider; never an e-mail address. */
  readonly oidc: { readonly issuer: string; readonly sub: string } | undefined;
  /** Why the member is suspended; undefined where not. */
  readonly suspended: string | undefined;
}

/** The public halves of one device's keys. */
export interface Device {
  readonly line: number;
  /** What its owner calls it; undefined where they gave it no name. */
  readonly name: string | undefined;
  /** `p256:…`, see `keys/identity.ts`. */
  readonly signs: string;
  /** `age1…`. */
  readonly reads: string;
}

export interface Role extends Named {
  /** As written; see `withImplied` in `actions.ts`. */
  readonly can: readonly RoleAction[];
  /** The most sensitive class it may touch. */
  readonly upTo: string;
  /** The purposes it may act for; undefined for all of them. */
  readonly purposes: readonly string[] | undefined;
  /** Stages it may touch; undefined for all of them. */
  readonly stages: readonly string[] | undefined;
  readonly quota: Quota;
  readonly workspace: WorkspaceLimits;
  /** Longest life of a credential; undefined where the role sets no limit. */
  readonly credentialTtlMs: number | undefined;
}

/** What one workspace may use; undefined where the role sets no limit. */
export interface WorkspaceLimits extends UseLimits {
  readonly ttlMs: number | undefined;
  readonly openMax: number | undefined;
  readonly diskBytes: number | undefined;
}

/** A minimum length, in characters, of the justification for an action. */
export interface Justified {
  readonly line: number;
  readonly action: RoleAction;
  readonly charsMin: number;
}

/** What a rule may ask to be declared. */
export const FIELDS = ["owner", "licence", "purpose", "justification"] as const;
export type Field = (typeof FIELDS)[number];

export interface Rule extends Named {
  readonly on: readonly RoleAction[];
  /** Kinds it applies to; undefined for all. */
  readonly kinds: readonly string[] | undefined;
  /** This class or a more sensitive one; undefined for all. */
  readonly from: string | undefined;
  /** Domains it applies to; undefined for all. */
  readonly domains: readonly string[] | undefined;
  /** The sentence it refuses with; undefined where it requires something instead. */
  readonly refuse: string | undefined;
  readonly fields: readonly Field[];
  readonly provenance: "run" | undefined;
  readonly approvals: Approvals | undefined;
  readonly grant: GrantNeeded | undefined;
  /** `keys`: the data key is split between those who approve the grant, and released by their approval. */
  readonly release: "keys" | undefined;
  readonly evidence: readonly string[];
  /** Patterns with `*` for any text; undefined where every destination will do. */
  readonly destinations: readonly string[] | undefined;
}

/** The member with this id, or undefined. */
export function memberOf(policy: Policy, id: string): Member | undefined {
  return policy.members.find((member) => member.id === id);
}

/** `role` or `role@domain`, as the policy writes it. */
export function holdingText(holding: Holding): string {
  return holding.domain === undefined ? holding.role : `${holding.role}@${holding.domain}`;
}
