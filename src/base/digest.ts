import { createHash, hash as digest } from "node:crypto";

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return digest("sha256", only, "buffer");
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 in lower-case hex. */
export function sha256Hex(...parts: readonly (Uint8Array | string)[]): string {
  return sha256(...parts).toString("hex");
}

/** Code units from here on are those of surrogate pairs, or sort differently beside such pairs. */
const SURROGATES_UP = /[\ud800-\uffff]/;

/** Orders strings by their UTF-8 bytes, as `LC_ALL=C sort` does; JavaScript's own order is by UTF-16 units. */
export function byUtf8(a: string, b: string): number {
  if (!SURROGATES_UP.test(a) || !SURROGATES_UP.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}
