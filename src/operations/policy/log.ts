// Every policy version that took force, each step checked again: whose signatures it has, and what it changed.
import { integrity } from "../../base/errors.ts";
import type { Session } from "../session.ts";
import type { PolicyLogRow } from "../types.ts";
import { changesBetween } from "./diff.ts";

/** Oldest first. @throws CloisterError INTEGRITY where a step does not hold */
export async function policyLog(session: Session): Promise<readonly PolicyLogRow[]> {
  await session.sync();
  const { ledger } = session;
  const rows: PolicyLogRow[] = [];
  for (const { version, digest, entry, member } of ledger.policies) {
    const { compiled } = await ledger.policy(version);
    const { before, own } = await ledger.signersOf(version);
    const earlier = version > 1 ? (await ledger.policy(version - 1)).compiled : undefined;
    if (compiled.policy.previous !== earlier?.digest) {
      throw integrity(`policy version ${String(version)} does not follow the one before it`);
    }
    const logged = ledger.events[entry];
    rows.push({
      ...{ version, digest, logEntry: entry, member, signed: own, signedBefore: before },
      time: new Date(logged?.timeMs ?? 0).toISOString(),
      changes: earlier ? (await changesBetween(earlier.policy, compiled.policy)).changes : [],
    });
  }
  return rows;
}
