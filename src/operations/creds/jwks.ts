// The keys by which anyone verifies tokens, with what each may at most say under the policy in force.
import { type TokenKey, tokenKeys } from "../../credentials/jwks.ts";
import { TOKEN_MS_MAX } from "../../credentials/token.ts";
import { allows } from "../../policy/aws/reach.ts";
import { issuingRoles, longestLife } from "../../policy/issuing.ts";
import type { Session } from "../session.ts";
import { placeText } from "./plan.ts";

/** A JSON Web Key Set (RFC 7517). */
export interface KeySet {
  readonly keys: readonly TokenKey[];
}

/** Keys of all members whose roles issue credentials. Those of suspended members are not among them. */
export async function keySet(session: Session): Promise<KeySet> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const now = await session.clock();
  const going = policy.purposes.filter(({ until }) => until === undefined || now < until.endMs).map(({ id }) => id);
  const caps = policy.members.map(({ id, devices }) => ({
    member: id,
    devices,
    roles: issuingRoles(policy, id).map(({ role, places }) => ({
      role: role.id,
      // Without what a rule refuses everybody there; whatever else a decision rests on, only the decision knew.
      places: places
        .filter((place) => allows(policy, [{ role, domain: place.domain }], "creds.issue", place))
        .map(placeText),
      purposes: role.purposes?.filter((purpose) => going.includes(purpose)),
      ttlMs: Math.min(longestLife(role), TOKEN_MS_MAX),
    })),
  }));
  const issuing = caps.filter(({ roles }) => roles.length > 0);
  return { keys: tokenKeys(issuing.flatMap(({ devices, ...cap }) => devices.map(({ signs }) => ({ ...cap, signs })))) };
}
