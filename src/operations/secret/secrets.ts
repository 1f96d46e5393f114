// Reading secrets as every reader must: what the log and the policy at its position do not bear out is not accepted.
import type { LoggedEvent } from "../../audit/taken.ts";
import { CloisterError, explained, integrity, isIntegrity, type Refusal } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { verifyEnvelope } from "../../keys/dsse.ts";
import { type DecisionRequest, decide } from "../../policy/decide.ts";
import type { Policy } from "../../policy/schema.ts";
import { domainOf } from "../artifact/resolve.ts";
import { secretIdOf } from "../class-keys.ts";
import { factsFor } from "../governance/facts.ts";
import type { Session } from "../session.ts";
import type { Ignored } from "../types.ts";
import type { LoggedSecret } from "./ledger.ts";
import {
  openMetadata,
  openValue,
  readSecret,
  SECRET_BYTES_MAX,
  type SecretMetadata,
  type SecretRecord,
  secretName,
} from "./record.ts";

/** A value that counts, opened as far as its metadata. */
export interface Secret {
  readonly record: SecretRecord;
  readonly logged: LoggedSecret;
  readonly metadata: SecretMetadata;
}

export type JudgedSecret =
  | { readonly kind: "accepted"; readonly secret: Secret }
  /** It counts, as far as can be told, but this member has no key for its class. */
  | { readonly kind: "hidden"; readonly logged: LoggedSecret }
  | { readonly kind: "removed"; readonly logged: LoggedSecret }
  /** What is in the store is not what was logged: an older value must not pass for the current one. */
  | { readonly kind: "damaged"; readonly ignored: Ignored }
  /** Nobody was allowed to set it. */
  | { readonly kind: "none" };

/** Where the log files a secret: an id instead of a name. */
export interface SecretPlace {
  readonly domain: string;
  readonly name: string;
  readonly secretId: string;
  readonly nameKey: Buffer;
}

/** `[domain/]name`, or a name with the domain beside it. @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED */
export async function placeOfSecret(session: Session, text: string, given?: string): Promise<SecretPlace> {
  const [first = "", second, ...more] = text.split("/");
  const name = checkName(more.length > 0 ? text : (second ?? first), "name of a secret");
  const said = second === undefined ? given : first;
  if (given !== undefined && said !== given) {
    throw new CloisterError("USAGE", `${text} and domain ${given} contradict each other`, { next: "name one domain" });
  }
  await session.me();
  const domain = domainOf((await session.policy()).compiled.policy, said);
  const nameKey = await session.keys.requireNameKey(domain);
  return { domain, name, secretId: secretIdOf(nameKey, name), nameKey };
}

/**
 * The current value of a secret, by the log: the newest step that counts. Steps of members who were not allowed them are
 * passed over and reported; damage is not passed over. Only a failing store throws.
 */
export async function currentOf(
  session: Session,
  { domain, secretId, nameKey }: Pick<SecretPlace, "domain" | "secretId" | "nameKey">,
): Promise<{ readonly judged: JudgedSecret; readonly ignored: readonly Ignored[] }> {
  const { steps, ignored } = await withoutForbiddenRemovals(session, session.ledger.secrets.stepsOf(domain, secretId));
  for (const logged of [...steps].reverse()) {
    if (logged.digest === undefined) return { judged: { kind: "removed", logged }, ignored };
    const judged = await judge(session, logged, logged.digest, nameKey);
    if ("kind" in judged) return { judged, ignored };
    ignored.push(judged);
  }
  return { judged: { kind: "none" }, ignored };
}

/**
 * A removal frees the name for any class. One that its member was not allowed must not: then what came in another class
 * after it stands in the place of a secret that lives, and does not count either.
 */
async function withoutForbiddenRemovals(session: Session, all: readonly LoggedSecret[]) {
  const steps: LoggedSecret[] = [];
  const ignored: Ignored[] = [];
  for (const step of all) {
    const before = steps.at(-1);
    const usurps = before?.digest !== undefined && before.class !== step.class;
    const why = usurps
      ? `the secret was never removed from class ${before.class}`
      : step.digest === undefined
        ? await whyNotRemoved(session, step)
        : undefined;
    if (why === undefined) steps.push(step);
    else ignored.push({ what: whatOf(step), why });
  }
  return { steps, ignored };
}

/** The value. @throws CloisterError INTEGRITY */
export async function openSecret(session: Session, { record }: Secret): Promise<Buffer> {
  const key = await session.keys.secret(record, record.epoch);
  if (key === undefined) throw integrity("the key of a secret that was opened is gone");
  return openValue(key, record);
}

/** One value: what it comes to, or why it does not count. */
async function judge(
  session: Session,
  logged: LoggedSecret,
  digest: string,
  nameKey: Buffer,
): Promise<JudgedSecret | Ignored> {
  const { secretId, done } = logged;
  try {
    const intent = intentOf(session, logged);
    const record = await readRecord(session, logged, digest, intent);
    const key = await session.keys.secret(record, record.epoch);
    if (key === undefined) return { kind: "hidden", logged };
    const metadata = await openMetadata(key, record);
    if (secretIdOf(nameKey, metadata.name) !== secretId) throw integrity("its name is another than it is filed under");
    const why = await whyNotEntitled(session, record, metadata, intent, done.member);
    return why === undefined
      ? { kind: "accepted", secret: { record, logged, metadata } }
      : { what: whatOf(logged), why };
  } catch (error) {
    if (!isIntegrity(error)) throw error;
    return { kind: "damaged", ignored: { what: whatOf(logged), why: explained(error) } };
  }
}

function whatOf({ domain, secretId, number, digest, done }: LoggedSecret): string {
  const verb = digest === undefined ? "removed" : "set";
  return `value ${String(number)} of secret ${domain}/${secretId.slice(0, 12)}…, ${verb} by ${done.member}`;
}

/** The log admits no outcome without its intent. */
function intentOf(session: Session, { done }: LoggedSecret): LoggedEvent {
  const intent = session.ledger.operation(done.keyId, done.event.operation)?.intent;
  if (!intent) throw integrity("its operation is not in the log");
  return intent;
}

/** The signed record that the log's entry names. @throws CloisterError INTEGRITY where it is missing or another */
async function readRecord(
  session: Session,
  logged: LoggedSecret,
  digest: string,
  intent: LoggedEvent,
): Promise<SecretRecord> {
  const { domain, class: klass, epoch, secretId, number, done } = logged;
  const bytes = await session.store.get(secretName(logged, digest), SECRET_BYTES_MAX);
  if (!bytes)
    throw integrity("its record is missing from the store", { why: `log entry #${String(done.entry)} names it` });
  const read = readSecret(bytes);
  if (read.digest !== digest) throw integrity("its record is not the one in the log");
  const { record } = read;
  const here = { project: session.config.project, domain, class: klass, epoch, secretId, number };
  for (const key of ["project", "domain", "class", "epoch", "secretId", "number"] as const) {
    if (record[key] !== here[key]) throw integrity("it is a record of another place");
  }
  const signer = await session.ledger.signerOf(done.keyId);
  if (!signer || !verifyEnvelope(read.envelope, signer.signs)) throw integrity("its signature is not its setter's");
  const { operation, event, entry } = { operation: done.event.operation, event: intent.event, entry: intent.entry };
  if (record.operation !== operation || record.intent !== entry || record.policy !== event.policy) {
    throw integrity("the log says something else about how it was set");
  }
  return record;
}

/** Why the setter was not allowed this, under the policy at that position of the log. */
async function whyNotEntitled(
  session: Session,
  { domain, class: klass, epoch, policy }: SecretRecord,
  { purpose, justification }: SecretMetadata,
  intent: LoggedEvent,
  member: string,
): Promise<string | undefined> {
  const about = { action: "secret.write", member, now: intent.timeMs, domain, class: klass, epoch } as const;
  const { compiled } = await session.ledger.policy(policy);
  const governance = await factsAt(session, compiled.policy, intent, { ...about, purpose });
  // When somebody logged in, only their own program could see.
  const { refusals } = await decide(compiled, { ...about, purpose, justification, governance, mfaAgeMs: 0 });
  return notAllowed(member, "set", refusals);
}

/**
 * A removal leaves no object that could say what it was for, so purpose and justification are not asked of it again; nor
 * is a key epoch, as nothing is written.
 */
async function whyNotRemoved(session: Session, step: LoggedSecret): Promise<string | undefined> {
  const { domain, class: klass, done } = step;
  const intent = intentOf(session, step);
  const { event, timeMs: now } = intent;
  const { compiled } = await session.ledger.policy(event.policy);
  const epoch = compiled.policy.domains.find(({ id }) => id === domain)?.epoch;
  const about = { action: "secret.write", member: done.member, now, domain, class: klass } as const;
  const governance = await factsAt(session, compiled.policy, intent, { ...about, purpose: undefined });
  const { refusals } = await decide(compiled, { ...about, epoch, governance, fields: ["purpose", "justification"] });
  const asked = refusals.filter(({ rule }) => !rule.startsWith("always:"));
  return notAllowed(done.member, "remove", asked);
}

/** What else the log tells, such as that nobody confirmed the member's access. */
function factsAt(
  session: Session,
  policy: Policy,
  { entry, timeMs: now }: LoggedEvent,
  about: Pick<DecisionRequest, "member" | "domain" | "class" | "purpose">,
) {
  const { member, domain, class: klass, purpose } = about;
  const place = { domain, class: klass, kind: undefined, versionId: undefined, purpose };
  return factsFor(session, policy, member, { action: "secret.write", ...place, now, before: entry, said: {} });
}

function notAllowed(member: string, verb: string, [refusal]: readonly Refusal[]): string | undefined {
  return refusal && `${member} was not allowed to ${verb} it: ${refusal.rule}: ${refusal.why}`;
}
