import { kmsKeyOf } from "../../policy/kms-key.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";

/** `domain/class` of keys in use that are not where a policy wants new ones: they stay there until they are rotated. */
export async function keysElsewhere(session: Session, policy: Policy): Promise<readonly string[]> {
  const elsewhere: string[] = [];
  for (const { id: domain } of policy.domains) {
    for (const klass of policy.classifications) {
      const { kms } = await session.keys.newest({ domain, class: klass });
      if (kms !== kmsKeyOf(policy, klass)) elsewhere.push(`${domain}/${klass}`);
    }
  }
  return elsewhere;
}
