// One encrypted chunk of content: nonce || ciphertext || tag.
import { createCipheriv, createDecipheriv, createHmac, randomFillSync } from "node:crypto";
import { sha256 } from "../base/digest.ts";
import { CloisterError, integrity } from "../base/errors.ts";

const NONCE = 12;
const TAG = 16;
/** Bytes that sealing adds to a chunk. */
export const CHUNK_OVERHEAD = NONCE + TAG;
/** How the bytes inside a sealed chunk are compressed: not at all. */
export const CODEC_NONE = 0;

/**
 * Seals a chunk into `into` at `at`, where it takes `chunk.length + CHUNK_OVERHEAD` bytes.
 *
 * The key is derived from the chunk's own digest and the push key, so a chunk has one key wherever it is referred to,
 * and nobody derives it without the tree; the nonce is random all the same.
 *
 * @param h SHA-256 of the chunk
 */
export function sealChunk(pushKey: Uint8Array, h: Uint8Array, chunk: Uint8Array, into: Buffer, at: number): void {
  const nonce = into.subarray(at, at + NONCE);
  randomFillSync(nonce);
  const cipher = createCipheriv("aes-256-gcm", chunkKey(pushKey, h), nonce, { authTagLength: TAG });
  cipher.setAAD(chunkContext(CODEC_NONE, chunk.length));
  const body = cipher.update(chunk);
  cipher.final();
  into.set(body, at + NONCE);
  into.set(cipher.getAuthTag(), at + NONCE + body.length);
}

/**
 * Opens a sealed chunk and checks that it is the one with digest `h` (GCM does not commit to its key; this does).
 *
 * @throws CloisterError INTEGRITY where it is not; FAILURE where a newer version compressed it
 */
export function openChunk(
  pushKey: Uint8Array,
  h: Uint8Array,
  codec: number,
  plainBytes: number,
  sealed: Uint8Array,
): Buffer {
  checkCodec(codec);
  if (sealed.length !== plainBytes + CHUNK_OVERHEAD) throw damaged("it has the wrong length");
  const nonce = sealed.subarray(0, NONCE);
  const decipher = createDecipheriv("aes-256-gcm", chunkKey(pushKey, h), nonce, { authTagLength: TAG });
  decipher.setAAD(chunkContext(codec, plainBytes));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  const plain = decipher.update(sealed.subarray(NONCE, sealed.length - TAG));
  try {
    decipher.final();
  } catch (cause) {
    throw damaged("it does not authenticate under its key", cause);
  }
  if (!sha256(plain).equals(h)) throw damaged("its content is not what the tree says");
  return plain;
}

/** @throws CloisterError FAILURE for a codec that this version does not know */
export function checkCodec(codec: number): void {
  if (codec === CODEC_NONE) return;
  throw new CloisterError("FAILURE", "this artifact was written by a newer version of Cloister", {
    why: `its content uses codec ${String(codec)}, which this version cannot read`,
    next: "upgrade Cloister, then try again",
  });
}

/** Of one chunk: whoever has the tree derives it, and nobody else. */
export function chunkKey(pushKey: Uint8Array, h: Uint8Array): Buffer {
  return createHmac("sha256", pushKey).update("cloister chunk v1").update(h).digest();
}

/** What a sealed chunk is bound to. */
export function chunkContext(codec: number, plainBytes: number): Buffer {
  const context = Buffer.from("cloister-chunk@1\0\0\0\0\0", "latin1");
  context.writeUInt8(codec, 16);
  context.writeUInt32BE(plainBytes, 17);
  return context;
}

function damaged(why: string, cause?: unknown): CloisterError {
  return integrity("a chunk in the store is damaged", { why, cause });
}
