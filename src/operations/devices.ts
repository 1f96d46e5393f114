// Whose a key is. People have several devices, and what counts is the person.
import { keyIdOf } from "../keys/identity.ts";
import type { Device, Member, Policy } from "../policy/schema.ts";

/** A device, and the member whose it is; suspended members included. */
export interface Holder {
  readonly member: Member;
  readonly device: Device;
}

/** Who holds a signing key under a policy. A key that a later version left out is nobody's there. */
export function holderOf(policy: Policy, keyId: string): Holder | undefined {
  for (const member of policy.members) {
    const device = member.devices.find(({ signs }) => keyIdOf(signs) === keyId);
    if (device) return { member, device };
  }
  return undefined;
}
