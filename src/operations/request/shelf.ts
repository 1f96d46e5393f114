// The objects of requests: fetched, held to what the log says of them, and opened for those they are sealed to.
import { explained, integrity, isIntegrity, unlessDamaged } from "../../base/errors.ts";
import { verifyEnvelope } from "../../keys/dsse.ts";
import { AUDIT_PLACE } from "../class-keys.ts";
import type { Session } from "../session.ts";
import type { LoggedRequest } from "./logged.ts";
import {
  openDetails,
  REQUEST_BYTES_MAX,
  type RequestDetails,
  type RequestRecord,
  readRequest,
  requestName,
} from "./record.ts";

/**
 * What a request says to those who may read it; undefined for others.
 * @throws CloisterError INTEGRITY where the object is missing, forged, or says something else than the log
 */
export async function detailsOf(session: Session, request: LoggedRequest): Promise<RequestDetails | undefined> {
  const opened = OPENED.get(session) ?? new Map<number, Promise<RequestDetails | undefined>>();
  OPENED.set(session, opened);
  const details = opened.get(request.entry) ?? fetchDetails(session, request);
  opened.set(request.entry, details);
  details.catch(() => opened.delete(request.entry));
  return details;
}

/** What this member can read of it, and why it cannot be trusted where it was tampered with. */
export async function readDetails(
  session: Session,
  request: LoggedRequest,
): Promise<{ readonly details: RequestDetails | undefined; readonly problem: string | undefined }> {
  try {
    return { details: await detailsOf(session, request), problem: undefined };
  } catch (error) {
    if (!isIntegrity(error)) throw error;
    return { details: undefined, problem: explained(error) };
  }
}

/** A decision is made several times on the way into the log; the object does not change. */
const OPENED = new WeakMap<Session, Map<number, Promise<RequestDetails | undefined>>>();

async function fetchDetails(session: Session, request: LoggedRequest): Promise<RequestDetails | undefined> {
  const bytes = await session.store.get(requestName(request.hash), REQUEST_BYTES_MAX);
  if (!bytes) throw integrity(`request r-${String(request.entry)} is missing from the store`);
  const { record, hash, envelope } = readRequest(bytes);
  if (hash !== request.hash) throw integrity(`request r-${String(request.entry)} was changed`);
  const signer = await session.ledger.signerOf(request.done.keyId);
  if (!signer || !verifyEnvelope(envelope, signer.signs)) {
    throw integrity(`request r-${String(request.entry)} is not signed by ${request.requester}`);
  }
  checkLogged(session, record, request);
  return openWith(session, record);
}

/** What was approved is what the log says: whatever differs would be approved unseen. */
function checkLogged(session: Session, record: RequestRecord, request: LoggedRequest): void {
  const { done } = request;
  const intent = session.ledger.operation(done.keyId, done.event.operation)?.intent;
  const same = (
    ["kind", "domain", "class", "versionId", "expiresMs", "toStage", "toClass", "destination"] as const
  ).every((key) => record[key] === request[key]);
  const fits =
    record.project === session.config.project &&
    record.operation === done.event.operation &&
    record.intent === intent?.entry &&
    record.policy === intent.event.policy &&
    record.member === request.requester &&
    record.key === done.keyId;
  if (!same || !fits) throw integrity(`the log says something else about request r-${String(request.entry)}`);
}

async function openWith(session: Session, record: RequestRecord): Promise<RequestDetails | undefined> {
  const own = await openDetails((await session.identity()).ageSecret, record);
  if (own) return own;
  for (const epoch of [...session.keys.epochsOf(AUDIT_PLACE)].reverse()) {
    // A key file of one's own that was replaced by junk is a key one does not hold.
    const secret = await session.keys.secret(AUDIT_PLACE, epoch).catch(unlessDamaged);
    const details = secret === undefined ? undefined : await openDetails(secret, record);
    if (details) return details;
  }
  return undefined;
}
