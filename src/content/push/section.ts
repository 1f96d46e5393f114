// New chunks that will lie together in a pack, in random order.
import { randomInt } from "node:crypto";
import { CHUNK_MAX, CHUNK_OVERHEAD, type ChunkSealer } from "../seal-chunk.ts";
import type { SealedSection } from "./job.ts";

/** A section is closed by the chunk that takes it to as much: reading in order then needs few ranges. */
const SECTION_BYTES = 1024 * 1024;
const BUFFER_BYTES = SECTION_BYTES + CHUNK_MAX + CHUNK_OVERHEAD;

export interface NewChunk {
  readonly row: number;
  /** SHA-256 of the content. */
  readonly h: Uint8Array;
  readonly codec: number;
  /** Bytes of content. */
  readonly plain: number;
  /** The content, or what the codec made of it. */
  readonly bytes: Uint8Array;
}

/**
 * Collects chunks, and seals them once it is known in which order: right into buffers that are used in turn and that other
 * threads can read. To seal first and lay them in order afterwards took a seventh more time.
 */
export class Section {
  readonly #sealer: ChunkSealer;
  readonly #buffers: (Buffer | undefined)[];
  #turn = 0;
  #chunks: NewChunk[] = [];
  #bytes = 0;
  /** Chunks before this one have their bytes to themselves. */
  #kept = 0;

  constructor(sealer: ChunkSealer, buffers: number) {
    this.#sealer = sealer;
    this.#buffers = Array.from({ length: buffers }, () => undefined);
  }

  /** The chunk's bytes must stay what they are until the section is closed, or {@link keep} is called. */
  add(chunk: NewChunk): SealedSection | undefined {
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes.length + CHUNK_OVERHEAD;
    return this.#bytes >= SECTION_BYTES ? this.close() : undefined;
  }

  /** From now on the bytes of chunks that were added may change. */
  keep(): void {
    for (; this.#kept < this.#chunks.length; this.#kept++) {
      const chunk = this.#chunks[this.#kept] as NewChunk;
      this.#chunks[this.#kept] = { ...chunk, bytes: Buffer.from(chunk.bytes) };
    }
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#kept = 0;
  }

  /** What was collected, if anything. Runs of chunk lengths identify known content: hence the random order. */
  close(): SealedSection | undefined {
    const chunks = this.#chunks;
    if (chunks.length === 0) return undefined;
    this.clear();
    shuffle(chunks);
    const buffer = this.#next();
    let at = 0;
    for (const { h, codec, plain, bytes } of chunks) at = this.#sealer.seal(h, codec, plain, bytes, buffer, at);
    return { bytes: buffer.subarray(0, at), rows: Uint32Array.from(chunks, ({ row }) => row) };
  }

  #next(): Buffer {
    const turn = this.#turn++ % this.#buffers.length;
    const buffer = this.#buffers[turn] ?? Buffer.from(new SharedArrayBuffer(BUFFER_BYTES));
    this.#buffers[turn] = buffer;
    return buffer;
  }
}

/** Fisher and Yates. */
function shuffle<T>(list: T[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
}
