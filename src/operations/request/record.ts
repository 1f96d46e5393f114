// The request: one signed object, the reasons in it sealed to those who are to decide (docs/store-format.md, Requests).
import { sha256Hex } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { pad, unpad } from "../../content/padding.ts";
import { decryptWith, encryptTo } from "../../keys/age.ts";
import { type Envelope, parseEnvelope, signEnvelope } from "../../keys/dsse.ts";
import type { Identity } from "../../keys/identity.ts";
import { isRequestKind, type RequestKind } from "./kinds.ts";

const REQUEST_TYPE = "application/vnd.cloister.request.v1+json";
/** Room for the stanzas of {@link RECIPIENTS_MAX} devices, in base64 twice over. */
export const REQUEST_BYTES_MAX = 128 * 1024;
/** Devices that the sealed part is for; whoever holds the audit key reads it besides. */
export const RECIPIENTS_MAX = 200;
const SEALED_BYTES_MAX = 64 * 1024;
const DETAILS = "request-details@1";

/** What stands in the clear. */
export interface RequestRecord {
  readonly project: string;
  readonly kind: RequestKind;
  readonly domain: string;
  readonly class: string;
  readonly versionId: string;
  /** Member who asks, and the id of the key that signs. */
  readonly member: string;
  readonly key: string;
  /** Id of the operation that made it, the log entry of its intent, and the policy version in force there. */
  readonly operation: string;
  readonly intent: number;
  readonly policy: number;
  readonly expiresMs: number;
  readonly toStage: string | undefined;
  readonly toClass: string | undefined;
  /** {@link destinationDigest}. */
  readonly destination: string | undefined;
  /** age file, base64. */
  readonly sealed: string;
}

/** What is told to those who decide. Reference, kind and size are as the requester saw them. */
export interface RequestDetails {
  /** `domain/name:label`. */
  readonly reference: string;
  /** Kind of artifact. */
  readonly artifact: string;
  /** Digest of its content. */
  readonly digest: string;
  readonly purpose: string | undefined;
  readonly justification: string;
  readonly destination: string | undefined;
  /** 32 random bytes, hex: without them nobody can test guesses at a destination against the log. */
  readonly salt: string;
}

type Context = Pick<RequestRecord, "project" | "kind" | "versionId" | "operation">;

export function requestName(hash: string): string {
  return `requests/${hash}`;
}

/** SHA-256 of salt and destination, hex: what the log says of where an export goes. */
export function destinationDigest({
  salt,
  destination,
}: Pick<RequestDetails, "salt" | "destination">): string | undefined {
  return destination === undefined ? undefined : sha256Hex(`${salt}\n${destination}`);
}

/** Seals the details to devices, padded and bound to their request. */
export async function sealDetails(
  recipients: readonly string[],
  context: Context,
  details: RequestDetails,
): Promise<string> {
  const { project, kind, versionId, operation } = context;
  const plain = canonicalBytes({ cloister: DETAILS, project, kind, versionId, operation, ...details });
  return Buffer.from(await encryptTo(recipients, pad(plain))).toString("base64");
}

/** The signed object, and its hash: SHA-256 of the payload. */
export async function signRequest(
  record: RequestRecord,
  identity: Identity,
): Promise<{ readonly bytes: Uint8Array; readonly hash: string }> {
  const payload = canonicalBytes({ v: 1, ...record });
  return { bytes: await signEnvelope(REQUEST_TYPE, payload, identity), hash: sha256Hex(payload) };
}

/** @throws CloisterError INTEGRITY */
export function readRequest(bytes: Uint8Array): {
  readonly record: RequestRecord;
  readonly hash: string;
  readonly envelope: Envelope;
} {
  const what = "request";
  const envelope = parseEnvelope(bytes, REQUEST_TYPE, what, REQUEST_BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, REQUEST_BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const record: RequestRecord = {
    ...contextIn(fields, what),
    domain: fields.string("domain", NAME),
    class: fields.string("class", NAME),
    member: fields.string("member", NAME),
    key: fields.string("key", SHA256),
    intent: fields.integer("intent"),
    policy: fields.integer("policy", 1),
    expiresMs: fields.instant("expiresMs"),
    toStage: optional(fields, "toStage", NAME),
    toClass: optional(fields, "toClass", NAME),
    destination: optional(fields, "destination", SHA256),
    sealed: fields.string("sealed", /^[A-Za-z0-9+/]+={0,2}$/),
  };
  fields.end();
  return { record, hash: sha256Hex(envelope.payload), envelope };
}

/**
 * Opens the details with a device's or the audit key.
 * @returns undefined where they are not sealed to it
 * @throws CloisterError INTEGRITY where they were sealed for another request, or say something else than its clear part
 */
export async function openDetails(ageSecret: string, record: RequestRecord): Promise<RequestDetails | undefined> {
  const what = "sealed part of a request";
  const plain = await decryptWith(ageSecret, Buffer.from(record.sealed, "base64"), what, SEALED_BYTES_MAX);
  if (!plain) return undefined;
  const fields = new Fields(parseCanonical(unpad(Buffer.from(plain), what), what, SEALED_BYTES_MAX), what);
  if (fields.string("cloister") !== DETAILS) throw integrity(`unknown form of the ${what}`);
  const inside = contextIn(fields, what);
  const details: RequestDetails = {
    reference: fields.string("reference"),
    artifact: fields.string("artifact", NAME),
    digest: fields.string("digest", SHA256),
    purpose: optional(fields, "purpose", NAME),
    justification: fields.string("justification"),
    destination: optional(fields, "destination"),
    salt: fields.string("salt", SHA256),
  };
  fields.end();
  const moved = (Object.keys(inside) as readonly (keyof Context)[]).some((key) => inside[key] !== record[key]);
  if (moved || destinationDigest(details) !== record.destination) {
    throw integrity(`the ${what} was exchanged`, { why: "it was sealed for another request" });
  }
  return details;
}

function contextIn(fields: Fields, what: string): Context {
  const kind = fields.string("kind");
  if (!isRequestKind(kind)) throw integrity(`unknown kind of ${what}`, { next: "upgrade cloister" });
  return {
    project: fields.string("project", ID),
    kind,
    versionId: fields.string("versionId", SHA256),
    operation: fields.string("operation", ID),
  };
}

function optional(fields: Fields, key: string, pattern?: RegExp): string | undefined {
  return fields.has(key) ? fields.string(key, pattern) : undefined;
}
