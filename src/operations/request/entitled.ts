// Whether somebody was entitled to an entry about a request: every reader decides it again.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Refusal } from "../../base/errors.ts";
import type { CompiledPolicy } from "../../policy/compiled.ts";
import { judgeUnder } from "../governance/judge.ts";
import type { Session } from "../session.ts";

/**
 * Why a policy does not let the signer of an entry do what it says; undefined where it does.
 * @param now time of the decision, ms since 1970
 */
export async function whyNotEntitled(
  session: Session,
  compiled: CompiledPolicy,
  logged: LoggedEvent,
  now: number,
): Promise<string | undefined> {
  const action = logged.event.action === "request.create" ? "request.create" : "request.approve";
  const at = { action, compiled, now, before: logged.entry } as const;
  return textOf(await judgeUnder(session, logged, {}, at));
}

function textOf(refusal: Refusal | undefined): string | undefined {
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
