// Setting, rotating and removing secrets: decided, sealed, signed, and then given force by the log.
import { CloisterError } from "../../base/errors.ts";
import { covers } from "../../policy/entitlements.ts";
import { createNew } from "../artifact/commit-version.ts";
import { type Ask, begin, type Operation, type Outcome, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { RemoveSecretOptions, SecretChanged, SecretRemoved, SetSecretOptions } from "../types.ts";
import type { LoggedSecret } from "./ledger.ts";
import { summaryOf } from "./list.ts";
import {
  type SecretMetadata,
  type SecretRecord,
  sealSecret,
  secretName,
  secretPrefix,
  signSecret,
  VALUE_BYTES_MAX,
  VARIABLE,
} from "./record.ts";
import { currentOf, placeOfSecret, type SecretPlace } from "./secrets.ts";

/** What is to become a value of a secret, except for its number and the value. */
export interface SecretDraft {
  readonly place: SecretPlace;
  readonly class: string;
  /** The step that this one follows; somebody else's in between is a conflict. */
  readonly after: LoggedSecret | undefined;
  readonly metadata: SecretMetadata;
  readonly rotateMs: number | undefined;
}

/**
 * Gives a new secret its first value.
 * @throws CloisterError USAGE (it exists, or the value cannot be one), POLICY_DENIED (logged), UNAVAILABLE
 */
export async function setSecret(session: Session, options: SetSecretOptions): Promise<SecretChanged> {
  await session.sync();
  const place = await placeOfSecret(session, options.name, options.domain);
  const { policy } = (await session.policy()).compiled;
  const { id: me } = await session.me();
  const reach = policy.classifications.filter((name) =>
    covers(policy, me, "secret.write", { domain: place.domain, class: name }),
  );
  const { env, note, purpose, justification } = options;
  const metadata = { name: place.name, env: checkVariable(env), note: checkNote(note), purpose, justification };
  const draft: SecretDraft = {
    place,
    class: options.class ?? reach.at(-1) ?? policy.classifications.at(-1) ?? "",
    after: lastStep(session, place),
    metadata,
    rotateMs: options.rotateMs,
  };
  const ask = await askOf(session, draft, "set");
  if (options.dryRun) await wouldPermit(session, ask);
  else await permit(session, ask);
  await checkFree(session, draft);
  if (options.dryRun) return planned(session, draft);
  const value = checkValue(await options.value());
  return store(session, draft, await begin(session, ask), value);
}

/** @throws CloisterError USAGE where the name is taken */
async function checkFree(session: Session, { place, class: klass, after }: SecretDraft): Promise<void> {
  const reference = referenceTo(place);
  const { judged } = await currentOf(session, place);
  if (judged.kind !== "none" && judged.kind !== "removed") {
    throw new CloisterError("USAGE", `secret ${reference} exists already`, {
      next: `cloister secret rotate ${reference} gives it a new value`,
    });
  }
  if (after?.digest !== undefined && after.class !== klass) {
    throw new CloisterError("USAGE", `the name ${reference} is taken in class ${after.class}`, {
      why: `${after.done.member} set a value there that does not count`,
      next: `cloister secret remove ${reference}, then set it again`,
    });
  }
}

/** Erases a secret for everybody. @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), UNAVAILABLE */
export async function removeSecret(session: Session, options: RemoveSecretOptions): Promise<SecretRemoved> {
  await session.sync();
  const place = await placeOfSecret(session, options.name, options.domain);
  const reference = referenceTo(place);
  const live = lastStep(session, place);
  if (live?.digest === undefined) {
    throw new CloisterError("NOT_FOUND", `there is no secret ${reference}`, { next: "cloister secret list" });
  }
  const { purpose, justification } = options;
  const metadata = { name: place.name, env: undefined, note: undefined, purpose, justification };
  const draft: SecretDraft = { place, class: live.class, after: live, metadata, rotateMs: undefined };
  const ask = await askOf(session, draft, "remove");
  const result = { reference, domain: place.domain, name: place.name, class: live.class, number: live.number };
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return { ...result, dryRun: true, logEntry: session.log.size - 1 };
  }
  const operation = await begin(session, ask);
  const outcome = (): Outcome => {
    checkNotOvertaken(session, draft);
    return { facts: { secretId: place.secretId, number: live.number, removed: true } };
  };
  const done = await closing(operation, () => operation.done(outcome));
  await eraseValues(session, place, live.class);
  return { ...result, dryRun: false, logEntry: done.entry };
}

/** It is removed whether or not this works: what lies there is sealed, and nobody counts it any more. */
async function eraseValues(session: Session, { domain, secretId }: SecretPlace, klass: string): Promise<void> {
  try {
    for await (const { name } of session.store.list(secretPrefix(domain, klass, secretId)))
      await session.store.delete(name);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    session.host.notice(`removed, but its sealed values are still in the store: ${why}`);
  }
}

/** Seals, signs and logs a value. `keep` is given the record before it goes to the store. */
export async function store(
  session: Session,
  draft: SecretDraft,
  operation: Operation,
  value: Uint8Array,
  keep: (record: Uint8Array) => Promise<void> = async () => {},
): Promise<SecretChanged> {
  const { place, class: klass, metadata, rotateMs } = draft;
  const { domain, secretId } = place;
  const logged = await closing(operation, async () => {
    const number = session.ledger.secrets.nextNumber(domain, secretId);
    const { epoch, recipient } = await session.keys.newest({ domain, class: klass });
    const { project } = session.config;
    const context = { project, domain, class: klass, epoch, secretId, number, operation: operation.id };
    const record: SecretRecord = {
      ...context,
      intent: operation.intent.entry,
      policy: operation.intent.event.policy,
      ...(await sealSecret(recipient, context, metadata, value)),
    };
    const { bytes, digest } = await signSecret(record, await session.identity());
    await keep(bytes);
    await createNew(session, secretName(record, digest), [bytes]);
    const done = await operation.done(() => {
      checkNotOvertaken(session, draft);
      return { facts: { secretId, number, digest, epoch, rotateMs } };
    });
    return { domain, class: klass, secretId, number, digest, epoch, rotateMs, done };
  });
  const { policy } = (await session.policy()).compiled;
  return { ...(await summaryOf(session, policy, { logged, metadata })), dryRun: false };
}

/** Work under an intent. Where the store failed, the outcome is not known, and nothing is said of it. */
export async function closing<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const unknown = error instanceof CloisterError && error.code === "UNAVAILABLE" && !(error instanceof Overtaken);
    if (!unknown) await operation.failed(error);
    throw error;
  }
}

class Overtaken extends CloisterError {}

/** @throws CloisterError UNAVAILABLE where somebody else changed the secret since it was looked at */
function checkNotOvertaken(session: Session, { place, after }: SecretDraft): void {
  const last = lastStep(session, place);
  if (last?.done.entry === after?.done.entry) return;
  const reference = referenceTo(place);
  throw new Overtaken("UNAVAILABLE", `${last?.done.member ?? "somebody"} changed secret ${reference} meanwhile`, {
    why: "what you gave was not stored",
    next: `cloister secret show ${reference}, then try again`,
  });
}

export function lastStep(session: Session, { domain, secretId }: SecretPlace): LoggedSecret | undefined {
  return session.ledger.secrets.stepsOf(domain, secretId).at(-1);
}

/** What is asked of the policy for any change of a secret. */
export async function askOf(session: Session, draft: SecretDraft, verb: "set" | "rotate" | "remove"): Promise<Ask> {
  const { place, class: klass, metadata } = draft;
  const { domain, secretId } = place;
  const reference = referenceTo(place);
  const { purpose, justification } = metadata;
  const known = (await session.policy()).compiled.policy.classifications.includes(klass);
  const epoch = known ? (await session.keys.newest({ domain, class: klass })).epoch : undefined;
  return {
    ...{ title: `${verb} secret ${reference}`, action: "secret.write" },
    ...{ domain, class: klass, epoch, purpose, justification },
    facts: { secretId },
    sealed: { secret: reference, purpose, justification },
  };
}

/** A value as it may be kept. @throws CloisterError USAGE */
export function checkValue(value: Uint8Array): Uint8Array {
  if (value.length === 0) throw new CloisterError("USAGE", "a secret cannot be empty");
  if (value.length <= VALUE_BYTES_MAX) return value;
  throw new CloisterError("USAGE", `a secret has at most ${String(VALUE_BYTES_MAX)} bytes`, {
    why: `this one has ${String(value.length)} or more`,
    next: "push what is larger as an artifact",
  });
}

/** @throws CloisterError USAGE */
export function checkVariable(env: string | undefined): string | undefined {
  if (env === undefined || VARIABLE.test(env)) return env;
  throw new CloisterError("USAGE", `${JSON.stringify(env)} cannot be the name of a variable`, {
    next: "use letters, digits and _, such as DB_PASSWORD",
  });
}

const NOTE_CHARS_MAX = 500;

/** @throws CloisterError USAGE */
export function checkNote(note: string | undefined): string | undefined {
  if (note === undefined || note.length <= NOTE_CHARS_MAX) return note;
  throw new CloisterError("USAGE", `a note has at most ${String(NOTE_CHARS_MAX)} characters`);
}

export function referenceTo({ domain, name }: Pick<SecretPlace, "domain" | "name">): string {
  return `${domain}/${name}`;
}

/** What a change would come to, as the last lines of `--dry-run`. */
export async function planned(session: Session, draft: SecretDraft): Promise<SecretChanged> {
  const { place, class: klass, metadata, rotateMs } = draft;
  const { policy } = (await session.policy()).compiled;
  const timeMs = await session.clock();
  const due = Math.min(policy.rotateSecretsMs ?? Number.POSITIVE_INFINITY, rotateMs ?? Number.POSITIVE_INFINITY);
  return {
    ...{ reference: referenceTo(place), domain: place.domain, name: place.name, class: klass },
    number: session.ledger.secrets.nextNumber(place.domain, place.secretId),
    ...{ env: metadata.env, note: metadata.note, rotateMs, ageMs: 0, overdue: false, overdueWhy: undefined },
    setBy: (await session.me()).id,
    setAt: new Date(timeMs).toISOString(),
    dueAt: Number.isFinite(due) ? new Date(timeMs + due).toISOString() : undefined,
    logEntry: session.log.size - 1,
    dryRun: true,
  };
}
