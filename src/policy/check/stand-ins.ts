// People who hold given roles and are nothing else: for questions about roles, whoever holds them.
import { type Holding, holdingText, type Member, type Policy } from "../schema.ts";

/** People by id, with the roles they hold. */
export type StandIns = ReadonlyMap<string, readonly Holding[]>;

/** No member can be called so, because no id may hold a tilde. */
export function standInId(holding: Holding): string {
  return `~${holdingText(holding)}`;
}

/** The policy with these people in it. It is there to be asked, never to be signed. */
export function withStandIns(policy: Policy, people: StandIns): Policy {
  const members = [...people].map(([id, holdings]) => standIn(id, holdings));
  return { ...policy, members: [...policy.members, ...members] };
}

function standIn(id: string, roles: readonly Holding[]): Member {
  return { id, line: 1, name: id, roles, devices: [], service: false, oidc: undefined, suspended: undefined };
}
