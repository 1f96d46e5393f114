// The only door: every operation the policy can govern is decided here, logged, and only then done.
import { randomBytes } from "node:crypto";
import type { AuditEvent } from "../audit/event.ts";
import type { LoggedEvent } from "../audit/taken.ts";
import { CloisterError, type Refusal } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { loadAge } from "../keys/age.ts";
import { type Identity, keyIdOf } from "../keys/identity.ts";
import type { Decision } from "../policy/decide.ts";
import { type Ask, decideNow, withEvidence } from "./decision.ts";
import { eventOf, rulesOf } from "./log-entry.ts";
import type { Pending } from "./request/pending.ts";
import type { Session } from "./session.ts";

export type { Ask } from "./decision.ts";

/** An operation whose intent is logged. */
export interface Operation {
  readonly id: string;
  readonly intent: LoggedEvent;
  /** Logs that it is done. `outcome` is asked again whenever somebody else's entry was first, and may throw. */
  done(outcome?: () => Outcome | Promise<Outcome>): Promise<LoggedEvent>;
  /** Logs, as well as it can, that it was given up and nothing was done. Never throws. */
  failed(error: unknown): Promise<void>;
}

export interface Outcome {
  readonly versionId?: string | undefined;
  readonly facts?: { readonly [name: string]: Json | undefined };
  readonly sealed?: { readonly [name: string]: string | undefined };
}

/**
 * Decides now, so that what is forbidden is refused before any work is done. A refusal is logged.
 * @throws CloisterError POLICY_DENIED; APPROVAL_PENDING where nothing but the approval of others is missing, and they were
 * asked for it
 */
export async function permit(session: Session, ask: Ask): Promise<Decision> {
  await session.sync();
  // Cedar sets flags of V8, which takes the code that it kept of modules (Start-up) under the same flags only: what a log
  // entry needs comes before.
  await Promise.all([loadAge(), import("../keys/chain.ts")]);
  const { decision, policy, evidence } = await decideNow(session, ask);
  if (decision.allow) return decision;
  // After its last day a policy lets nothing but its renewal into the log.
  const expired = decision.refusals.some((refusal) => refusal.rule === "builtin:policy-expired");
  const logged = expired ? undefined : await refuse(session, withEvidence(ask, evidence), decision);
  throw denial(ask, decision, policy, logged?.entry, await awaited(session, ask));
}

/** What {@link permit} would say, without a trace in the log: for `--dry-run`. @throws CloisterError POLICY_DENIED */
export async function wouldPermit(session: Session, ask: Ask): Promise<Decision> {
  await session.sync();
  const { decision, policy } = await decideNow(session, ask);
  if (!decision.allow) throw denial(ask, decision, policy, undefined, await awaited(session, ask));
  return decision;
}

/** The request that others have still to approve, where only that is missing. */
async function awaited(session: Session, ask: Ask): Promise<Pending | undefined> {
  return (await import("./request/pending.ts")).pendingFor(session, ask);
}

/**
 * Refuses what the policy allows the member and not in the one role that they chose: Cedar is asked about all of them.
 * Logged, but for a dry run.
 * @throws CloisterError POLICY_DENIED, always
 */
export async function deny(session: Session, ask: Ask, refusal: Refusal, dryRun: boolean): Promise<never> {
  const decision: Decision = { allow: false, by: [], refusals: [refusal], enforcement: "advisory" };
  const logged = dryRun ? undefined : await refuse(session, ask, decision);
  throw denial(ask, decision, session.ledger.inForce.version, logged?.entry);
}

/** Decides without refusing: for filters such as `list`. */
export async function mayI(session: Session, ask: Omit<Ask, "title" | "sealed">): Promise<boolean> {
  return (await decideNow(session, { ...ask, title: "", sealed: {} })).decision.allow;
}

/** Why it would be refused; empty where it is allowed. Nothing is logged: for what is left out without being asked for. */
export async function whyNot(session: Session, ask: Ask): Promise<readonly Refusal[]> {
  return (await decideNow(session, ask)).decision.refusals;
}

/**
 * Decides and logs the intent. The decision is made for the very position at which the intent comes to stand: where
 * somebody else's entry gets there first, the policy may be another, and it is decided again.
 *
 * @param id operation id of an interrupted attempt, whose intent is then not logged twice
 * @throws CloisterError POLICY_DENIED (logged), UNAVAILABLE
 */
export async function begin(session: Session, ask: Ask, id = newOperationId()): Promise<Operation> {
  const keyId = keyIdOf((await session.device()).signs);
  // An interrupted attempt was allowed, and the consent of others that it rests on is used up: not to be asked for again.
  const earlier = session.ledger.operation(keyId, id)?.intent;
  if (!earlier || earlier.event.policy !== session.ledger.inForce.version) await permit(session, ask);
  const identity = await session.identity();
  if (ask.action !== "workspace.destroy") await session.logOverdue();
  const intent = await logIntent(session, identity, ask, { keyId, id, phase: "intent" });
  // How it ends rests on what let it begin.
  const decision = { rules: intent.event.rules, enforcement: intent.event.enforcement };
  const done = async (outcomeNow: () => Outcome | Promise<Outcome> = () => ({})): Promise<LoggedEvent> => {
    return appendOnce(session, identity, { keyId, id, phase: "done" }, async () => {
      const outcome = await outcomeNow();
      const whole = { ...ask, facts: outcome.facts ?? {}, sealed: outcome.sealed ?? {} };
      const versionId = outcome.versionId ?? ask.versionId;
      const policy = session.ledger.inForce.version;
      return { ...(await eventOf(session, whole, { id, phase: "done", policy, decision })), versionId };
    });
  };
  const failed = async (error: unknown): Promise<void> => {
    const code = error instanceof CloisterError ? error.code : "FAILURE";
    const ended = { ...ask, facts: { code }, sealed: {} };
    const { version } = session.ledger.inForce;
    const entry = () => eventOf(session, ended, { id, phase: "failed" as const, policy: version, decision });
    // The failure itself is what the person has to hear of.
    await session.append(identity, entry).catch(() => undefined);
  };
  return { id, intent, done, failed };
}

async function logIntent(session: Session, identity: Identity, ask: Ask, place: Place): Promise<LoggedEvent> {
  try {
    return await appendOnce(session, identity, place, async () => {
      const { decision, policy, evidence } = await decideNow(session, ask);
      if (!decision.allow) throw denial(ask, decision, policy, undefined);
      return eventOf(session, withEvidence(ask, evidence), { id: place.id, phase: "intent", policy, decision });
    });
  } catch (error) {
    // The policy changed between the early decision and this position: refuse it again, on record.
    if (error instanceof CloisterError && error.code === "POLICY_DENIED") await permit(session, ask);
    throw error;
  }
}

/** A phase of an operation of this device; the log takes each once. */
interface Place {
  readonly keyId: string;
  readonly id: string;
  readonly phase: "intent" | "done";
}

class Arrived extends Error {
  readonly logged: LoggedEvent;

  constructor(logged: LoggedEvent) {
    super("logged already");
    this.logged = logged;
  }
}

/**
 * Appends an entry unless it is there. It may come to be there at any moment: what an earlier attempt of the same operation
 * sent before it died, or before it was told that the store does not answer, can arrive late.
 */
async function appendOnce(
  session: Session,
  identity: Identity,
  { keyId, id, phase }: Place,
  make: () => Promise<AuditEvent>,
): Promise<LoggedEvent> {
  const there = () => session.ledger.operation(keyId, id)?.[phase];
  const logged = there();
  if (logged) return logged;
  try {
    return await session.append(identity, () => {
      const arrived = there();
      if (arrived) throw new Arrived(arrived);
      return make();
    });
  } catch (error) {
    if (error instanceof Arrived) return error.logged;
    throw error;
  }
}

/**
 * {@link begin}, the work, and the record of how it ended. `released` is called before the first byte leaves: from then on
 * an interruption is no failure with nothing done, and is not logged as one.
 */
export async function perform<T>(
  session: Session,
  ask: Ask,
  work: (operation: Operation, released: () => void) => Promise<{ result: T; outcome?: Outcome }>,
): Promise<{ result: T; done: LoggedEvent }> {
  const operation = await begin(session, ask);
  let hasEffect = false;
  const released = () => {
    hasEffect = true;
  };
  const { result, outcome } = await work(operation, released).catch(async (error: unknown) => {
    const cut = { facts: { complete: false } };
    await (hasEffect ? operation.done(() => cut).catch(() => undefined) : operation.failed(error));
    throw error;
  });
  return { result, done: await operation.done(() => outcome ?? {}) };
}

export function newOperationId(): string {
  return randomBytes(16).toString("hex");
}

/** A refusal that cannot be logged is a refusal all the same. */
async function refuse(session: Session, ask: Ask, decision: Decision): Promise<LoggedEvent | undefined> {
  try {
    const identity = await session.identity();
    return await session.append(identity, () => {
      const policy = session.ledger.inForce.version;
      return eventOf(session, ask, { id: newOperationId(), phase: "refused", policy, decision: rulesOf(decision) });
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    session.host.notice(`this refusal could not be logged: ${why}`);
    return undefined;
  }
}

function denial(
  ask: Ask,
  decision: Decision,
  policy: number,
  entry: number | undefined,
  pending?: Pending,
): CloisterError {
  const refusals = decision.refusals.map((refusal) => ({
    ...refusal,
    // A second factor that is missing or too old is the person's to give, whatever they did.
    ...(ask.next && !refusal.rule.startsWith("always:mfa-within:") ? { next: ask.next } : {}),
    ...(pending ? { who: pending.who, next: `cloister request show r-${String(pending.entry)}` } : {}),
  }));
  return new CloisterError(pending ? "APPROVAL_PENDING" : "POLICY_DENIED", ask.title, {
    why: refusals[0]?.why,
    next: refusals[0]?.next,
    refusals,
    policyVersion: policy,
    logEntry: entry,
  });
}
