// A refusal that only waits for others: which request they are asked by, and who of them can still approve it.
import { type Ask, decideNow } from "../decision.ts";
import type { Session } from "../session.ts";
import { wantedFor, wantedText } from "./approvers.ts";
import { requestFor } from "./gather.ts";
import { kindFor } from "./kinds.ts";

export interface Pending {
  /** Log entry that made the request: `r-<entry>` names it. */
  readonly entry: number;
  /** Who can still approve, in words. */
  readonly who: string;
}

/**
 * The open request that would let an act happen as soon as those who can approve it have done so. Undefined where there
 * is none, where nobody is left who could, or where something else stands in the way besides.
 */
export async function pendingFor(session: Session, ask: Ask): Promise<Pending | undefined> {
  const { action, domain, class: klass, kind, versionId, purpose } = ask;
  if (kindFor(action) === undefined) return undefined;
  const [member, now, { compiled }] = [await session.me(), await session.clock(), await session.policy()];
  const { policy } = compiled;
  const before = session.ledger.events.length;
  const place = { action, domain, class: klass, kind, versionId, purpose };
  const standing = await requestFor({ session, policy, member, ...place, now, before, said: ask.governance ?? {} });
  if (standing?.state !== "open") return undefined;
  const wanted = await wantedFor(session, standing, { compiled, now, before });
  const people = [
    ...standing.approvals.map((approval) => approval.member),
    ...wanted.flatMap(({ members }) => members),
  ];
  const approvals = [...new Set(people)];
  const { decision } = await decideNow(session, ask, { approvals, grant: { approvals, ageMs: 0 } });
  return decision.allow ? { entry: standing.request.entry, who: wantedText(wanted) } : undefined;
}
