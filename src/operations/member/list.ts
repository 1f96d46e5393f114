// Everybody in the policy in force, with their devices.
import { fingerprint, keyIdOf } from "../../keys/identity.ts";
import { holdingText } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import type { MemberSummary } from "../types.ts";

/** Everybody in the policy in force. */
export async function listMembers(session: Session): Promise<readonly MemberSummary[]> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const me = await session.device().catch(() => undefined);
  const mine = me && keyIdOf(me.signs);
  return policy.members.map((member) => {
    const devices = member.devices.map((device) => ({
      name: device.name,
      fingerprint: fingerprint(device),
      here: keyIdOf(device.signs) === mine,
    }));
    return {
      id: member.id,
      name: member.name,
      roles: member.roles.map(holdingText),
      fingerprint: devices[0]?.fingerprint ?? "",
      devices,
      suspended: member.suspended !== undefined,
      owner: policy.owners.members.includes(member.id),
      you: devices.some(({ here }) => here),
    };
  });
}
