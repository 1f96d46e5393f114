// Which keys a member is to hold: what the policy lets them read, and nothing else.
import { type RoleAction, withImplied } from "./actions.ts";
import { memberOf, type Policy, type Role } from "./schema.ts";

/** The keys of one member. */
export interface Entitlements {
  /** Pairs whose artifacts or secrets they may read: both are under one key. */
  readonly classKeys: readonly { readonly domain: string; readonly class: string }[];
  /** Domains whose names they may read. */
  readonly nameKeys: readonly string[];
  /** Whether they may read the sealed part of audit events. */
  readonly auditKey: boolean;
}

/**
 * The keys that `member` is entitled to: a class key where one of their roles covers the domain, reaches the class and
 * reads artifacts or secrets; a name key where one covers the domain and works with either at all. Suspended and unknown
 * members are entitled to nothing.
 */
export function entitlements(policy: Policy, member: string): Entitlements {
  const found = memberOf(policy, member);
  if (!found || found.suspended !== undefined) return { classKeys: [], nameKeys: [], auditKey: false };
  const rolesIn = (domain: string | undefined): readonly Role[] =>
    policy.roles.filter((role) =>
      found.roles.some(
        (holding) =>
          holding.role === role.id &&
          (domain === undefined || holding.domain === undefined || holding.domain === domain),
      ),
    );
  const classKeys = policy.domains.flatMap(({ id }) => {
    const readers = rolesIn(id).filter(reads);
    const reach = Math.max(-1, ...readers.map((role) => policy.classifications.indexOf(role.upTo)));
    return policy.classifications.slice(0, reach + 1).map((name) => ({ domain: id, class: name }));
  });
  const nameKeys = policy.domains.filter(({ id }) => rolesIn(id).some(works)).map(({ id }) => id);
  return { classKeys, nameKeys, auditKey: rolesIn(undefined).some((role) => role.can.includes("audit.read")) };
}

/** Whether some role of an unsuspended member allows the action in this domain up to this class, rules aside. */
export function covers(
  policy: Policy,
  member: string,
  action: RoleAction,
  place: { readonly domain: string; readonly class: string },
): boolean {
  const found = memberOf(policy, member);
  const rank = policy.classifications.indexOf(place.class);
  if (!found || found.suspended !== undefined || rank < 0) return false;
  return policy.roles.some(
    (role) =>
      withImplied(role.can).includes(action) &&
      policy.classifications.indexOf(role.upTo) >= rank &&
      found.roles.some((held) => held.role === role.id && (held.domain ?? place.domain) === place.domain),
  );
}

function reads(role: Role): boolean {
  return role.can.includes("secret.read") || withImplied(role.can).includes("artifact.read-metadata");
}

function works(role: Role): boolean {
  return role.can.some((action) => /^(artifact|secret|break-glass)\./.test(action) || action === "workspace.mount");
}
