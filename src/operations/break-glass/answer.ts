// What others say to an emergency: an escrow holder consents to it, and somebody else looks at it afterwards.
import { CloisterError } from "../../base/errors.ts";
import { memberOf } from "../../policy/schema.ts";
import { type Ask, deny, type Operation, perform, wouldPermit } from "../guard.ts";
import { releaseHalf } from "../release/release-half.ts";
import { readDetails } from "../request/shelf.ts";
import type { Session } from "../session.ts";
import type { BreakGlassReview, BreakGlassSaid } from "../types.ts";
import { emergencyAt, findEmergency, glassId, unreviewedOf } from "./list.ts";
import { type GlassStanding, mayConsent, mayReview } from "./standing.ts";

/**
 * Consents to an emergency: the invoker can do what the policy says for as long as it says, and has the key for good.
 * Consenting again releases the half again, in case it was lost.
 * @throws CloisterError NOT_FOUND, USAGE, POLICY_DENIED (logged), INTEGRITY (what was asked was tampered with)
 */
export async function consentToBreakGlass(
  session: Session,
  { id, dryRun = false }: { readonly id: string; readonly dryRun?: boolean | undefined },
): Promise<BreakGlassSaid> {
  await session.sync();
  const standing = await findEmergency(session, id);
  const { invocation, state, consent } = standing;
  const { policy } = (await session.policy()).compiled;
  const me = (await session.me()).id;
  const ask = askOf(standing, "break-glass.consent", `consent to ${glassId(invocation)}`, {});
  if (!mayConsent(policy, invocation, me)) {
    const others = (policy.breakGlass?.escrow ?? []).filter((each) => each !== invocation.requester);
    await refuse(session, ask, dryRun, {
      why: me === invocation.requester ? "you invoked it yourself" : "you are not in escrow",
      who: others.join(", "),
    });
  }
  const { details, problem } = await readDetails(session, invocation);
  if (problem !== undefined || !details) {
    throw new CloisterError("INTEGRITY", `${glassId(invocation)} cannot be trusted`, {
      why: problem ?? "it is not sealed to you: it was invoked before you were in escrow",
      next: `ask ${invocation.requester} to invoke it again`,
    });
  }
  const release = () => releaseToInvoker(session, standing);
  if (consent?.member === me && state === "active") {
    if (!dryRun) await release();
    return { ...(await emergencyAt(session, invocation.entry)), logEntry: consent.done.entry, dryRun };
  }
  if (state !== "open") throw notSo(standing, `it is ${state}`);
  const before = await unreviewedOf(session, invocation.requester);
  if (before) {
    throw notSo(
      standing,
      `${invocation.requester} broke the glass of ${glassId(before.invocation)}, which nobody reviewed`,
    );
  }
  return say(session, standing, ask, { dryRun, effect: release });
}

async function releaseToInvoker(session: Session, { invocation, untilMs }: GlassStanding): Promise<void> {
  const { hash, versionId, requester } = invocation;
  const { policy } = (await session.policy()).compiled;
  const devices = memberOf(policy, requester)?.devices.map(({ reads }) => reads) ?? [];
  await releaseHalf(session, { hash, versionId, devices, expiresMs: untilMs, purpose: "glass" });
}

/**
 * Says what an emergency looks like to somebody who had no part in it. Until then its invoker is granted nothing else.
 * @throws CloisterError NOT_FOUND, USAGE, POLICY_DENIED (logged)
 */
export async function reviewBreakGlass(session: Session, options: BreakGlassReview): Promise<BreakGlassSaid> {
  await session.sync();
  const { justification, outcome, dryRun = false } = options;
  if (justification.trim() === "") {
    throw new CloisterError("USAGE", "a review says what was found", { next: "--why 'what you looked at'" });
  }
  const standing = await findEmergency(session, options.id);
  const { invocation, consent, review } = standing;
  if (!consent) throw notSo(standing, "nobody consented to it, and nothing was opened by it");
  if (review) throw notSo(standing, `${review.member} reviewed it: ${review.outcome}`);
  const { policy } = (await session.policy()).compiled;
  const me = (await session.me()).id;
  const title = `review ${glassId(invocation)}`;
  const ask = { ...askOf(standing, "break-glass.review", title, { outcome }), justification };
  if (!mayReview(policy, invocation, consent.member, me)) {
    const others = policy.members.filter(({ id }) => mayReview(policy, invocation, consent.member, id));
    const part = me === invocation.requester ? "you invoked it" : "you consented to it";
    await refuse(session, ask, dryRun, {
      why: me === invocation.requester || me === consent.member ? part : "you are neither told of it nor an owner",
      who: others.map(({ id }) => id).join(", "),
    });
  }
  return say(session, standing, { ...ask, sealed: { ...ask.sealed, justification } }, { dryRun });
}

function askOf(
  { invocation }: GlassStanding,
  action: "break-glass.consent" | "break-glass.review",
  title: string,
  facts: Ask["facts"],
): Ask {
  const { domain, class: klass, versionId, entry, hash } = invocation;
  const about = { invocation: entry, request: hash, ...facts };
  return { title, action, domain, class: klass, versionId, facts: about, sealed: {} };
}

async function say(
  session: Session,
  { invocation }: GlassStanding,
  ask: Ask,
  { dryRun, effect }: { readonly dryRun: boolean; readonly effect?: (operation: Operation) => Promise<void> },
): Promise<BreakGlassSaid> {
  if (dryRun) {
    await wouldPermit(session, ask);
    return { ...(await emergencyAt(session, invocation.entry)), logEntry: undefined, dryRun };
  }
  const { done } = await perform(session, ask, async (operation) => {
    await effect?.(operation);
    return { result: undefined, outcome: { facts: { ...ask.facts } } };
  });
  return { ...(await emergencyAt(session, invocation.entry)), logEntry: done.entry, dryRun };
}

/** Readers would not count it: whom the policy names, they look up themselves. */
function refuse(
  session: Session,
  ask: Ask,
  dryRun: boolean,
  { why, who }: { readonly why: string; readonly who: string },
): Promise<never> {
  const refusal = { rule: "builtin:break-glass", enforcement: "refused by every reader", why, who };
  return deny(session, ask, { ...refusal, next: "cloister break-glass list" }, dryRun);
}

function notSo({ invocation }: GlassStanding, why: string): CloisterError {
  const id = glassId(invocation);
  return new CloisterError("USAGE", `${id} cannot be answered so`, { why, next: `cloister break-glass show ${id}` });
}
