// Emergencies as people see them: who, what for, until when, and who has to do something about it.
import { CloisterError } from "../../base/errors.ts";
import { readDetails } from "../request/shelf.ts";
import type { Session } from "../session.ts";
import type { BreakGlassListing, BreakGlassSummary } from "../types.ts";
import { type Invocation, invocationIn } from "./logged.ts";
import {
  type GlassStanding,
  glassOf,
  invocationsAt,
  type Moment,
  mayConsent,
  mayReview,
  standingAt,
  unreviewed,
} from "./standing.ts";

export function glassId({ entry }: Pick<Invocation, "entry">): string {
  return `bg-${String(entry)}`;
}

/** All emergencies there were. Nothing is logged. */
export async function listBreakGlass(session: Session): Promise<BreakGlassListing> {
  await session.sync();
  const at = await momentNow(session);
  const standings = await invocationsAt(session, at);
  const emergencies: BreakGlassSummary[] = [];
  for (const standing of standings) emergencies.push(await summaryOf(session, standing, at.now));
  return { emergencies, ignored: await ignoredOf(session) };
}

async function ignoredOf(session: Session): Promise<BreakGlassListing["ignored"]> {
  const ignored: { what: string; why: string }[] = [];
  for (const done of session.ledger.index.of("break-glass.invoke").filter(({ event }) => event.phase === "done")) {
    const invocation = invocationIn(done);
    const why = invocation ? await glassOf(session, invocation) : "it does not say for what";
    const what = `entry #${String(done.entry)} of ${done.member}`;
    if (typeof why === "string") ignored.push({ what, why });
  }
  return ignored;
}

/** @throws CloisterError NOT_FOUND, USAGE */
export async function showBreakGlass(session: Session, id: string): Promise<BreakGlassSummary> {
  await session.sync();
  return summaryOf(session, await findEmergency(session, id), (await momentNow(session)).now);
}

/** The emergency that an entry makes, as it stands now. */
export async function emergencyAt(session: Session, entry: number): Promise<BreakGlassSummary> {
  const standing = await findEmergency(session, glassId({ entry }));
  return summaryOf(session, standing, (await momentNow(session)).now);
}

/** @throws CloisterError USAGE, NOT_FOUND, INTEGRITY where what was logged is none */
export async function findEmergency(session: Session, id: string): Promise<GlassStanding> {
  const entry = /^bg-(\d{1,15})$/.exec(id.trim().toLowerCase())?.[1];
  if (entry === undefined) {
    throw new CloisterError("USAGE", `${JSON.stringify(id.slice(0, 80))} names no emergency`, {
      why: "an emergency is bg- and a number",
      next: "cloister break-glass list",
    });
  }
  const done = session.ledger.events[Number(entry)];
  const invocation = done && invocationIn(done);
  if (!invocation) {
    throw new CloisterError("NOT_FOUND", `there is no emergency bg-${entry}`, { next: "cloister break-glass list" });
  }
  const standing = await standingAt(session, invocation, await momentNow(session));
  if (standing) return standing;
  const why = await glassOf(session, invocation);
  throw new CloisterError("INTEGRITY", `bg-${entry} is no emergency`, { why: String(why) });
}

/** What has to be reviewed before anything else opens for the invoker. */
export async function unreviewedOf(session: Session, member: string): Promise<GlassStanding | undefined> {
  return unreviewed(await invocationsAt(session, await momentNow(session), member), member);
}

async function momentNow(session: Session): Promise<Moment> {
  return { now: await session.clock(), before: session.ledger.events.length };
}

async function summaryOf(session: Session, standing: GlassStanding, now: number): Promise<BreakGlassSummary> {
  const { invocation, state, consent, review, untilMs, reviewByMs } = standing;
  const { requester, domain, class: klass, versionId, done } = invocation;
  const { policy } = (await session.policy()).compiled;
  const { details, problem } = await readDetails(session, invocation);
  const waitsFor = policy.members
    .map(({ id }) => id)
    .filter((id) => {
      if (state === "open") return mayConsent(policy, invocation, id);
      return consent !== undefined && !review && mayReview(policy, invocation, consent.member, id);
    });
  return {
    ...{ id: glassId(invocation), state, invokedBy: requester, domain, class: klass, versionId, problem },
    invokedAt: timeText(done.timeMs),
    consentedBy: consent?.member,
    until: timeText(untilMs),
    reference: details?.reference,
    justification: details?.justification,
    review: reviewState(standing, now),
    reviewBy: reviewByMs === undefined ? undefined : timeText(reviewByMs),
    reviewedBy: review?.member,
    waitsFor,
    waitsForYou: waitsFor.includes((await session.me()).id),
    used: usedBy(session, standing),
  };
}

function reviewState({ consent, review, reviewByMs }: GlassStanding, now: number): BreakGlassSummary["review"] {
  if (!consent) return "not needed";
  if (review) return review.outcome;
  return reviewByMs !== undefined && now >= reviewByMs ? "overdue" : "due";
}

/** What the invoker did with the version while the glass was broken. */
function usedBy({ ledger }: Session, { invocation, consent, untilMs }: GlassStanding): readonly number[] {
  if (!consent) return [];
  return ledger.index
    .about(invocation.versionId)
    .filter(({ entry, member, event, timeMs }) => {
      const isTheirs = member === invocation.requester && event.phase === "intent";
      return isTheirs && entry > consent.done.entry && timeMs < untilMs && !event.action.startsWith("break-glass.");
    })
    .map(({ entry }) => entry);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
