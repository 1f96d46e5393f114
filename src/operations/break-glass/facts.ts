// What emergencies mean for a decision: one's own that is open for this version, and one that nobody reviewed yet.
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { Act } from "../governance/facts.ts";
import { invocationsAt } from "./standing.ts";

export async function glassFacts({ session, policy, member, now, before, versionId }: Act): Promise<GovernanceFacts> {
  if (!policy.breakGlass) return {};
  const mine = await invocationsAt(session, { now, before }, member.id);
  if (mine.length === 0) return {};
  return {
    breakGlass: mine.some(({ state, invocation }) => state === "active" && invocation.versionId === versionId),
    // From the consent on: what nobody consented to opened nothing.
    unreviewed: mine.some(({ consent, review }) => consent !== undefined && review === undefined),
  };
}
