// Reading versions as every reader must: what the log and the policy at its position do not bear out is not accepted.
import type { LoggedEvent } from "../../audit/taken.ts";
import { explained, integrity, isIntegrity } from "../../base/errors.ts";
import { verifyEnvelope } from "../../keys/dsse.ts";
import { KmsRefused } from "../../keys/kms.ts";
import { labelIdOf, nameIdOf } from "../class-keys.ts";
import type { LoggedVersion } from "../ledger.ts";
import { metadataByHalf } from "../release/own-half.ts";
import { metadataByGlass, needsRelease } from "../release/released-key.ts";
import { fateOf } from "../retention/fate.ts";
import type { Session } from "../session.ts";
import type { Ignored, VersionSummary } from "../types.ts";
import { decodeHeader, type Header, readPart } from "./artifact-seal.ts";
import { crossingOf } from "./crossing.ts";
import { type Push, whyNotEntitled } from "./judge-push.ts";
import {
  contextOfVersion,
  readVersion,
  sealName,
  VERSION_BYTES_MAX,
  type VersionRecord,
  versionName,
  wrapName,
} from "./version-record.ts";

/** A version that counts, opened as far as its header. */
export interface Version {
  readonly record: VersionRecord;
  readonly versionId: string;
  readonly header: Header;
  readonly pusher: string;
  readonly intent: LoggedEvent;
  /** Entry of the `done`. */
  readonly entry: number;
  readonly timeMs: number;
  readonly metadataKey: Buffer;
}

export type Judged =
  | { readonly kind: "accepted"; readonly version: Version }
  /** It counts, as far as can be told, but this member has no key for its class; `refused` where KMS said no. */
  | { readonly kind: "hidden"; readonly record: VersionRecord; readonly refused?: KmsRefused | undefined }
  /** Its keys were destroyed, or that was begun: whatever of it lies in the store is nothing any more. */
  | { readonly kind: "shredded"; readonly logged: LoggedVersion; readonly begun: LoggedEvent }
  /** It does not count: its pusher was not allowed it, or (damaged) what is in the store is not what was logged. */
  | { readonly kind: "ignored"; readonly ignored: Ignored; readonly damaged: boolean };

const WRAP_BYTES_MAX = 16 * 1024;

/**
 * Reads one logged version. Damage and forgery come back as `ignored`; only a failing store throws.
 * @param nameKey of the domain: the sealed name must be the one that the version is filed under
 */
export async function readVersionAt(session: Session, logged: LoggedVersion, nameKey: Buffer): Promise<Judged> {
  // Before any key is looked for: somebody may have put the wraps back.
  const { shredded } = await fateOf(session, logged.versionId);
  if (shredded) return { kind: "shredded", logged, begun: shredded.begun };
  const { domain, nameId, number } = logged;
  const what = `version ${String(number)} of ${domain}/${nameId.slice(0, 12)}…, pushed by ${logged.done.member}`;
  try {
    const { record, versionId } = await readRecord(session, logged);
    const push = pushOf(session, record, logged);
    const metadataKey = await keyOfVersion(session, record, versionId, "metadata").catch(refusedByKms);
    if (!metadataKey) return { kind: "hidden", record };
    if (metadataKey instanceof KmsRefused) return { kind: "hidden", record, refused: metadataKey };
    const header = await readHeader(session, record, versionId, metadataKey);
    checkFiled(header, logged, nameKey);
    const refusal =
      (await whyNotEntitled(session, record, header, push)) ??
      (await whyAnother(session, { record, header, push }, nameKey));
    if (refusal !== undefined) return { kind: "ignored", ignored: { what, why: refusal }, damaged: false };
    return { kind: "accepted", version: { record, versionId, header, metadataKey, ...push } };
  } catch (error) {
    if (!isIntegrity(error)) throw error;
    const why = explained(error);
    return { kind: "ignored", ignored: { what, why }, damaged: true };
  }
}

/**
 * Why it is not what was declassified or exported: others consented to that version alone. Only who can see both can
 * compare them; a version that is gone cannot be compared with.
 */
async function whyAnother(
  session: Session,
  { record, header, push }: { readonly record: VersionRecord; readonly header: Header; readonly push: Push },
  nameKey: Buffer,
): Promise<string | undefined> {
  const crossing = crossingOf(session.ledger, push.intent, record);
  if (typeof crossing !== "object") return undefined;
  const logged = session.ledger.versionById(crossing.versionId);
  const key = crossing.domain === record.domain ? nameKey : await session.keys.nameKey(crossing.domain);
  const judged = logged && key && (await readVersionAt(session, logged, key));
  const done = crossing.way === "export" ? "exported" : "declassified";
  if (judged?.kind === "ignored" && !judged.damaged) return `what it was ${done} from does not count`;
  if (judged?.kind !== "accepted") return undefined;
  const { dirHash, kind } = judged.version.header;
  if (dirHash === header.dirHash && kind === header.kind) return undefined;
  return `${push.pusher} ${done} another content than this`;
}

/** What KMS refuses is hidden, as what nobody gave the key for; that it does not answer says nothing about anything. */
export function refusedByKms(error: unknown): KmsRefused {
  if (error instanceof KmsRefused) return error;
  throw error;
}

/** The signed record that the log's entry names. @throws CloisterError INTEGRITY where it is missing or another */
export async function readRecord(session: Session, logged: LoggedVersion) {
  const { domain, nameId, number, versionId, done } = logged;
  const bytes = await session.store.get(versionName(logged), VERSION_BYTES_MAX);
  if (!bytes)
    throw integrity("its record is missing from the store", { why: `log entry #${String(done.entry)} names it` });
  const read = readVersion(bytes);
  if (read.versionId !== versionId) throw integrity("its record is not the one in the log");
  const { record } = read;
  if (
    record.project !== session.config.project ||
    record.domain !== domain ||
    record.nameId !== nameId ||
    record.number !== number
  ) {
    throw integrity("it is a record of another place");
  }
  const signer = await session.ledger.signerOf(done.keyId);
  if (!signer || !verifyEnvelope(read.envelope, signer.signs)) throw integrity("its signature is not the pusher's");
  return { record, versionId };
}

async function readHeader(session: Session, record: VersionRecord, versionId: string, key: Buffer): Promise<Header> {
  const part = { name: "header", of: record.seal } as const;
  return decodeHeader(await readPart(session.store, sealName(record, versionId), part, key, contextOfVersion(record)));
}

/** Name and label in the header are those that the log filed the version under. */
function checkFiled({ name, label }: Header, { nameId, labelId }: LoggedVersion, nameKey: Buffer): void {
  if (nameIdOf(nameKey, name) !== nameId) throw integrity("its name is another than it is filed under");
  const expected = label === undefined ? undefined : labelIdOf(nameKey, name, label);
  if (expected !== labelId) throw integrity("its label is another than the log says");
}

/** The logged push behind a record. @throws CloisterError INTEGRITY where they contradict each other */
function pushOf(session: Session, record: VersionRecord, { done }: LoggedVersion): Push {
  const intent = session.ledger.operation(done.keyId, record.operation)?.intent;
  if (!intent || done.event.operation !== record.operation) throw integrity("its push is not in the log");
  const { event } = intent;
  const fits = event.domain === record.domain && event.class === record.class && intent.entry === record.intent;
  if (
    event.action !== "artifact.push" ||
    !fits ||
    event.policy !== record.policy ||
    done.event.class !== record.class
  ) {
    throw integrity("the log says something else about its push");
  }
  return { pusher: done.member, intent, entry: done.entry, timeMs: done.timeMs };
}

/**
 * A key of the version; undefined where this member holds no key of its class, and for data keys that others release.
 * @throws CloisterError INTEGRITY; for a class under KMS also KmsRefused and UNAVAILABLE
 */
export async function keyOfVersion(
  session: Session,
  record: VersionRecord,
  versionId: string,
  purpose: "data" | "metadata",
): Promise<Buffer | undefined> {
  if (purpose === "data" && needsRelease({ record })) return undefined;
  const wrapped = session.keys.openVersionKey({ ...contextOfVersion(record), purpose }, async () => {
    const wrap = await session.store.get(wrapName(record, versionId, purpose), WRAP_BYTES_MAX);
    if (!wrap) throw integrity(`its ${purpose} key is missing from the store`);
    return wrap;
  });
  if (purpose === "data" || !record.halves) return wrapped;
  const key = await wrapped.catch(refusedByKms);
  if (key && !(key instanceof KmsRefused)) return key;
  const version = { record, versionId };
  const other = (await metadataByHalf(session, version)) ?? (await metadataByGlass(session, version));
  // What KMS said is the answer where nothing else opens it.
  if (other || !key) return other;
  throw key;
}

/** `domain/name:label` or `domain/name:vN`. */
export function referenceOf(domain: string, name: string, label: string | undefined, number: number): string {
  return `${domain}/${name}:${label ?? `v${String(number)}`}`;
}

/** {@link referenceOf} for a version at hand. */
export function referenceTo({ record, header }: Pick<Version, "record" | "header">): string {
  return referenceOf(record.domain, header.name, header.label, record.number);
}

export function summaryOf({ record, versionId, header, pusher, entry, timeMs }: Version): VersionSummary {
  return {
    reference: referenceTo({ record, header }),
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

/** Damage, said together with the version that it was found in; whatever else failed as it is. */
export function named(error: unknown, name: string): unknown {
  if (!isIntegrity(error) || error.message.startsWith(name)) return error;
  return integrity(`${name}: ${error.message}`, { why: error.why, cause: error });
}
