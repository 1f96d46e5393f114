// The access review: who holds what, what they used of it, and a signature on every line that stays.
import { CloisterError } from "../../base/errors.ts";
import { mayReview, reviewersOf } from "../../policy/review.ts";
import { holdingText, type Member, memberOf, type Policy } from "../../policy/schema.ts";
import { type Ask, perform, wouldPermit } from "../guard.ts";
import type { Ledger } from "../ledger.ts";
import { loggedRequests, positionNow } from "../request/find.ts";
import { standingOf, whyNoRequest } from "../request/standing.ts";
import type { Session } from "../session.ts";
import type { AccessLine, AccessReviewed, ReviewOptions, ReviewRecorded } from "../types.ts";
import { reviewAges } from "./age.ts";
import { type Verdict, verdictsOn } from "./verdicts.ts";

/** A line is due in the last sixth of its time: two weeks of ninety days. */
const DUE_SHARE = 5 / 6;

/** Every role that somebody holds who is not suspended. */
export async function listAccess(session: Session): Promise<AccessReviewed> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const [used, grants] = [lastUses(session.ledger), await openGrants(session)];
  const lines = (await accessLines(session, policy)).map((line) => {
    const last = used.get(useKey(line.member, line.holding));
    const lastUsed = last === undefined ? undefined : new Date(last).toISOString();
    return { ...line, lastUsed, openGrants: grants.get(line.member) ?? 0 };
  });
  return { everyMs: policy.accessReview?.everyMs, reviewers: reviewersOf(policy), lines };
}

/** A line without what was done with the access: that takes a look at the whole log, and judges every grant. */
export type ReviewLine = Omit<AccessLine, "lastUsed" | "openGrants">;

/** Every role that somebody holds who is not suspended, and whether it was confirmed. */
export async function accessLines(session: Session, policy: Policy): Promise<readonly ReviewLine[]> {
  const me = await session.me().catch(() => undefined);
  const now = await session.clock();
  const lines: ReviewLine[] = [];
  for (const member of policy.members.filter(({ suspended }) => suspended === undefined)) {
    lines.push(...(await linesOf(session, policy, member, { now, me: me?.id })));
  }
  return lines;
}

async function linesOf(
  { ledger }: Session,
  policy: Policy,
  member: Member,
  { now, me }: { readonly now: number; readonly me: string | undefined },
): Promise<readonly ReviewLine[]> {
  const verdicts = await verdictsOn(ledger, member.id);
  const ages = await reviewAges(ledger, policy, member, { now, before: ledger.events.length, verdicts, exact: true });
  const everyMs = policy.accessReview?.everyMs;
  return member.roles.map((held) => {
    const holding = holdingText(held);
    const age = ages.get(holding) ?? 0;
    const verdict = verdicts.get(holding);
    return {
      ...{ member: member.id, name: member.name, service: member.service, holding },
      reviewed: verdict && saidIn(verdict),
      due: everyMs === undefined || age > everyMs ? undefined : new Date(now - age + everyMs).toISOString(),
      state: stateOf(verdict, age, everyMs),
      yours: me !== undefined && mayReview(policy, me, member.id),
    };
  });
}

function saidIn({ by, timeMs, entry }: Verdict): AccessLine["reviewed"] {
  return { by, at: new Date(timeMs).toISOString(), logEntry: entry };
}

function stateOf(verdict: Verdict | undefined, age: number, everyMs: number | undefined): AccessLine["state"] {
  if (verdict?.verdict === "revoke") return "to be revoked";
  if (everyMs === undefined || age <= everyMs * DUE_SHARE) return "confirmed";
  return age <= everyMs ? "due" : "lapsed";
}

/** Accesses that others approved and that are not over, by member. */
async function openGrants(session: Session): Promise<ReadonlyMap<string, number>> {
  const at = await positionNow(session);
  const grants = new Map<string, number>();
  for (const request of loggedRequests(session).filter(({ kind }) => kind === "access")) {
    if ((await whyNoRequest(session, request)) !== undefined) continue;
    const { state } = await standingOf(session, request, at);
    if (state === "approved") grants.set(request.requester, (grants.get(request.requester) ?? 0) + 1);
  }
  return grants;
}

/** When each role last let a member do something, by {@link useKey}. */
function lastUses(ledger: Ledger): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  for (const { member, event, timeMs } of ledger.events) {
    if (event.phase !== "intent") continue;
    for (const rule of event.rules) {
      if (rule.startsWith("role:")) used.set(useKey(member, rule.slice("role:".length)), timeMs);
    }
  }
  return used;
}

/** The log tells which role let somebody do something, not in which domain it was held. */
function useKey(member: string, holding: string): string {
  return `${member} ${holding.split("@")[0] ?? ""}`;
}

/**
 * Signs that a member's role stays, or is to be taken away: then the member can only read from now on, until an owner
 * takes it out of the policy.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED
 */
export async function reviewAccess(session: Session, options: ReviewOptions): Promise<ReviewRecorded> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const me = await session.me();
  const holdings = holdingsFor(policy, options);
  const { member, verdict, justification } = options;
  const ask: Ask = {
    title: `review the access of ${member}`,
    action: "member.review",
    ...(justification === undefined ? {} : { justification }),
    sealed: { justification },
  };
  const ownAccess = me.id === member;
  const said = { member, holdings, verdict, ownAccess };
  checkReviewer(policy, me.id, member);
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return { ...said, logEntry: undefined, dryRun: true };
  }
  const lines = holdings.map((holding) => ({ member, holding, verdict }));
  const { done } = await perform(session, ask, () =>
    Promise.resolve({ result: undefined, outcome: { facts: { lines } } }),
  );
  return { ...said, logEntry: done.entry, dryRun: false };
}

function holdingsFor(policy: Policy, { member, holding }: ReviewOptions): readonly string[] {
  const found = memberOf(policy, member);
  if (!found) throw new CloisterError("NOT_FOUND", `${member} is no member`, { next: "cloister member list" });
  const held = found.roles.map(holdingText);
  if (holding === undefined) return held;
  if (held.includes(holding)) return [holding];
  throw new CloisterError("NOT_FOUND", `${member} does not hold ${holding}`, {
    why: held.length === 0 ? "they hold no role" : `they hold ${held.join(", ")}`,
    next: `cloister member review ${member}`,
  });
}

/** What readers will ask, too. */
function checkReviewer(policy: Policy, me: string, member: string): void {
  if (!policy.accessReview) {
    throw new CloisterError("USAGE", "the policy asks for no access review", {
      next: "add to cloister.policy.yaml: access-review: { every: 90d, by: ROLE, lapsed: read-only }",
    });
  }
  if (mayReview(policy, me, member)) return;
  const others = reviewersOf(policy).filter((id) => id !== member);
  throw new CloisterError("POLICY_DENIED", `review the access of ${member}`, {
    why: me === member ? "nobody confirms their own access" : `only ${policy.accessReview.by} does`,
    next: others.length > 0 ? `ask ${others.join(" or ")}` : "cloister policy show",
  });
}
