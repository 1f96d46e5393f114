// Cuts a stream where its content says so, so that an insertion moves only the cuts around it. Gear hash with min-size
// skip and normalised chunking after FastCDC (Xia et al., USENIX ATC 2016).
import { createHash } from "node:crypto";

/** No chunk is shorter, but the last of a stream. */
const CHUNK_MIN = 8 * 1024;
/** Below this length a cut needs 17 zero bits of the hash, above it 14: about 64 KiB on average. */
const CHUNK_NORMAL = 64 * 1024;
/** No chunk is longer. */
export const CHUNK_MAX = 128 * 1024;
/** A 32-bit gear hash forgets what lies more than 32 bytes back. */
const WINDOW = 32;
const SLAB = 1024 * 1024;

/**
 * 256 numbers, the same for everybody: cuts leak chunk lengths whatever the table is, which is why packs are shuffled
 * instead. Byte order: little-endian.
 */
const GEAR = gearTable();

function gearTable(): Int32Array {
  const bytes = createHash("shake256", { outputLength: 1024 }).update("cloister gear v1").digest();
  return Int32Array.from({ length: 256 }, (_, i) => bytes.readInt32LE(i * 4));
}

/** Where the chunk that starts at `start` ends, at most at `end`. Depends on `bytes[start..start + CHUNK_MAX]` only. */
function cutAfter(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + CHUNK_MAX);
  if (limit - start <= CHUNK_MIN) return limit;
  const normal = Math.min(limit, start + CHUNK_NORMAL);
  let hash = 0;
  let at = start + CHUNK_MIN - WINDOW;
  for (const warm = start + CHUNK_MIN; at < warm; at++)
    hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
  while (at < normal) {
    hash = ((hash << 1) + (GEAR[bytes[at++] as number] as number)) | 0;
    if (hash >>> 15 === 0) return at;
  }
  while (at < limit) {
    hash = ((hash << 1) + (GEAR[bytes[at++] as number] as number)) | 0;
    if (hash >>> 18 === 0) return at;
  }
  return limit;
}

/** Cuts one stream, given in pieces of any length. A chunk it hands out is valid until the next is asked for. */
export class Chunker {
  readonly #slab = Buffer.allocUnsafeSlow(SLAB);
  #filled = 0;

  /** Takes in more of the stream and hands out the chunks that are certain by now. Must be run to its end. */
  *push(piece: Uint8Array): Generator<Buffer, void> {
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + SLAB - this.#filled);
      this.#slab.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === SLAB) yield* this.#cut(CHUNK_MAX);
    }
  }

  /** Ends the stream: hands out the rest. The chunker can then take another stream. */
  *end(): Generator<Buffer, void> {
    yield* this.#cut(1);
  }

  /** Cuts as long as at least `ahead` bytes lie before the end of what is known. */
  *#cut(ahead: number): Generator<Buffer, void> {
    let start = 0;
    while (this.#filled - start >= ahead) {
      const end = cutAfter(this.#slab, start, this.#filled);
      yield this.#slab.subarray(start, end);
      start = end;
    }
    this.#slab.copyWithin(0, start, this.#filled);
    this.#filled -= start;
  }
}
