// Who confirms whose access.
import { memberOf, type Policy } from "./schema.ts";

/**
 * Whether one member may keep or revoke what another holds: a holder of the role that the policy names, and never their
 * own access, unless nobody else holds that role.
 */
export function mayReview(policy: Policy, reviewer: string, member: string): boolean {
  const reviewers = reviewersOf(policy);
  return reviewers.includes(reviewer) && (reviewer !== member || reviewers.length === 1);
}

/** People who hold the role that reviews access; none where the policy asks for no review. A service confirms nobody. */
export function reviewersOf(policy: Policy): readonly string[] {
  const role = policy.accessReview?.by;
  return policy.members
    .filter(({ suspended, service }) => suspended === undefined && !service)
    .filter((member) => member.roles.some((held) => held.role === role))
    .map(({ id }) => id);
}

/** Whether a member who is not suspended holds the role, as `role` or `role@domain`, under this policy. */
export function holds(policy: Policy, member: string, holding: { role: string; domain: string | undefined }): boolean {
  const found = memberOf(policy, member);
  if (!found || found.suspended !== undefined) return false;
  return found.roles.some((held) => held.role === holding.role && held.domain === holding.domain);
}
