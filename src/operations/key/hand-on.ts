// Keys for devices that may have them and were given none: whoever published the policy did not hold them all.
import { permit } from "../guard.ts";
import { lackingKeys } from "../policy/lacking-keys.ts";
import { distribute } from "../policy/publish.ts";
import { heldKeys } from "../policy/take-force.ts";
import type { Session } from "../session.ts";
import type { ClassKeysHandedOn } from "../types.ts";

/**
 * Wraps every key that this member holds for every device that the policy in force entitles and that has none.
 * @throws CloisterError POLICY_DENIED for suspended members
 */
export async function handOnKeys(session: Session): Promise<ClassKeysHandedOn> {
  // Who may have which key, the policy says and nobody else: that its giver is a member is all there is to decide.
  await permit(session, { title: "hand keys on", action: "policy.read", sealed: {} });
  const { policy } = (await session.policy()).compiled;
  const given = await distribute(session.store, policy, await heldKeys(session), () => false);
  const lacking = await lackingKeys(session, policy, () => true);
  return { given: [...given].map(([member, keys]) => ({ member, keys })), lacking };
}
