// Whether somebody was entitled to an entry about a request: every reader decides it again.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { CompiledPolicy } from "../../policy/compiled.ts";
import { type DecisionRequest, decide } from "../../policy/decide.ts";
import { memberOf } from "../../policy/schema.ts";
import { factsOf } from "../governance/facts.ts";
import type { Session } from "../session.ts";

/** Rules about how a person logged in and what they declare: their own program asked, and nobody can ask again. */
const ASKED_OF_THE_PERSON = /^always:/;

/**
 * Why a policy does not let the signer of an entry do what it says; undefined where it does. What the signer had done
 * before is taken from the log before that entry, whichever policy is asked.
 *
 * @param now time of the decision, ms since 1970
 */
export async function whyNotEntitled(
  session: Session,
  compiled: CompiledPolicy,
  { member: id, entry, event }: LoggedEvent,
  now: number,
): Promise<string | undefined> {
  const action = event.action === "request.create" ? "request.create" : "request.approve";
  const { policy } = compiled;
  const member = memberOf(policy, id);
  if (!member) return `${id} is no member in policy version ${String(policy.version)}`;
  const about = { domain: event.domain, class: event.class };
  const place = { ...about, kind: undefined, versionId: event.versionId, purpose: undefined };
  const governance = await factsOf({ session, policy, member, action, ...place, now, before: entry, said: {} });
  return refusalOf(compiled, { action, member: id, ...about, now, governance });
}

/** Whether a policy lets a member approve something, logins and declarations aside. */
export async function mayApprove(
  compiled: CompiledPolicy,
  request: Omit<DecisionRequest, "action" | "mfaAgeMs">,
): Promise<boolean> {
  return (await refusalOf(compiled, { ...request, action: "request.approve" })) === undefined;
}

async function refusalOf(compiled: CompiledPolicy, request: DecisionRequest): Promise<string | undefined> {
  const decision = await decide(compiled, { ...request, mfaAgeMs: 0 });
  const refusal = decision.refusals.find(({ rule }) => !ASKED_OF_THE_PERSON.test(rule));
  return refusal && `${refusal.rule}: ${refusal.why}`;
}

/** {@link whyNotEntitled} under the policy version that the entry cites. The answer never changes, and is kept. */
export async function whyNotEntitledThen(session: Session, logged: LoggedEvent): Promise<string | undefined> {
  const known = THEN.get(logged) ?? judgeThen(session, logged);
  THEN.set(logged, known);
  // That the store failed says nothing about the entry.
  known.catch(() => THEN.delete(logged));
  return known;
}

const THEN = new WeakMap<LoggedEvent, Promise<string | undefined>>();

async function judgeThen(session: Session, logged: LoggedEvent): Promise<string | undefined> {
  const { compiled } = await session.ledger.policy(logged.event.policy);
  return whyNotEntitled(session, compiled, logged, logged.timeMs);
}
