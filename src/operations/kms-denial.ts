// A refusal of KMS in terms of the policy: the line that would have to change, or that AWS lags behind it.
import { KmsRefused } from "../keys/kms.ts";
import { covers, entitlements } from "../policy/entitlements.ts";
import type { Policy, Role } from "../policy/schema.ts";

/** A domain and one of its classes. */
interface Place {
  readonly domain: string;
  readonly class: string;
}

/**
 * The same refusal with the policy's own answer. Where the policy entitles the member, nothing in it has to change, and
 * what is deployed in AWS does; where it does not, KMS only says what the policy says.
 */
export function inTermsOfPolicy(error: KmsRefused, policy: Policy, member: string, place: Place): KmsRefused {
  if (error.code !== "POLICY_DENIED") return error;
  const { message, why, cause } = error;
  return new KmsRefused("POLICY_DENIED", message, { why, next: nextStep(policy, member, place), cause });
}

function nextStep(policy: Policy, member: string, place: Place): string {
  const version = `policy v${String(policy.version)}`;
  const where = `${place.domain}/${place.class}`;
  const held = policy.roles.filter((role) =>
    policy.members.some(({ id, roles }) => id === member && roles.some((holding) => holding.role === role.id)),
  );
  const reads = entitlements(policy, member).classKeys.some((each) => isPlace(each, place));
  if (reads || covers(policy, member, "artifact.push", place)) {
    const line = policy.aws === undefined ? "" : `, and line ${String(policy.aws.line)} names the key`;
    return `${version} lets you into ${where} (${listed(held)})${line}; what is deployed in AWS does not: cloister policy export aws, and cloister policy verify aws shows the difference`;
  }
  const holding = held.length === 0 ? "you hold no role" : `no role of yours reaches it: ${listed(held)}`;
  return `${version} does not let you into ${where} either, ${holding}; an owner (${policy.owners.members.join(", ")}) can change that: cloister policy propose`;
}

function isPlace(one: Place, other: Place): boolean {
  return one.domain === other.domain && one.class === other.class;
}

function listed(roles: readonly Role[]): string {
  return roles.map(({ id, line, upTo }) => `role ${id} up to ${upTo}, line ${String(line)}`).join("; ");
}
