// What the pulling side asks of its workers, and what they hand back. All of it can be sent to a thread.

export interface PullSetup {
  /** 32 bytes each. */
  readonly pushKeys: readonly Uint8Array[];
  /** Blocks of packs, as they lie in the store. */
  readonly sealed: SharedArrayBuffer;
  /** Where `open` leaves content. */
  readonly opened: SharedArrayBuffer;
  /** The folder that `write` and `digest` work in; empty where they are not used. */
  readonly root: string;
}

/** Chunks that lie in `sealed`. */
export interface SealedChunks {
  /** SHA-256 of the content of each, 32 bytes. */
  readonly digests: Uint8Array;
  /** {@link PLACE_COLUMNS} of each. */
  readonly places: Uint32Array;
}

/**
 * Of each chunk: number of its push key, codec, bytes of content; where in `sealed` its bytes lie and how many; where the
 * rest of them lies and how many, for a chunk that lies in two blocks.
 */
export const PLACE_COLUMNS = 7;

/** A file that a job writes to, whole or in part. */
export interface StagedPart {
  /** Relative to the root; checked by whoever asks. */
  readonly path: string;
  readonly executable: boolean;
  readonly bytes: number;
  /** In hex; checked where the job holds the file whole. */
  readonly sha256: string;
}

export type PullJob =
  /** Opens chunks, writes their content where `targets` says, and digests the files that it holds whole. */
  | {
      readonly kind: "write";
      readonly chunks: SealedChunks;
      readonly files: readonly StagedPart[];
      /**
       * Ascending by file: number of the file, where in it, where in the content of all chunks one after the other, how many
       * bytes.
       */
      readonly targets: Float64Array;
    }
  /** Opens and checks chunks, and leaves their content one after the other in `opened`, from `at` on. */
  | { readonly kind: "open"; readonly chunks: SealedChunks; readonly at: number }
  /** Opens and checks chunks. */
  | { readonly kind: "check"; readonly chunks: SealedChunks }
  /** Goes on with the SHA-256 of a staged file, which one worker computes in order from 0 to the end. */
  | {
      readonly kind: "digest";
      readonly path: string;
      readonly from: number;
      readonly to: number;
      readonly bytes: number;
    };

export interface PullResult {
  /** Chunks that did not open: of `open` all of them, of `write`, which does nothing then, the first. */
  readonly bad?: readonly BadChunk[];
  /** Of `write`, by file, see {@link WRITTEN}; of `check`, by chunk: 1 where it is what it should be. */
  readonly verdicts?: Uint8Array;
  /** SHA-256 in hex of a file whose last `digest` job this was; empty where the file is of another length. */
  readonly sha256?: string;
}

export interface BadChunk {
  /** Its number in the job. */
  readonly chunk: number;
  readonly why: string;
}

/** What `write` did with a file: a part of it; all of it; all of it, and it is not what it should be. */
export const WRITTEN = { part: 0, whole: 1, damaged: 2 } as const;
