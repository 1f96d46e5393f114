// What a push notes of each pack that the store has acknowledged, to find its chunks again after an interruption.
import type { PackRef } from "../pack.ts";
import type { SharedChunks } from "./shared-chunks.ts";

/** A pack that the store has acknowledged, and what lies in it, all sealed with the push key of one push. */
export interface PackRecord extends PackRef {
  /** Rows of 45 bytes: SHA-256 of the content (32), offset, stored length, length (4 each, big-endian), codec (1). */
  readonly chunks: Uint8Array;
}

export interface RecordedChunk {
  readonly h: Uint8Array;
  readonly offset: number;
  readonly stored: number;
  readonly plain: number;
  readonly codec: number;
}

const ROW_BYTES = 45;

export function recordOf({ id, bytes }: PackRef, chunks: SharedChunks, rows: readonly number[]): PackRecord {
  const all = Buffer.alloc(rows.length * ROW_BYTES);
  for (const [i, row] of rows.entries()) {
    const { offset, stored, plain, codec } = chunks.place(row);
    const at = i * ROW_BYTES;
    all.set(chunks.digest(row), at);
    all.writeUInt32BE(offset, at + 32);
    all.writeUInt32BE(stored, at + 36);
    all.writeUInt32BE(plain, at + 40);
    all.writeUInt8(codec, at + 44);
  }
  return { id, bytes, chunks: all };
}

export function* chunksOf({ chunks }: PackRecord): Iterable<RecordedChunk> {
  const all = Buffer.from(chunks.buffer, chunks.byteOffset, chunks.length);
  for (let at = 0; at + ROW_BYTES <= all.length; at += ROW_BYTES) {
    yield {
      h: all.subarray(at, at + 32),
      offset: all.readUInt32BE(at + 32),
      stored: all.readUInt32BE(at + 36),
      plain: all.readUInt32BE(at + 40),
      codec: all.readUInt8(at + 44),
    };
  }
}
