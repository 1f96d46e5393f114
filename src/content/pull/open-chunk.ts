// Opens a sealed chunk into memory that is there already.
import { createDecipheriv } from "node:crypto";
import { sha256 } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { copyShared } from "../copy-shared.ts";
import { CHUNK_OVERHEAD, CODEC_NONE, chunkContext, chunkKey, openChunk } from "../seal-chunk.ts";

/** Larger pieces spend their time in allocating what comes out. */
const SLICE_BYTES = 64 * 1024;
const NONCE = 12;
const TAG = 16;

/** What the tree says of a chunk. */
export interface ChunkOf {
  readonly pushKey: Uint8Array;
  /** SHA-256 of its content. */
  readonly digest: Uint8Array;
  readonly codec: number;
  /** Bytes of its content. */
  readonly plain: number;
}

/**
 * As `openChunk`, but writes the content to `into` at `at`.
 *
 * @param check whether the digest is compared. Without it the content is only known to come from somebody who has the key:
 * whoever leaves it out compares the digest of the whole file before anything of it is used.
 * @throws CloisterError INTEGRITY; what stands in `into` then means nothing
 */
export function openChunkInto(chunk: ChunkOf, sealed: Uint8Array, into: Uint8Array, at: number, check: boolean): void {
  const { pushKey, digest, codec, plain } = chunk;
  if (codec !== CODEC_NONE) {
    copyShared(openChunk(pushKey, digest, codec, plain, sealed), into, at);
    return;
  }
  if (sealed.length !== plain + CHUNK_OVERHEAD) throw integrity("it has the wrong length");
  const end = sealed.length - TAG;
  const key = chunkKey(pushKey, digest);
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(chunkContext(codec, plain));
  decipher.setAuthTag(sealed.subarray(end));
  for (let from = NONCE; from < end; from += SLICE_BYTES) {
    copyShared(decipher.update(sealed.subarray(from, Math.min(from + SLICE_BYTES, end))), into, at + from - NONCE);
  }
  try {
    decipher.final();
  } catch (cause) {
    throw integrity("it does not authenticate under its key", { cause });
  }
  if (check && !sha256(into.subarray(at, at + plain)).equals(digest)) {
    throw integrity("its content is not what the tree says");
  }
}
