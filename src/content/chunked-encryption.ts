// C2SP chunked-encryption (https://c2sp.org/chunked-encryption) as "Cobblestone-256": HKDF-Expand with SHA-512 and
// AES-256-GCM. Key-committing; the context is bound into the key derivation.
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const CHUNK = 16_384;
const TAG = 16;
const SALT = 24;
const COMMITMENT = 32;
const HEADER = SALT + COMMITMENT;
const INFO = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/**
 * Encrypts a message held in memory.
 *
 * @param key 32 uniformly random bytes
 * @param salt random; only tests give it
 */
export function sealChunked(key: Uint8Array, context: Uint8Array, plain: Uint8Array, salt = randomBytes(SALT)): Buffer {
  const { aeadKey, baseNonce, commitment } = derive(key, salt, context);
  const chunks = Math.floor(plain.length / CHUNK) + 1;
  const sealed = Buffer.allocUnsafe(HEADER + plain.length + chunks * TAG);
  sealed.set(salt, 0);
  sealed.set(commitment, SALT);
  let at = HEADER;
  // The last chunk is always shorter than the others, and may be empty: that is how truncation shows.
  for (let i = 0; i < chunks; i++) {
    const cipher = createCipheriv("aes-256-gcm", aeadKey, nonce(baseNonce, i), { authTagLength: TAG });
    const body = cipher.update(plain.subarray(i * CHUNK, (i + 1) * CHUNK));
    cipher.final();
    sealed.set(body, at);
    sealed.set(cipher.getAuthTag(), at + body.length);
    at += body.length + TAG;
  }
  return sealed;
}

/** The message, or undefined where anything about the bytes, the key or the context is not as it was sealed. */
export function openChunked(key: Uint8Array, context: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < HEADER + TAG) return undefined;
  const { aeadKey, baseNonce, commitment } = derive(key, sealed.subarray(0, SALT), context);
  if (!timingSafeEqual(commitment, sealed.subarray(SALT, HEADER))) return undefined;
  const body = sealed.subarray(HEADER);
  const chunks = Math.floor(body.length / (CHUNK + TAG)) + 1;
  const lastBytes = body.length % (CHUNK + TAG);
  if (lastBytes < TAG) return undefined;
  const plain = Buffer.allocUnsafe(body.length - chunks * TAG);
  for (let i = 0; i < chunks; i++) {
    const chunk = body.subarray(i * (CHUNK + TAG), (i + 1) * (CHUNK + TAG));
    const decipher = createDecipheriv("aes-256-gcm", aeadKey, nonce(baseNonce, i), { authTagLength: TAG });
    decipher.setAuthTag(chunk.subarray(chunk.length - TAG));
    plain.set(decipher.update(chunk.subarray(0, chunk.length - TAG)), i * CHUNK);
    try {
      decipher.final();
    } catch {
      return undefined;
    }
  }
  return plain;
}

function derive(key: Uint8Array, salt: Uint8Array, context: Uint8Array) {
  if (key.length !== 32) throw new TypeError("the input key must have 32 bytes");
  const info = Buffer.concat([Buffer.from(INFO, "latin1"), salt, context]);
  // RFC 5869, section 2.3: two blocks of SHA-512 hold the 76 bytes needed.
  const first = createHmac("sha512", key).update(info).update(Buffer.of(1)).digest();
  const second = createHmac("sha512", key).update(first).update(info).update(Buffer.of(2)).digest();
  const okm = Buffer.concat([first, second]);
  return { aeadKey: okm.subarray(0, 32), baseNonce: okm.subarray(32, 44), commitment: okm.subarray(44, 76) };
}

/** Base nonce XOR chunk number; below 2^32 chunks (64 TiB), far over what fits in memory. */
function nonce(base: Buffer, chunk: number): Buffer {
  const bytes = Buffer.from(base);
  bytes.writeUInt32BE((bytes.readUInt32BE(8) ^ chunk) >>> 0, 8);
  return bytes;
}
