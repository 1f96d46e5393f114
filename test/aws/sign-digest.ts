// ECDSA P-256 over a digest that somebody else computed, which node:crypto does not offer (FIPS 186-5, section 6.4.1).
import { createECDH, type KeyObject } from "node:crypto";

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** DER with r and s as they come: s is high half of the time, as with AWS. */
export function signDigest(key: KeyObject, digest: Buffer): Buffer {
  const d = toNumber(Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url"));
  // A fresh key pair is a random k and its point k·G.
  const once = createECDH("prime256v1");
  const r = toNumber(once.generateKeys().subarray(1, 33)) % ORDER;
  const k = toNumber(once.getPrivateKey());
  const s = (power(k, ORDER - 2n) * (toNumber(digest) + r * d)) % ORDER;
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  const signed = (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(2, signed.length), signed]);
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % ORDER];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % ORDER;
    square = (square * square) % ORDER;
  }
  return result;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}
