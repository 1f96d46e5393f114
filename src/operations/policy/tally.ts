// How far a policy version is: who signed for which side, who still can, and what they run.
import type { Envelope } from "../../keys/dsse.ts";
import { memberOf, type Policy } from "../../policy/schema.ts";
import { ownersWhoSigned } from "../policy-signatures.ts";
import type { PendingPolicy, SigningSide } from "../types.ts";

export interface Step {
  /** The version in force, and the one that is to follow it. */
  readonly before: Policy;
  readonly next: Policy;
  readonly digest: string;
}

/** @param besides members who are about to sign: counted as if they had */
export function tallyOf(
  { before, next, digest }: Step,
  envelope: Envelope | undefined,
  besides: readonly string[] = [],
): PendingPolicy {
  const sides = [sideOf(before, envelope, besides), sideOf(next, envelope, besides)] as const;
  return {
    version: next.version,
    digest,
    sides,
    complete: sides.every(({ threshold, signed }) => signed.length >= threshold),
    publishers: publishersOf(before),
    next: `cloister policy sign ${digest.slice(0, 12)}`,
  };
}

function sideOf(policy: Policy, envelope: Envelope | undefined, besides: readonly string[]): SigningSide {
  const { threshold, members } = policy.owners;
  const unsuspended = members.filter((id) => memberOf(policy, id)?.suspended === undefined);
  const did = envelope ? ownersWhoSigned(policy, envelope) : [];
  const signed = unsuspended.filter((id) => did.includes(id) || besides.includes(id));
  return { version: policy.version, threshold, signed, can: unsuspended.filter((id) => !signed.includes(id)) };
}

/** Owners with a role that may change the policy; rules aside, which only the moment can tell. */
function publishersOf(policy: Policy): readonly string[] {
  const changers = new Set(policy.roles.filter(({ can }) => can.includes("policy.change")).map(({ id }) => id));
  return policy.owners.members.filter((id) => {
    const member = memberOf(policy, id);
    return member?.suspended === undefined && member?.roles.some(({ role }) => changers.has(role)) === true;
  });
}
