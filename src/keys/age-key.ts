// age X25519 keys as text (https://age-encryption.org/v1), without loading the age library.
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, randomBytes } from "node:crypto";
import { integrity } from "../base/errors.ts";
import { decodeBech32, encodeBech32 } from "./bech32.ts";

const RECIPIENT_PREFIX = "age";
/** age writes secret keys in upper case; Bech32 checksums are over the lower-case form. */
const SECRET_PREFIX = "age-secret-key-";
/** DER of PKCS #8 and of SubjectPublicKeyInfo up to the 32 key bytes (RFC 8410, sections 7 and 4). */
const PKCS8_START = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_START = Buffer.from("302a300506032b656e032100", "hex");
/** 2^255 − 19 */
const FIELD = (1n << 255n) - 19n;

/** A new secret key, `AGE-SECRET-KEY-1…`. */
export function generateAge(): string {
  return encodeBech32(SECRET_PREFIX, randomBytes(32)).toUpperCase();
}

/** Whether the text is a secret key in the one form age writes. */
export function isSecret(text: string): boolean {
  return secretBytes(text) !== undefined;
}

/** The recipient `age1…` of a secret key. @throws {@link CloisterError} INTEGRITY where it is no age X25519 key */
export function recipientOf(secret: string): string {
  const scalar = secretBytes(secret);
  if (!scalar) throw integrity("malformed age key", { why: "it is no AGE-SECRET-KEY-1 line" });
  const spki = createPublicKey(privateKey(scalar)).export({ format: "der", type: "spki" });
  return encodeBech32(RECIPIENT_PREFIX, spki.subarray(SPKI_START.length));
}

/** Any will do to find points of small order. */
let someKey: KeyObject | undefined;

/** Whether the text is a recipient one can encrypt to, in the one way to write it, and not of small order. */
export function isRecipient(text: string): boolean {
  const point = decodeBech32(RECIPIENT_PREFIX, text);
  // X25519 ignores the top bit and reduces the rest (RFC 7748, section 5): other forms would name one key twice.
  if (!point || littleEndian(point) >= FIELD) return false;
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_START, point]), format: "der", type: "spki" });
  try {
    // Points of small order give an all-zero secret with any key, which OpenSSL refuses (RFC 7748, section 6.1).
    someKey ??= privateKey(Buffer.alloc(32, 1));
    diffieHellman({ privateKey: someKey, publicKey });
    return true;
  } catch {
    return false;
  }
}

/**
 * The X25519 secret that two age keys have in common.
 * @throws {@link CloisterError} INTEGRITY where one of them is no age X25519 key
 */
export function commonSecret(secret: string, recipient: string): Buffer {
  const scalar = secretBytes(secret);
  const point = isRecipient(recipient) ? decodeBech32(RECIPIENT_PREFIX, recipient) : undefined;
  if (!scalar || !point) throw integrity("malformed age key");
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_START, point]), format: "der", type: "spki" });
  return diffieHellman({ privateKey: privateKey(scalar), publicKey });
}

function privateKey(scalar: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_START, scalar]), format: "der", type: "pkcs8" });
}

function secretBytes(text: string): Buffer | undefined {
  return text === text.toUpperCase() ? decodeBech32(SECRET_PREFIX, text.toLowerCase()) : undefined;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}
