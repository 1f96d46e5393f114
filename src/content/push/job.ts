// What the pushing side asks of its workers, and what they hand back. All of it can be sent to a thread.
import type { LocalFile } from "../../base/file-entry.ts";
import type { SharedChunks } from "./shared-chunks.ts";

export interface PushSetup {
  /** All chunks of this push and those known from before; shared by all workers. */
  readonly chunks: ReturnType<SharedChunks["shared"]>;
  /** 32 bytes. */
  readonly pushKey: Uint8Array;
  /** Compress what gains at least this factor on a sample; 0 compresses nothing. */
  readonly gainLeast: number;
  /** Number of section buffers that a worker fills in turn: `itemsAhead + 1`. */
  readonly sections: number;
}

export type PushJob =
  /** A part of a large file, cut by its content or, where `cuts` says so, there. Yields {@link SealedSection}s. */
  | {
      readonly kind: "part";
      readonly file: LocalFile;
      readonly from: number;
      readonly to: number;
      /** Ends of pieces (of a safetensors file), ascending, the last is `to`: each is cut at fixed lengths from its start. */
      readonly cuts: Float64Array | undefined;
    }
  /** Whole small files, one after the other, as one stream. Yields {@link SealedSection}s. */
  | { readonly kind: "batch"; readonly files: readonly LocalFile[] }
  /** A part of a stream that was read already. Yields {@link SealedSection}s. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Goes on with the SHA-256 of a file, which one worker computes in order from 0 to the end. */
  | { readonly kind: "digest"; readonly file: LocalFile; readonly from: number; readonly to: number };

/** About 1 MiB of sealed chunks in random order, to be appended to a pack as they are. */
export interface SealedSection {
  /** In a buffer that is used again: see `Worker`. */
  readonly bytes: Uint8Array;
  /** Rows of the chunks in it, in the order in which they lie there. */
  readonly rows: Uint32Array;
}

export interface PushResult {
  /** The content in order, as ranges of rows of the shared chunks: first, count, first, count, … Empty for `digest`. */
  readonly ranges: Uint32Array;
  /** SHA-256 of each file of a batch (32 bytes each), or of the file whose last `digest` job this was. */
  readonly digests: Uint8Array;
  /** Bytes of content, and those among them that were neither known nor seen before in this push. */
  readonly bytes: number;
  readonly bytesNew: number;
}
