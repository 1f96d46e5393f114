// In which role a member may be issued credentials, and for which data a credential in that role is good.
import { memberOf, type Policy, type Role } from "./schema.ts";

/** A body of data at one class. */
export interface Place {
  readonly domain: string;
  readonly class: string;
}

/** A role that issues credentials, and where: every class up to the role's, in each domain it is held in. */
export interface Issuing {
  readonly role: Role;
  /** From the least to the most sensitive class. */
  readonly places: readonly Place[];
}

/** What a credential may be narrowed to. */
export interface Narrowing {
  readonly role?: string | undefined;
  readonly domain?: string | undefined;
  readonly purpose?: string | undefined;
  /** The most sensitive class. */
  readonly upTo?: string | undefined;
}

/** Roles of an unsuspended member in which credentials can be issued, rules aside; empty for anybody else. */
export function issuingRoles(policy: Policy, member: string, narrowing: Narrowing = {}): readonly Issuing[] {
  const found = memberOf(policy, member);
  if (!found || found.suspended !== undefined) return [];
  const { role: only, domain, purpose, upTo } = narrowing;
  const highest = upTo === undefined ? Number.POSITIVE_INFINITY : policy.classifications.indexOf(upTo);
  return policy.roles
    .filter(({ id, can }) => can.includes("creds.issue") && (only === undefined || id === only))
    .filter(({ purposes }) => purpose === undefined || !purposes || purposes.includes(purpose))
    .map((role) => {
      const domains = policy.domains
        .map(({ id }) => id)
        .filter((id) => domain === undefined || id === domain)
        .filter((id) => found.roles.some((held) => held.role === role.id && (held.domain ?? id) === id));
      const reach = Math.min(policy.classifications.indexOf(role.upTo), highest);
      const classes = policy.classifications.slice(0, reach + 1);
      return { role, places: classes.flatMap((klass) => domains.map((id) => ({ domain: id, class: klass }))) };
    })
    .filter(({ places }) => places.length > 0);
}

/** Longest life of a credential where the role does not say. */
const CREDENTIAL_MS_DEFAULT = 60 * 60_000;

/** Longest life of a credential in this role, in ms. */
export function longestLife({ credentialTtlMs }: Pick<Role, "credentialTtlMs">): number {
  return credentialTtlMs ?? CREDENTIAL_MS_DEFAULT;
}

/** When a credential that is issued now must be over: the policy's last day, or its purpose's. */
export function issuingEndMs(policy: Policy, purpose: string | undefined): number {
  const until = policy.purposes.find(({ id }) => id === purpose)?.until;
  return Math.min(policy.expires.endMs, until?.endMs ?? Number.POSITIVE_INFINITY);
}
