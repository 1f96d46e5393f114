// What others did with a version is decided again by every reader, as it stood in the log when they did it. Whoever deletes
// the guard from their own program can log what they like, and nobody acts on it.
import type { AuditEvent } from "../../audit/event.ts";
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Refusal } from "../../base/errors.ts";
import { type Action, isAction } from "../../policy/actions.ts";
import type { CompiledPolicy } from "../../policy/compiled.ts";
import { type DecisionRequest, decide } from "../../policy/decide.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import { FIELDS } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { factText } from "./fact-text.ts";
import { factsFor } from "./facts.ts";

/** What a reader knows of an operation besides its entries. */
export interface Known {
  /** Kind of the artifact. Left out, rules about any kind apply. */
  readonly kind?: string | undefined;
  /** Where an export or a share went, which stands in the sealed part. */
  readonly destination?: string | undefined;
  /** The entry by which it took effect, its `done` where it has one: the policy there has to allow it, too. */
  readonly effect?: LoggedEvent | undefined;
}

/**
 * Why an operation does not count; undefined where its signer was entitled to it.
 *
 * It is decided under the policy version that its intent cites, at the time of the intent's commit, on what the log held
 * before the intent. An intent is no permission to be kept for later: where the operation took effect by its own end, it is
 * decided there once more, on what was said until then. Where it took effect by another operation, which goes on after an
 * interruption, it is decided under a later policy version. What a reader cannot know (logins, and the purpose and
 * justification in the sealed part) was for the signer's own program to ask.
 *
 * The answer does not change while the log grows, and is kept with the intent.
 */
export async function judge(session: Session, intent: LoggedEvent, known: Known = {}): Promise<Refusal | undefined> {
  const answers = ANSWERS.get(intent) ?? new Map<string, Promise<Refusal | undefined>>();
  ANSWERS.set(intent, answers);
  const key = `${known.kind ?? ""} ${String(known.effect?.entry ?? "")} ${known.destination ?? ""}`;
  const answer = answers.get(key) ?? judgeAnew(session, intent, known);
  answers.set(key, answer);
  // That the store failed says nothing about the operation.
  answer.catch(() => answers.delete(key));
  return answer;
}

const ANSWERS = new WeakMap<LoggedEvent, Map<string, Promise<Refusal | undefined>>>();

/** {@link judge} in one line for people: what it was, and why it does not count. */
export function refusalText({ member, event, entry }: LoggedEvent, refusal: Refusal): string {
  return `${member} was not allowed this ${event.action} (#${String(entry)}): ${refusal.rule}: ${refusal.why}`;
}

async function judgeAnew(session: Session, intent: LoggedEvent, known: Known): Promise<Refusal | undefined> {
  const { action } = intent.event;
  const malformed = isAction(action) ? whyMalformed(session, intent, known.effect) : `there is no action ${action}`;
  if (malformed !== undefined || !isAction(action)) return outOfPlace(malformed ?? "");
  const under = async (version: number) => (await session.ledger.policy(version)).compiled;
  const { entry, timeMs, event } = intent;
  const { effect } = known;
  const begun = { action, compiled: await under(event.policy), now: timeMs, before: entry };
  const first = await judgeUnder(session, intent, known, begun);
  if (first || !effect) return first;
  const isOwnEnd = effect.event.operation === event.operation;
  if (!isOwnEnd && effect.event.policy === event.policy) return undefined;
  const compiled = await under(effect.event.policy);
  const ended = { action, compiled, now: effect.timeMs, before: isOwnEnd ? effect.entry : entry };
  return judgeUnder(session, intent, known, ended);
}

/** What contradicts the rest of the log: the policy would be asked about another act than the one that was done. */
function whyMalformed(
  { ledger }: Session,
  { event, entry, keyId }: LoggedEvent,
  effect: LoggedEvent | undefined,
): string | undefined {
  const { versionId, domain, class: klass, operation, action } = event;
  if (event.phase !== "intent") return "it has no intent";
  if (versionId !== undefined) {
    const version = ledger.versionById(versionId);
    if (!version || version.done.entry >= entry) return "it is about a version that was not there";
    if (version.domain !== domain || version.done.event.class !== klass)
      return "its version has another class or domain";
  }
  if (effect === undefined) return undefined;
  if (effect.keyId !== keyId || effect.entry <= entry) return "it took effect before it began";
  if (effect.event.operation !== operation) return undefined;
  const { event: end } = effect;
  const same = end.action === action && end.versionId === versionId && end.domain === domain && end.class === klass;
  return same ? undefined : "its end is about something else than its beginning";
}

function outOfPlace(why: string): Refusal {
  return { rule: "builtin:log", enforcement: "refused by every reader", why };
}

/** Under what an entry is judged. */
interface Terms {
  readonly action: Action;
  readonly compiled: CompiledPolicy;
  /** ms since 1970. */
  readonly now: number;
  /** Entries of the log before this one count. */
  readonly before: number;
}

/**
 * Why a policy, at a time, does not let the signer of an entry do what it says; undefined where it does. What happened before
 * is taken from the log before that entry, whichever policy is asked.
 */
export async function judgeUnder(
  session: Session,
  intent: LoggedEvent,
  { kind, destination }: Known,
  { action, compiled, now, before }: Terms,
): Promise<Refusal | undefined> {
  const { event, member: id } = intent;
  const about = { action, domain: event.domain, class: event.class, kind };
  const governance = await factsFor(session, compiled.policy, id, {
    ...{ ...about, versionId: event.versionId, purpose: undefined },
    ...{ now, before, intent, said: { destination, ...saidIn(event) } },
  });
  return refusalOf(compiled, { ...about, member: id, now, governance });
}

/** What stands in the way besides what only the person's own program could ask: logins, and what they declare. */
export async function refusalOf(
  compiled: CompiledPolicy,
  request: Omit<DecisionRequest, "fields" | "mfaAgeMs">,
): Promise<Refusal | undefined> {
  // Declared in the sealed part, or not at all.
  const decision = await decide(compiled, { ...request, fields: FIELDS, mfaAgeMs: 0 });
  return decision.refusals.find(({ rule }) => !ASKED_OF_THE_PERSON.test(rule));
}

/** Rules about what the person declares and how they logged in. */
const ASKED_OF_THE_PERSON = /^(always:|purpose:|builtin:purpose$)/;

/** What an act says of itself in the clear part of its intent. */
export function saidIn(event: AuditEvent): GovernanceFacts {
  const retire = RETIRE.find((each) => each === factText(event, "retire"));
  const toDomain = factText(event, "toDomain");
  return {
    ...{ toStage: factText(event, "toStage"), toClass: factText(event, "toClass"), retire },
    ...(toDomain === undefined ? {} : { destination: `domain:${toDomain}` }),
    // One that does not say of which kind it is, is of none that is declared.
    ...(event.action === "artifact.attest" ? { stating: factText(event, "kind") ?? "" } : {}),
  };
}

const RETIRE = ["retire", "shred", "hold", "release"] as const;
