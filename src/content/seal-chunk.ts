// One encrypted chunk of content: nonce || ciphertext || tag.
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";
import { sha256 } from "../base/digest.ts";
import { CloisterError, integrity } from "../base/errors.ts";
import { decompress } from "./codec.ts";
import { copyShared } from "./copy-shared.ts";
import { FRAME_MIN } from "./zstd-frame.ts";

const NONCE = 12;
const TAG = 16;
/** Bytes of a SHA-256, and of the blocks that it works on. */
const [H, BLOCK] = [32, 64];
/** Bytes that sealing adds to a chunk. */
export const CHUNK_OVERHEAD = NONCE + TAG;
/** Bytes of content in the longest chunk. */
export const CHUNK_MAX = 256 * 1024;
/** How the bytes inside a sealed chunk are compressed: not at all, */
export const CODEC_NONE = 0;
/** or as one frame of Zstandard (RFC 8878). */
export const CODEC_ZSTD = 1;

/** node:crypto makes a buffer for what each call returns. In larger pieces that costs more than the cipher. */
const SLICE = 64 * 1024;
/** Drawn at once: a draw takes as long for one nonce as for hundreds. */
const NONCES = 256;

/** Seals the chunks of one push. */
export class ChunkSealer {
  readonly #pushKey: Uint8Array;
  #nonces = Buffer.alloc(0);

  /** @param pushKey 32 bytes */
  constructor(pushKey: Uint8Array) {
    this.#pushKey = pushKey;
  }

  /**
   * The key is derived from the chunk's own digest and the push key, so a chunk has one key wherever it is referred to,
   * and nobody derives it without the tree; the nonce is random all the same.
   *
   * @param h SHA-256 of the chunk
   * @param plainBytes bytes of the chunk
   * @param bytes the chunk itself, or what the codec made of it
   * @param into where the sealed chunk goes, from `at` on: `bytes.length + CHUNK_OVERHEAD` bytes
   * @returns where it ends
   */
  seal(h: Uint8Array, codec: number, plainBytes: number, bytes: Uint8Array, into: Buffer, at: number): number {
    const nonce = this.#nonce();
    const cipher = createCipheriv("aes-256-gcm", chunkKey(this.#pushKey, h), nonce, { authTagLength: TAG });
    cipher.setAAD(chunkContext(codec, plainBytes));
    into.set(nonce, at);
    const body = at + NONCE;
    for (let from = 0; from < bytes.length; from += SLICE) {
      copyShared(cipher.update(bytes.subarray(from, from + SLICE)), into, body + from);
    }
    cipher.final();
    into.set(cipher.getAuthTag(), body + bytes.length);
    return body + bytes.length + TAG;
  }

  #nonce(): Buffer {
    if (this.#nonces.length === 0) this.#nonces = randomFillSync(Buffer.allocUnsafeSlow(NONCES * NONCE));
    const nonce = this.#nonces.subarray(0, NONCE);
    this.#nonces = this.#nonces.subarray(NONCE);
    return nonce;
  }
}

/** Whether a sealed chunk of so much content can be so long: a compressed one is shorter than one that is not. */
export function fitsStored(codec: number, plainBytes: number, stored: number): boolean {
  if (plainBytes < 1 || plainBytes > CHUNK_MAX) return false;
  const inside = stored - CHUNK_OVERHEAD;
  return codec === CODEC_NONE ? inside === plainBytes : inside >= FRAME_MIN && inside < plainBytes;
}

/** What the tree says of a chunk. */
export interface ChunkOf {
  /** 32 bytes. */
  readonly pushKey: Uint8Array;
  /** SHA-256 of its content. */
  readonly digest: Uint8Array;
  readonly codec: number;
  /** Bytes of its content. */
  readonly plain: number;
}

/**
 * Opens a sealed chunk: its content goes to `into`, from `at` on.
 *
 * @param check whether the digest is compared (GCM does not commit to its key; this does). Without it the content is only
 * known to come from somebody who has the key: whoever leaves it out compares the digest of the whole file before anything
 * of it is used.
 * @throws CloisterError INTEGRITY where it is not that chunk, and what stands in `into` then means nothing; FAILURE where a
 * newer version compressed it; UNSUPPORTED_HOST where it is compressed and this machine cannot decompress
 */
export function openChunk(chunk: ChunkOf, sealed: Uint8Array, into: Uint8Array, at: number, check: boolean): void {
  const { digest, codec, plain } = chunk;
  checkCodec(codec);
  if (!fitsStored(codec, plain, sealed.length)) throw integrity("it has the wrong length");
  if (codec === CODEC_NONE) decipher(chunk, sealed, into, at);
  else decompressInto(chunk, sealed, into, at);
  if (check && !sha256(into.subarray(at, at + plain)).equals(digest)) {
    throw integrity("its content is not what the tree says");
  }
}

/** @throws CloisterError FAILURE for a codec that this version does not know */
export function checkCodec(codec: number): void {
  if (codec === CODEC_NONE || codec === CODEC_ZSTD) return;
  throw new CloisterError("FAILURE", "this artifact was written by a newer version of Cloister", {
    why: `its content uses codec ${String(codec)}, which this version cannot read`,
    next: "upgrade Cloister, then try again",
  });
}

function decipher({ pushKey, digest, codec, plain }: ChunkOf, sealed: Uint8Array, into: Uint8Array, at: number): void {
  const end = sealed.length - TAG;
  const key = chunkKey(pushKey, digest);
  const opening = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  opening.setAAD(chunkContext(codec, plain));
  opening.setAuthTag(sealed.subarray(end));
  for (let from = NONCE; from < end; from += SLICE) {
    copyShared(opening.update(sealed.subarray(from, Math.min(from + SLICE, end))), into, at + from - NONCE);
  }
  try {
    opening.final();
  } catch (cause) {
    throw integrity("it does not authenticate under its key", { cause });
  }
}

/** A frame on its way from the cipher to the codec; only what authenticated is decompressed. */
let frame: Buffer | undefined;

function decompressInto(chunk: ChunkOf, sealed: Uint8Array, into: Uint8Array, at: number): void {
  frame ??= Buffer.allocUnsafeSlow(CHUNK_MAX);
  decipher(chunk, sealed, frame, 0);
  const content = decompress(frame.subarray(0, sealed.length - CHUNK_OVERHEAD), chunk.plain);
  if (!content) throw integrity("it is not compressed as the tree says");
  copyShared(content, into, at);
}

// Made once and filled in anew for each chunk: all of them are copied by whoever is given them.
const PURPOSE = Buffer.from("cloister chunk v1", "latin1");
const inner = Buffer.concat([Buffer.alloc(BLOCK, 0x36), PURPOSE, Buffer.alloc(H)]);
const outer = Buffer.concat([Buffer.alloc(BLOCK, 0x5c), Buffer.alloc(H)]);
const context = Buffer.from("cloister-chunk@1\0\0\0\0\0", "latin1");

/**
 * Key of one chunk: whoever has the tree derives it, and nobody else. HMAC-SHA256 (RFC 2104), written out as the two digests
 * that it is: an object of node:crypto for each chunk takes a twentieth of a push.
 *
 * @param pushKey 32 bytes
 */
function chunkKey(pushKey: Uint8Array, h: Uint8Array): Buffer {
  if (pushKey.length !== H || h.length !== H) throw new RangeError("a push key and a digest have 32 bytes");
  for (let i = 0; i < H; i++) {
    inner[i] = 0x36 ^ (pushKey[i] as number);
    outer[i] = 0x5c ^ (pushKey[i] as number);
  }
  inner.set(h, BLOCK + PURPOSE.length);
  outer.set(sha256(inner), BLOCK);
  return sha256(outer);
}

/** What a sealed chunk is bound to; the next call writes over it. */
function chunkContext(codec: number, plainBytes: number): Buffer {
  context.writeUInt8(codec, 16);
  context.writeUInt32BE(plainBytes, 17);
  return context;
}
