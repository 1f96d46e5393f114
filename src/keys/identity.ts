// Who signs and who reads: one ECDSA P-256 key and one age X25519 key per device. Only node:crypto is loaded here.
import { createECDH, createPrivateKey, createPublicKey, ECDH, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { sha256, sha256Hex } from "../base/digest.ts";
import { integrity } from "../base/errors.ts";
import { canonicalJson, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import { generateAge, isRecipient, isSecret, recipientOf } from "./age-key.ts";
import { signLowS } from "./ecdsa.ts";

/** The public halves, as they stand in a policy. */
export interface PublicIdentity {
  /** `p256:` and base64url of the 33-byte compressed point (SEC 1, 2.3.3). */
  readonly signs: string;
  /** An age X25519 recipient, `age1…`. */
  readonly reads: string;
}

/** An unlocked identity, here or (its signing half) in KMS. Its secrets show neither in `util.inspect` nor in `JSON.stringify`. */
export interface Identity extends PublicIdentity {
  /**
   * ECDSA P-256 with SHA-256 over `data`, DER, low S. Callers sign DSSE envelopes and tokens, never raw bytes. A promise,
   * because the signing half need not be on this device.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /** `AGE-SECRET-KEY-1…` */
  readonly ageSecret: string;
}

const CURVE = "prime256v1";
const SIGNS = /^p256:[A-Za-z0-9_-]{44}$/;
const FORMAT = "identity@1";
const DOCUMENT_BYTES_MAX = 4096;
/** Far more members than a policy names; a bound only so that nothing grows without end. */
const CACHED_KEYS_MAX = 4096;

class DeviceIdentity implements Identity {
  readonly signs: string;
  readonly reads: string;
  readonly #key: KeyObject;
  readonly #ageSecret: string;

  constructor(key: KeyObject, ageSecret: string) {
    this.#key = key;
    this.#ageSecret = ageSecret;
    this.signs = signsOf(createPublicKey(key));
    this.reads = recipientOf(ageSecret);
  }

  get ageSecret(): string {
    return this.#ageSecret;
  }

  async sign(data: Uint8Array): Promise<Uint8Array> {
    return signLowS(data, this.#key);
  }

  document(): string {
    const signing = this.#key.export({ format: "jwk" }).d ?? "";
    return canonicalJson({ cloister: FORMAT, reading: this.#ageSecret, signing });
  }
}

/** A new identity from the system's random source. */
export async function generateIdentity(): Promise<Identity> {
  const { privateKey } = await promisify(generateKeyPair)("ec", { namedCurve: CURVE });
  return new DeviceIdentity(privateKey, generateAge());
}

/** The secret document of an identity: canonical JSON, about 180 bytes. It belongs in a keychain or under a passphrase. */
export function serialiseIdentity(identity: Identity): string {
  if (!(identity instanceof DeviceIdentity)) throw new TypeError("not an identity of this device");
  return identity.document();
}

/** Reads a secret document again. @throws {@link CloisterError} INTEGRITY; the text never shows in the error */
export function parseIdentity(document: string): Identity {
  const fields = readDocument(document);
  const ageSecret = fields.string("reading");
  const signing = fields.string("signing", /^[A-Za-z0-9_-]{43}$/);
  fields.end();
  if (!isSecret(ageSecret)) throw integrity("malformed identity", { why: "its reading key is no age key" });
  return new DeviceIdentity(signingKey(signing), ageSecret);
}

function readDocument(document: string): Fields {
  try {
    const bytes = Buffer.from(document, "utf8");
    const fields = new Fields(parseCanonical(bytes, "identity", DOCUMENT_BYTES_MAX), "identity");
    fields.string("cloister", /^identity@1$/);
    return fields;
  } catch {
    // Without its cause: a JSON error quotes the text around the mistake, which is secret.
    throw integrity("malformed identity", { why: "it is no identity document of this version" });
  }
}

/** Builds the key from its scalar alone, so that both halves cannot disagree. */
function signingKey(d: string): KeyObject {
  try {
    const ecdh = createECDH(CURVE);
    ecdh.setPrivateKey(d, "base64url");
    return createPrivateKey({ key: { ...jwkOfPoint(ecdh.getPublicKey()), d }, format: "jwk" });
  } catch {
    throw integrity("malformed identity", { why: "its signing key is no P-256 key" });
  }
}

function jwkOfPoint(point: Buffer): { kty: string; crv: string; x: string; y: string } {
  const [x, y] = [point.subarray(1, 33), point.subarray(33)];
  return { kty: "EC", crv: "P-256", x: x.toString("base64url"), y: y.toString("base64url") };
}

/** A P-256 public key as it stands in a policy. */
export function signsOf(key: KeyObject): string {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const compressed = ECDH.convertKey(point, CURVE, undefined, undefined, "compressed") as Buffer;
  return `p256:${compressed.toString("base64url")}`;
}

const cached = new Map<string, { readonly key: KeyObject; readonly pem: string; readonly keyId: string }>();

function verifyingKey(signs: string): { readonly key: KeyObject; readonly pem: string; readonly keyId: string } {
  const known = cached.get(signs);
  if (known) return known;
  const key = readSigns(signs);
  if (!key) throw integrity("a signing key is malformed", { why: "it is no point on P-256" });
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  const made = { key, pem, keyId: sha256Hex(pem) };
  if (cached.size >= CACHED_KEYS_MAX) cached.clear();
  cached.set(signs, made);
  return made;
}

function readSigns(signs: string): KeyObject | undefined {
  if (!SIGNS.test(signs)) return undefined;
  try {
    const compressed = Buffer.from(signs.slice("p256:".length), "base64url");
    // Other SEC 1 forms of 33 bytes do not exist; OpenSSL checks that the point is on the curve and x below p.
    const point = ECDH.convertKey(compressed, CURVE, undefined, undefined, "uncompressed") as Buffer;
    return createPublicKey({ key: jwkOfPoint(point), format: "jwk" });
  } catch {
    return undefined;
  }
}

/** The key to verify with. @throws {@link CloisterError} INTEGRITY where it is no P-256 key */
export function publicKeyOf(signs: string): KeyObject {
  return verifyingKey(signs).key;
}

/** SubjectPublicKeyInfo as PEM with a trailing newline (RFC 7468). @throws {@link CloisterError} INTEGRITY */
export function publicKeyPem(signs: string): string {
  return verifyingKey(signs).pem;
}

/**
 * Hex SHA-256 of {@link publicKeyPem}: the DSSE `keyid`, and the `hint` by which model_signing finds a key in a sigstore
 * bundle. @throws {@link CloisterError} INTEGRITY
 */
export function keyIdOf(signs: string): string {
  return verifyingKey(signs).keyId;
}

/** Whether the text is a signing key: `p256:` and a compressed point that lies on the curve. */
export function checkSigns(text: string): boolean {
  return readSigns(text) !== undefined;
}

/** Whether the text is an age X25519 recipient that one can encrypt to: Bech32, canonical, and not of small order. */
export function checkReads(text: string): boolean {
  return isRecipient(text);
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const FINGERPRINT_CHARS = 24;

/**
 * Six groups of four letters and digits (RFC 4648 base32), to be compared by voice: the first 120 bits of
 * SHA-256(signs, newline, reads).
 */
export function fingerprint(id: PublicIdentity): string {
  const digest = sha256(id.signs, "\n", id.reads);
  const bits = BigInt(`0x${digest.subarray(0, (FINGERPRINT_CHARS * 5) / 8).toString("hex")}`);
  const chars = Array.from({ length: FINGERPRINT_CHARS }, (_, i) => {
    return BASE32[Number((bits >> BigInt(5 * (FINGERPRINT_CHARS - 1 - i))) & 31n)];
  });
  return (chars.join("").match(/.{4}/g) ?? []).join("-");
}

/** Names a device in the store: the first 32 hex digits of SHA-256 of its recipient. */
export function deviceIdOf(reads: string): string {
  return sha256Hex(reads).slice(0, 32);
}
