// Somebody who holds one role and nothing else: for questions about roles, whoever holds them.
import { type Holding, holdingText, type Member, type Policy } from "../schema.ts";

/** No member can be called so, because no id may hold a tilde. */
export function standInId(holding: Holding, number = 1): string {
  return `~${holdingText(holding)}${number === 1 ? "" : `~${String(number)}`}`;
}

/** The policy with a member for each of the holdings. It is there to be asked, never to be signed. */
export function withStandIns(policy: Policy, ids: ReadonlyMap<string, Holding>): Policy {
  const members = [...ids].map(([id, holding]) => standIn(id, [holding]));
  return { ...policy, members: [...policy.members, ...members] };
}

function standIn(id: string, roles: readonly Holding[]): Member {
  const nothing = { devices: [], service: false, oidc: undefined, suspended: undefined };
  return { id, line: 1, name: id, roles, ...nothing };
}
