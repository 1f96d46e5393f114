// Reading versions as every reader must: what the log and the policy at its position do not bear out is not accepted.
import type { LoggedEvent } from "../audit/log.ts";
import { CloisterError, integrity } from "../base/errors.ts";
import { unwrapKey } from "../keys/data-key.ts";
import { verifyEnvelope } from "../keys/dsse.ts";
import { keyIdOf } from "../keys/identity.ts";
import { decide } from "../policy/decide.ts";
import { decodeHeader, type Header, readPart, type SealContext } from "./artifact-seal.ts";
import { labelOf, ranIn } from "./label.ts";
import type { Session } from "./session.ts";
import type { Ignored, VersionSummary } from "./types.ts";
import { readVersion, VERSION_BYTES_MAX, type VersionRecord, versionName, versionPrefix } from "./version-record.ts";

/** A version that counts, opened as far as its header. */
export interface Version {
  readonly record: VersionRecord;
  readonly versionId: string;
  readonly header: Header;
  readonly pusher: string;
  readonly intent: LoggedEvent;
  /** Entry of the `done`; the intent's where the push never got to log it. */
  readonly entry: number;
  readonly timeMs: number;
  readonly metadataKey: Buffer;
}

export type Judged =
  | { readonly kind: "accepted"; readonly version: Version }
  /** It counts, as far as can be told, but this member has no key for its class. */
  | { readonly kind: "hidden"; readonly record: VersionRecord }
  | { readonly kind: "ignored"; readonly ignored: Ignored };

const WRAP_BYTES_MAX = 16 * 1024;

export function sealName(record: VersionRecord, versionId: string): string {
  return `seals/${record.domain}/${record.class}/${versionId}`;
}

export function wrapName(record: VersionRecord, versionId: string, purpose: "data" | "metadata"): string {
  return `wraps/${record.domain}/${record.class}/${versionId}/${purpose}`;
}

export function contextOfVersion(record: VersionRecord): SealContext {
  const { project, domain, class: klass, epoch, nameId, number } = record;
  return { project, domain, class: klass, epoch, nameId, number };
}

/** Numbers that are taken under an artifact's name, junk included, ascending. */
export async function takenNumbers(session: Session, domain: string, nameId: string): Promise<number[]> {
  const prefix = versionPrefix(domain, nameId);
  const numbers: number[] = [];
  for await (const { name } of session.store.list(prefix)) {
    const number = Number(name.slice(prefix.length));
    if (Number.isSafeInteger(number) && number > 0) numbers.push(number);
  }
  return numbers.sort((a, b) => a - b);
}

/** Reads one version. Damage and forgery come back as `ignored`; only a failing store throws. */
export async function readVersionAt(
  session: Session,
  domain: string,
  nameId: string,
  number: number,
): Promise<Judged | undefined> {
  const what = `version ${String(number)} of ${domain}/${nameId.slice(0, 12)}…`;
  try {
    const bytes = await session.store.get(versionName(domain, nameId, number), VERSION_BYTES_MAX);
    if (!bytes) return undefined;
    const read = readVersion(bytes);
    const { record } = read;
    if (
      record.project !== session.config.project ||
      versionName(record.domain, record.nameId, record.number) !== versionName(domain, nameId, number)
    ) {
      throw integrity("it is a record of another place");
    }
    const pushed = await pushOf(session, read);
    const metadataKey = await keyOfVersion(session, record, read.versionId, "metadata");
    if (!metadataKey) return { kind: "hidden", record };
    const part = { name: "header", of: record.seal } as const;
    const context = contextOfVersion(record);
    const header = decodeHeader(
      await readPart(session.store, sealName(record, read.versionId), part, metadataKey, context),
    );
    await checkEntitled(session, record, header, pushed);
    return { kind: "accepted", version: { record, versionId: read.versionId, header, metadataKey, ...pushed } };
  } catch (error) {
    if (!(error instanceof CloisterError) || error.code !== "INTEGRITY") throw error;
    return { kind: "ignored", ignored: { what, why: error.why ? `${error.message}: ${error.why}` : error.message } };
  }
}

interface Push {
  readonly pusher: string;
  readonly intent: LoggedEvent;
  readonly entry: number;
  readonly timeMs: number;
}

/** The logged push behind a record. @throws CloisterError INTEGRITY: without it the record does not count */
async function pushOf(
  session: Session,
  { record, versionId, envelope }: ReturnType<typeof readVersion>,
): Promise<Push> {
  const [signature] = envelope.signatures;
  const logged = signature && session.ledger.operation(signature.keyid, record.operation);
  const intent = logged?.intent;
  if (!intent) throw integrity("its push is not in the log");
  const { event } = intent;
  const fits = event.domain === record.domain && event.class === record.class && intent.entry === record.intent;
  if (event.action !== "artifact.push" || !fits || event.policy !== record.policy) {
    throw integrity("the log says something else about its push");
  }
  const { compiled } = await session.ledger.policy(record.policy);
  const signer = compiled.policy.members.find((m) => keyIdOf(m.signs) === intent.keyId);
  if (!signer || !verifyEnvelope(envelope, signer.signs)) throw integrity("its signature is not the pusher's");
  if (logged.done) {
    if (logged.done.event.versionId !== versionId) throw integrity("the log names another version for its push");
    return { pusher: intent.member, intent, entry: logged.done.entry, timeMs: logged.done.timeMs };
  }
  // Not yet logged as done: it counts only while its key does, so that a suspended key cannot finish old intents.
  const now = (await session.policy()).compiled.policy.members.find((m) => keyIdOf(m.signs) === intent.keyId);
  if (!now || now.suspended !== undefined) throw integrity("its push was never finished");
  return { pusher: intent.member, intent, entry: intent.entry, timeMs: intent.timeMs };
}

/** The pusher was allowed this push, under the policy and the label at that position of the log. */
async function checkEntitled(session: Session, record: VersionRecord, header: Header, push: Push): Promise<void> {
  const { compiled } = await session.ledger.policy(record.policy);
  const decision = await decide(compiled, {
    ...pushRequest(session, compiled.policy.classifications, header, push.intent),
    member: push.pusher,
    now: push.intent.timeMs,
    domain: record.domain,
    class: record.class,
    epoch: record.epoch,
  });
  if (decision.allow) return;
  const [refusal] = decision.refusals;
  throw integrity(`${push.pusher} was not allowed to push it`, { why: refusal && `${refusal.rule}: ${refusal.why}` });
}

function pushRequest(session: Session, classifications: readonly string[], header: Header, intent: LoggedEvent) {
  const { workspace } = intent.event;
  if (workspace !== header.workspace) throw integrity("its header and the log name different workspaces");
  const { kind, purpose, justification, owner, licence } = header;
  const given = { owner, licence, purpose, justification };
  const fields = Object.entries(given).flatMap(([field, value]) => (value === undefined ? [] : [field]));
  const label = workspace === undefined ? undefined : labelOf(session.ledger, workspace, classifications, intent.entry);
  const provenance = workspace !== undefined && ranIn(session.ledger, workspace, intent.entry) ? "run" : "none";
  return {
    action: "artifact.push" as const,
    kind,
    fields,
    provenance: provenance as "run" | "none",
    ...(purpose === undefined ? {} : { purpose }),
    ...(justification === undefined ? {} : { justification }),
    ...(label === undefined ? {} : { label: { class: label.class, from: `version ${label.versionId.slice(0, 12)}` } }),
  };
}

/** A key of the version; undefined where this member holds no key of its class. @throws CloisterError INTEGRITY */
export async function keyOfVersion(
  session: Session,
  record: VersionRecord,
  versionId: string,
  purpose: "data" | "metadata",
): Promise<Buffer | undefined> {
  const secret = await session.keys.secret(record, record.epoch);
  if (secret === undefined) return undefined;
  const wrap = await session.store.get(wrapName(record, versionId, purpose), WRAP_BYTES_MAX);
  if (!wrap) throw integrity(`its ${purpose} key is missing from the store`);
  return unwrapKey(secret, { ...contextOfVersion(record), purpose }, wrap);
}

/** `domain/name:label` or `domain/name:vN`. */
export function referenceOf(domain: string, name: string, label: string | undefined, number: number): string {
  return `${domain}/${name}:${label ?? `v${String(number)}`}`;
}

export function summaryOf({ record, versionId, header, pusher, entry, timeMs }: Version): VersionSummary {
  return {
    reference: referenceOf(record.domain, header.name, header.label, record.number),
    domain: record.domain,
    name: header.name,
    number: record.number,
    label: header.label,
    class: record.class,
    kind: header.kind,
    versionId,
    digest: header.dirHash,
    bytes: header.bytes,
    files: header.files,
    pushedBy: pusher,
    pushedAt: new Date(timeMs).toISOString(),
    logEntry: entry,
  };
}
