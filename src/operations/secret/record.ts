// The secret record: one signed object that holds one value of a secret, sealed (docs/store-format.md, Secrets).
import { sha256Hex } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { pad, unpad } from "../../content/padding.ts";
import { decryptWith, encryptTo } from "../../keys/age.ts";
import { type Envelope, parseEnvelope, signEnvelope } from "../../keys/dsse.ts";
import type { Identity } from "../../keys/identity.ts";

const SECRET_TYPE = "application/vnd.cloister.secret.v1+json";
/** Room for a value of {@link VALUE_BYTES_MAX} in base64, three times over. */
export const SECRET_BYTES_MAX = 256 * 1024;
/** The longest value. Certificates and service-account files fit many times. */
export const VALUE_BYTES_MAX = 64 * 1024;
const PART_BYTES_MAX = 128 * 1024;

/** What a value is of, and where it lies. It stands inside each sealed part, too, so that a part moved is noticed. */
export interface SecretContext {
  /** Project id. */
  readonly project: string;
  readonly domain: string;
  readonly class: string;
  readonly epoch: number;
  readonly secretId: string;
  /** Counts the values of one secret: 1, 2, … */
  readonly number: number;
  /** Id of the operation that set it. */
  readonly operation: string;
}

export interface SecretRecord extends SecretContext {
  /** Log entry of the intent. */
  readonly intent: number;
  /** Policy version in force there. */
  readonly policy: number;
  /** age files to the class, base64. */
  readonly metadata: string;
  readonly value: string;
}

/** What readers are told of a value without opening it. */
export interface SecretMetadata {
  readonly name: string;
  /** Environment variable that programs expect it in. */
  readonly env: string | undefined;
  readonly note: string | undefined;
  readonly purpose: string | undefined;
  readonly justification: string | undefined;
}

/**
 * Numbers are padded as those of versions are, and the digest is part of the name for the same reason: whoever can write
 * to the store cannot take the name of the next value with junk.
 */
export function secretName(
  secret: Pick<SecretContext, "domain" | "class" | "secretId" | "number">,
  digest: string,
): string {
  const { domain, class: klass, secretId, number } = secret;
  return `${secretPrefix(domain, klass, secretId)}${String(number).padStart(8, "0")}-${digest}`;
}

/** Where all values of a secret in one class lie. */
export function secretPrefix(domain: string, klass: string, secretId: string): string {
  return `secrets/${domain}/${klass}/${secretId}/`;
}

/** Seals metadata and value to the class, each by itself: a listing opens no value. Needs no right to read. */
export async function sealSecret(
  recipient: string,
  context: SecretContext,
  metadata: SecretMetadata,
  value: Uint8Array,
): Promise<Pick<SecretRecord, "metadata" | "value">> {
  const seal = async (part: PartName, content: { readonly [key: string]: Json | undefined }) =>
    Buffer.from(await encryptTo([recipient], pad(plainText(part, context, content)))).toString("base64");
  return {
    metadata: await seal("metadata", { ...metadata }),
    value: await seal("value", { value: Buffer.from(value).toString("base64url") }),
  };
}

/** The signed record, and its digest: SHA-256 of the payload, which the log names. */
export async function signSecret(
  record: SecretRecord,
  identity: Identity,
): Promise<{ bytes: Uint8Array; digest: string }> {
  const payload = canonicalBytes({ v: 1, ...record });
  return { bytes: await signEnvelope(SECRET_TYPE, payload, identity), digest: sha256Hex(payload) };
}

/** @throws CloisterError INTEGRITY */
export function readSecret(bytes: Uint8Array): { record: SecretRecord; digest: string; envelope: Envelope } {
  const what = "secret record";
  const envelope = parseEnvelope(bytes, SECRET_TYPE, what, SECRET_BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, SECRET_BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const record: SecretRecord = {
    ...contextIn(fields),
    intent: fields.integer("intent"),
    policy: fields.integer("policy", 1),
    metadata: fields.string("metadata", BASE64),
    value: fields.string("value", BASE64),
  };
  fields.end();
  return { record, digest: sha256Hex(envelope.payload), envelope };
}

/** Opens the metadata. @throws CloisterError INTEGRITY, also where it was sealed for another value or place */
export async function openMetadata(classSecret: string, record: SecretRecord): Promise<SecretMetadata> {
  const fields = await openPart(classSecret, record, "metadata");
  const optional = (key: string) => (fields.has(key) ? fields.string(key) : undefined);
  const metadata = {
    name: fields.string("name", NAME),
    env: fields.has("env") ? fields.string("env", VARIABLE) : undefined,
    note: optional("note"),
    purpose: optional("purpose"),
    justification: optional("justification"),
  };
  fields.end();
  return metadata;
}

/** Opens the value. @throws CloisterError INTEGRITY, also where it was sealed for another value or place */
export async function openValue(classSecret: string, record: SecretRecord): Promise<Buffer> {
  const fields = await openPart(classSecret, record, "value");
  const text = fields.string("value");
  const value = Buffer.from(text, "base64url");
  if (value.toString("base64url") !== text || value.length < 1 || value.length > VALUE_BYTES_MAX) {
    throw integrity("malformed value of a secret");
  }
  fields.end();
  return value;
}

/** What can be the name of an environment variable. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
type PartName = "metadata" | "value";

async function openPart(classSecret: string, record: SecretRecord, part: PartName): Promise<Fields> {
  const what = `${part} of a secret`;
  const sealed = Buffer.from(record[part], "base64");
  const plain = await decryptWith(classSecret, sealed, what, PART_BYTES_MAX);
  if (!plain) throw integrity(`the ${what} is damaged`, { why: "it is not sealed to the key of its class" });
  const fields = new Fields(parseCanonical(unpad(Buffer.from(plain), what), what, PART_BYTES_MAX), what);
  if (fields.string("cloister") !== formatOf(part)) throw integrity(`unknown form of the ${what}`);
  const inside = contextIn(fields);
  const keys = Object.keys(inside) as readonly (keyof SecretContext)[];
  if (keys.every((key) => inside[key] === record[key])) return fields;
  throw integrity(`the ${what} was exchanged`, { why: "it was sealed for another value, secret or place" });
}

function plainText(
  part: PartName,
  context: SecretContext,
  content: { readonly [key: string]: Json | undefined },
): Uint8Array {
  const { project, domain, class: klass, epoch, secretId, number, operation } = context;
  const place = { project, domain, class: klass, epoch, secretId, number, operation };
  return canonicalBytes({ cloister: formatOf(part), ...place, ...content });
}

function formatOf(part: PartName): string {
  return `secret-${part}@1`;
}

function contextIn(fields: Fields): SecretContext {
  return {
    project: fields.string("project", ID),
    domain: fields.string("domain"),
    class: fields.string("class"),
    epoch: fields.integer("epoch", 1),
    secretId: fields.string("secretId", SHA256),
    number: fields.integer("number", 1),
    operation: fields.string("operation", ID),
  };
}
