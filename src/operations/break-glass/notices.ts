// What everybody should see of emergencies, from the log alone: nothing is opened for it, and nobody is asked to unlock.
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { glassId } from "./list.ts";
import { type GlassStanding, invocationsAt } from "./standing.ts";

/** Emergencies that go on or wait for a review, one line each. Those whom the policy names see that it is theirs to do. */
export async function glassWarnings(
  session: Session,
  policy: Policy,
  me: string | undefined,
): Promise<readonly string[]> {
  const pending = await pendingGlass(session);
  return pending.map(({ standing, now }) => warningOf(standing, policy, me, now));
}

/** Emergencies whose review is overdue. */
export async function overdueReviews(session: Session): Promise<readonly string[]> {
  const pending = await pendingGlass(session);
  return pending
    .filter(({ standing, now }) => isOverdue(standing, now))
    .map(({ standing }) => glassId(standing.invocation));
}

async function pendingGlass(session: Session): Promise<readonly { standing: GlassStanding; now: number }[]> {
  if (session.ledger.index.of("break-glass.invoke").length === 0) return [];
  const now = await session.clock();
  const standings = await invocationsAt(session, { now, before: session.ledger.events.length });
  const isPending = ({ state, consent, review }: GlassStanding) =>
    state === "open" || state === "active" || (consent !== undefined && review === undefined);
  return standings.filter(isPending).map((standing) => ({ standing, now }));
}

function isOverdue({ review, reviewByMs }: GlassStanding, now: number): boolean {
  return review === undefined && reviewByMs !== undefined && now >= reviewByMs;
}

function warningOf(standing: GlassStanding, { breakGlass }: Policy, me: string | undefined, now: number): string {
  const { invocation, state, consent, untilMs, reviewByMs } = standing;
  const { requester, domain, class: klass } = invocation;
  const id = glassId(invocation);
  const what = `break-glass ${id}: ${requester} on a version of ${domain}/${klass}`;
  const told = me !== undefined && breakGlass?.notify.includes(me) === true ? "you are to be told: " : "";
  const next = `cloister break-glass show ${id}`;
  if (state === "open") {
    const mine = me !== undefined && me !== requester && breakGlass?.escrow.includes(me) === true;
    return `${told}${what} waits for ${mine ? "your consent" : "consent"} until ${minuteOf(untilMs)}: ${next}`;
  }
  const by = `with ${consent?.member ?? ""}`;
  const going = state === "active" ? `is open until ${minuteOf(untilMs)}` : "is over";
  const review = isOverdue(standing, now)
    ? "its review is OVERDUE"
    : `to be reviewed by ${minuteOf(reviewByMs ?? untilMs)}`;
  return `${told}${what}, ${by}, ${going}${standing.review ? "" : `, ${review}`}: ${next}`;
}

function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
