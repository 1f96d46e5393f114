// Who holds a role of the project, and how.
import type { Member, Policy, Role } from "../schema.ts";
import type { Held } from "./reach.ts";

/** Members, not suspended, who hold the role anywhere, or in one domain. */
export function holdersOf(policy: Policy, role: Role, domain?: string): readonly Member[] {
  return policy.members.filter(
    ({ suspended, roles }) =>
      suspended === undefined &&
      roles.some((held) => held.role === role.id && (domain === undefined || (held.domain ?? domain) === domain)),
  );
}

/** How the role is held by somebody: everywhere, or in some domains. */
export function holdingsOf(policy: Policy, role: Role): readonly Held[] {
  const held = holdersOf(policy, role).flatMap((member) => member.roles.filter((holding) => holding.role === role.id));
  const domains = new Set(held.map((holding) => holding.domain));
  return domains.has(undefined) ? [{ role, domain: undefined }] : [...domains].map((domain) => ({ role, domain }));
}
