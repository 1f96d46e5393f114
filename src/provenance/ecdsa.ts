// ECDSA over P-256 with SHA-256, in the one spelling that is accepted: strict DER, low S.
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { integrity } from "../base/errors.ts";

/** Half the order of P-256 (FIPS 186-4, D.1.2.3), rounded down. */
const HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
/** Two integers of at most 33 bytes, their headers and that of the sequence: every length fits one byte. */
const DER_BYTES_MAX = 72;

/** Reads a public key from SPKI PEM. @throws CloisterError INTEGRITY where it is no P-256 key */
export function p256Key(publicKeyPem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: publicKeyPem, format: "pem" });
  } catch (cause) {
    throw integrity("malformed public key", { why: "it is not SPKI PEM", cause });
  }
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  throw integrity("malformed public key", { why: "it is not an ECDSA P-256 key" });
}

/**
 * Whether `signature` (DER) over `message` is by `key`. A signature with high S is refused even where it would verify:
 * anyone could turn one into the other, and one statement would have two bundles.
 */
export function verifyP256(message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  const s = derS(signature);
  if (s === undefined || s > HALF_ORDER) return false;
  return verify("sha256", message, { key, dsaEncoding: "der" }, signature);
}

/** S of a strictly encoded DER signature (X.690, 8.3 and 10.1), or undefined. */
function derS(der: Uint8Array): bigint | undefined {
  if (der.length > DER_BYTES_MAX || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const r = derInteger(der, 2);
  const s = r && derInteger(der, r.end);
  return s && s.end === der.length ? s.value : undefined;
}

function derInteger(der: Uint8Array, at: number): { readonly value: bigint; readonly end: number } | undefined {
  const length = der[at + 1] ?? 0;
  const bytes = der.subarray(at + 2, at + 2 + length);
  const [first, second] = bytes;
  if (der[at] !== 0x02 || first === undefined || bytes.length !== length || first >= 0x80) return undefined;
  if (first === 0 && (second === undefined || second < 0x80)) return undefined;
  return { value: BigInt(`0x${Buffer.from(bytes).toString("hex")}`), end: at + 2 + length };
}
