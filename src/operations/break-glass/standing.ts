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

/** An invocation with what the policy said when it was made, and what was said to it since. */
interface Emergency {
  readonly invocation: Invocation;
  readonly glass: BreakGlass;
  readonly consent?: Said | undefined;
  readonly review?: Review | undefined;
}

const ACTIONS = ["break-glass.invoke", "break-glass.consent", "break-glass.review"] as const;

/**
 * Invocations that count before an entry, in the order of the log, of one member or of all. Whoever goes first to consent or
 * to review counts: nobody consents for longer by doing it again.
 */
export async function invocationsAt(session: Session, at: Moment, member?: string): Promise<readonly GlassStanding[]> {
  const { index } = session.ledger;
  const said = ACTIONS.flatMap((action) => index.of(action)).filter(
    ({ entry, event }) => entry < at.before && event.phase === "done",
  );
  const found = new Map<number, Emergency>();
  for (const done of said.sort((a, b) => a.entry - b.entry)) {
    const invocation = invocationIn(done);
    if (invocation && (member === undefined || invocation.requester === member)) {
      const glass = await glassOf(session, invocation);
      if (typeof glass !== "string") found.set(invocation.entry, { invocation, glass });
    } else await hear(session, found, done);
  }
  return [...found.values()].map((emergency) => standingOf(emergency, at.now));
}

/** How one invocation stands; undefined where it is none. */
export async function standingAt(
  session: Session,
  invocation: Invocation,
  at: Moment,
): Promise<GlassStanding | undefined> {
  const own = await invocationsAt(session, at, invocation.requester);
  return own.find((each) => each.invocation.entry === invocation.entry);
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
  const place = { domain: domain ?? "", class: klass ?? "" };
  // The cheaper question first: anybody can log any number of these.
  if (!covers(policy, requester, "break-glass.invoke", place)) {
    return `no role of ${requester} breaks the glass of ${place.domain}/${place.class}`;
  }
  const intent = ledger.operation(done.keyId, operation)?.intent;
  const refusal = intent && (await judge(session, intent, { effect: done }));
  return !intent || refusal ? (refusal?.why ?? "it has no intent") : policy.breakGlass;
}

/** Takes in a consent or a review, if it is the first to an invocation that is there and its signer was entitled to it. */
async function hear(session: Session, found: Map<number, Emergency>, done: LoggedEvent): Promise<void> {
  const said = consentIn(done) ?? reviewIn(done);
  const emergency = said && found.get(said.invocation);
  if (!said || !emergency || said.hash !== emergency.invocation.hash) return;
  const { invocation, consent, review } = emergency;
  const policy = await policyAt(session, done);
  if (isReview(said)) {
    const fits = consent && !review && mayReview(policy, invocation, consent.member, said.member);
    if (fits && (await isLet(session, done))) found.set(invocation.entry, { ...emergency, review: said });
    return;
  }
  const late = done.timeMs >= invocation.done.timeMs + emergency.glass.maxMs;
  const fits = !consent && !late && mayConsent(policy, invocation, said.member);
  if (!fits || unreviewed([...found.values()], invocation.requester)) return;
  if (await isLet(session, done)) found.set(invocation.entry, { ...emergency, consent: said });
}

/**
 * Another emergency of the same invoker that was consented to and not reviewed. Until it is, nothing else opens for them: or
 * several that are invoked beforehand would make the time, and what they open, as long as they like.
 */
export function unreviewed<T extends Pick<Emergency, "invocation" | "consent" | "review">>(
  emergencies: readonly T[],
  requester: string,
): T | undefined {
  return emergencies.find((each) => each.invocation.requester === requester && each.consent && !each.review);
}

function isReview(said: Said | Review): said is Review {
  return "outcome" in said;
}

/** Whether its signer was let say it, apart from who they are: not after their access lapsed, for one. */
async function isLet(session: Session, done: LoggedEvent): Promise<boolean> {
  const intent = session.ledger.operation(done.keyId, done.event.operation)?.intent;
  return intent !== undefined && (await judge(session, intent, { effect: done })) === undefined;
}

function standingOf({ invocation, glass, consent, review }: Emergency, now: number): GlassStanding {
  const fromMs = consent?.done.timeMs ?? invocation.done.timeMs;
  const untilMs = fromMs + glass.maxMs;
  const isOver = now >= untilMs;
  const state = consent ? (isOver ? "over" : "active") : isOver ? "lapsed" : "open";
  const reviewByMs = consent && fromMs + glass.reviewWithinMs;
  return { invocation, state, consent, untilMs, reviewByMs, review };
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
