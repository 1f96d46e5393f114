// ECDSA P-256 with SHA-256 where every signature has one form only: strict DER (X.690) and low S.
import { type KeyObject, sign, verify } from "node:crypto";

/** Order of the P-256 group (FIPS 186-5, SP 800-186). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const SCALAR_BYTES = 32;
/** SEQUENCE of two INTEGERs of at most 33 bytes. */
export const SIGNATURE_BYTES_MAX = 72;

/** Signs; the result is DER with low S (of s and n − s, both of which verify, the smaller). */
export function signLowS(data: Uint8Array, key: KeyObject): Buffer {
  const raw = sign("sha256", data, { key, dsaEncoding: "ieee-p1363" });
  const s = toNumber(raw.subarray(SCALAR_BYTES));
  return encode(toNumber(raw.subarray(0, SCALAR_BYTES)), s > ORDER / 2n ? ORDER - s : s);
}

/** A signature that others made, which may have high S, as the one form that counts; undefined where it is none. */
export function toLowS(signature: Uint8Array): Buffer | undefined {
  const scalars = decode(signature);
  if (!scalars) return undefined;
  const { r, s } = scalars;
  return encode(r, s > ORDER / 2n ? ORDER - s : s);
}

/** True where the signature is strict DER, has low S and verifies. */
export function verifyLowS(data: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  const raw = rawSignature(signature);
  return raw !== undefined && verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, raw);
}

/** `r || s` (IEEE P1363, as JOSE writes it: RFC 7518, 3.4) of a DER signature with low S; undefined for any other. */
export function rawSignature(signature: Uint8Array): Buffer | undefined {
  const scalars = decode(signature);
  if (!scalars || scalars.s > ORDER / 2n) return undefined;
  return Buffer.concat([toScalar(scalars.r), toScalar(scalars.s)]);
}

/** The two numbers of a strict DER signature, or undefined. */
function decode(signature: Uint8Array): { readonly r: bigint; readonly s: bigint } | undefined {
  if (signature.length > SIGNATURE_BYTES_MAX) return undefined;
  const rBytes = signature[3] ?? 0;
  const sBytes = signature[5 + rBytes] ?? 0;
  const r = toNumber(signature.subarray(4, 4 + rBytes));
  const s = toNumber(signature.subarray(6 + rBytes, 6 + rBytes + sBytes));
  if (r === 0n || r >= ORDER || s === 0n || s >= ORDER) return undefined;
  // Whatever does not come out again byte for byte was not DER.
  if (!encode(r, s).equals(signature)) return undefined;
  return { r, s };
}

function encode(r: bigint, s: bigint): Buffer {
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function integer(value: bigint): Buffer {
  const scalar = toScalar(value);
  const start = scalar.findIndex((byte) => byte !== 0);
  const bytes = scalar.subarray(start < 0 ? SCALAR_BYTES - 1 : start);
  const sign = (bytes[0] ?? 0) & 0x80 ? [0] : [];
  return Buffer.from([0x02, bytes.length + sign.length, ...sign, ...bytes]);
}

function toScalar(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * SCALAR_BYTES, "0"), "hex");
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);
}
