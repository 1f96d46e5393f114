// How an emergency stands at a position of the log: whether it was consented to, for how long, and whether it was reviewed.
import type { LoggedEvent } from "../../audit/taken.ts";
import { covers } from "../../policy/entitlements.ts";
import type { BreakGlass } from "../../policy/governance.ts";
import { memberOf, type Policy } from "../../policy/schema.ts";
import { judge } from "../governance/judge.ts";
import type { Session } from "../session.ts";
import { consentIn, type Invocation, invocationIn, type Review, reviewIn, type Said } from "./logged.ts";

/** `open`: nobody consented yet. `active`: it can be used. `lapsed`: nobody consented in time. */
export type GlassState = "open" | "active" | "over" | "lapsed";

export interface GlassStanding {
  readonly invocation: Invocation;
  readonly state: GlassState;
  /** The escrow holder's consent. */
  readonly consent: Said | undefined;
  /** Until then it can be used, or consented to; ms since 1970. */
  readonly untilMs: number;
  /** Until then somebody else has to review it; undefined where there is nothing to review. */
  readonly reviewByMs: number | undefined;
  readonly review: Review | undefined;
}

/** Where one looks from. */
export interface Moment {
  /** ms since 1970. */
  readonly now: number;
  /** Entries of the log before this one count. */
  readonly before: number;
}

/** Invocations that count before an entry, in the order of the log, of one member or of all. */
export async function invocationsAt(session: Session, at: Moment, member?: string): Promise<readonly GlassStanding[]> {
  const found: GlassStanding[] = [];
  for (const done of session.ledger.index.of("break-glass.invoke")) {
    const invocation = done.entry < at.before ? invocationIn(done) : undefined;
    if (!invocation || (member !== undefined && invocation.requester !== member)) continue;
    const glass = await glassOf(session, invocation);
    if (typeof glass !== "string") found.push(await standingOf(session, invocation, glass, at));
  }
  return found;
}

/**
 * What the policy in force at an invocation says of it; or why the invocation is none. Nothing that comes later changes
 * the answer.
 */
export async function glassOf(session: Session, { done, requester }: Invocation): Promise<BreakGlass | string> {
  const { ledger } = session;
  const { domain, class: klass, operation, policy: version } = done.event;
  const { policy } = (await ledger.policy(version)).compiled;
  if (!policy.breakGlass) return `policy v${String(version)} has no break-glass`;
  const intent = ledger.operation(done.keyId, operation)?.intent;
  const refusal = intent && (await judge(session, intent, { effect: done }));
  if (!intent || refusal) return refusal?.why ?? "it has no intent";
  const place = { domain: domain ?? "", class: klass ?? "" };
  return covers(policy, requester, "break-glass.invoke", place)
    ? policy.breakGlass
    : `no role of ${requester} breaks the glass of ${place.domain}/${place.class}`;
}

/** @param glass what the policy said when it was invoked */
export async function standingOf(
  session: Session,
  invocation: Invocation,
  glass: BreakGlass,
  { now, before }: Moment,
): Promise<GlassStanding> {
  const invokedMs = invocation.done.timeMs;
  const consent = await firstSaid(session, invocation, "break-glass.consent", before, async (done) => {
    const said = consentIn(done);
    const late = done.timeMs >= invokedMs + glass.maxMs;
    return said && !late && mayConsent(await policyAt(session, done), invocation, said.member) ? said : undefined;
  });
  const fromMs = consent?.done.timeMs ?? invokedMs;
  const untilMs = fromMs + glass.maxMs;
  const review =
    consent &&
    (await firstSaid(session, invocation, "break-glass.review", before, async (done) => {
      const said = reviewIn(done);
      const fits = said && mayReview(await policyAt(session, done), invocation, consent.member, said.member);
      return fits ? said : undefined;
    }));
  const isOver = now >= untilMs;
  const state = consent ? (isOver ? "over" : "active") : isOver ? "lapsed" : "open";
  const reviewByMs = consent && fromMs + glass.reviewWithinMs;
  return { invocation, state, consent, untilMs, reviewByMs, review };
}

/** The first entry that somebody was entitled to. Who goes first, counts: nobody consents for longer by doing it again. */
async function firstSaid<T extends Said>(
  session: Session,
  invocation: Invocation,
  action: "break-glass.consent" | "break-glass.review",
  before: number,
  read: (done: LoggedEvent) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const done of session.ledger.index.of(action)) {
    if (done.entry <= invocation.entry || done.entry >= before) continue;
    const said = await read(done);
    if (said?.invocation !== invocation.entry || said.hash !== invocation.hash) continue;
    const intent = session.ledger.operation(done.keyId, done.event.operation)?.intent;
    if (intent && !(await judge(session, intent, { effect: done }))) return said;
  }
  return undefined;
}

async function policyAt({ ledger }: Session, { event }: LoggedEvent): Promise<Policy> {
  return (await ledger.policy(event.policy)).compiled.policy;
}

/** Whether somebody may consent: an escrow holder who is another person. */
export function mayConsent(policy: Policy, { requester }: Pick<Invocation, "requester">, member: string): boolean {
  return member !== requester && isHere(policy, member) && policy.breakGlass?.escrow.includes(member) === true;
}

/** Whether somebody may review it: one of those who are told, or an owner, who neither invoked it nor consented to it. */
export function mayReview(
  policy: Policy,
  { requester }: Pick<Invocation, "requester">,
  consenter: string | undefined,
  member: string,
): boolean {
  if (member === requester || member === consenter || !isHere(policy, member)) return false;
  return policy.owners.members.includes(member) || policy.breakGlass?.notify.includes(member) === true;
}

function isHere(policy: Policy, id: string): boolean {
  const member = memberOf(policy, id);
  return member !== undefined && member.suspended === undefined && !member.service;
}
