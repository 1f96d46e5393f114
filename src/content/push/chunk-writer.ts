// What becomes of a chunk once it is cut: digested, looked up and, where it is new, compressed and sealed.
import { sha256 } from "../../base/digest.ts";
import { compress } from "../codec.ts";
import { CHUNK_OVERHEAD, ChunkSealer, CODEC_NONE, CODEC_ZSTD } from "../seal-chunk.ts";
import type { PushResult, PushSetup, SealedSection } from "./job.ts";
import { Section } from "./section.ts";
import { SharedChunks } from "./shared-chunks.ts";

/** Content that did not gain is looked at again after as much. */
const SAMPLE_EVERY = 16 * 1024 * 1024;
const SAMPLE_BYTES = 16 * 1024;

/** Takes the chunks of one job after the other. */
export class ChunkWriter {
  readonly #chunks: SharedChunks;
  readonly #section: Section;
  readonly #gainLeast: number;
  /** Whether the content gained so far; undefined where a sample has to tell. */
  #gains: boolean | undefined;
  #sinceSample = 0;
  #ranges: number[] = [];
  #bytes = 0;
  #bytesNew = 0;

  constructor({ chunks, pushKey, sections, gainLeast }: PushSetup) {
    this.#chunks = SharedChunks.open(chunks);
    this.#section = new Section(new ChunkSealer(pushKey), sections);
    this.#gainLeast = gainLeast;
  }

  /** Begins with other content; drops what an interrupted job left. */
  begin(): void {
    this.#section.clear();
    this.#ranges = [];
    this.#bytes = 0;
    this.#bytesNew = 0;
    this.#gains = undefined;
  }

  /** A section, where the chunk completed one. The chunk has to stay where it is until then, or until {@link keep}. */
  add(chunk: Uint8Array): SealedSection | undefined {
    const h = sha256(chunk);
    const plain = chunk.length;
    const claimed = this.#chunks.claim(h, plain);
    this.#bytes += plain;
    this.#append(claimed < 0 ? ~claimed : claimed);
    if (claimed < 0) return undefined;
    this.#bytesNew += plain;
    const frame = this.#gaining(chunk) ? compress(chunk) : undefined;
    if (this.#gains && plain < this.#gainLeast * (frame?.length ?? plain)) this.#gains = undefined;
    const codec = frame ? CODEC_ZSTD : CODEC_NONE;
    const bytes = frame ? Buffer.from(frame) : chunk;
    this.#chunks.sealed(claimed, bytes.length + CHUNK_OVERHEAD, codec);
    return this.#section.add({ row: claimed, h, codec, plain, bytes });
  }

  /** The memory of the chunks is going to be used for other things. */
  keep(): void {
    this.#section.keep();
  }

  /** The last section, where there is one; to be asked for before {@link end}. */
  close(): SealedSection | undefined {
    return this.#section.close();
  }

  /** What was added since the beginning. */
  end(): Omit<PushResult, "digests"> {
    return { ranges: Uint32Array.from(this.#ranges), bytes: this.#bytes, bytesNew: this.#bytesNew };
  }

  #append(row: number): void {
    const ranges = this.#ranges;
    const last = ranges.length - 1;
    if (last > 0 && (ranges[last - 1] ?? 0) + (ranges[last] ?? 0) === row) ranges[last] = (ranges[last] ?? 0) + 1;
    else ranges.push(row, 1);
  }

  /** Whether compressing this chunk is worth it, by a sample of it where it is not known. */
  #gaining(chunk: Uint8Array): boolean {
    if (this.#gainLeast === 0) return false;
    this.#sinceSample += chunk.length;
    if (this.#gains === undefined || (!this.#gains && this.#sinceSample >= SAMPLE_EVERY)) {
      const from = Math.max(0, (chunk.length - SAMPLE_BYTES) >>> 1);
      const sample = chunk.subarray(from, from + SAMPLE_BYTES);
      this.#gains = sample.length >= this.#gainLeast * (compress(sample)?.length ?? sample.length);
      this.#sinceSample = 0;
    }
    return this.#gains;
  }
}
