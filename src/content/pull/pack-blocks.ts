// The blocks that packs are fetched in: whole MiB, so that the store sees no chunk lengths.
import type { Tree } from "../tree.ts";
import { lastUpTo } from "./ascending.ts";

export const BLOCK_BYTES = 1024 * 1024;

/** A block, as a part of its pack. */
export interface BlockPlace {
  /** Index of the pack. */
  readonly pack: number;
  /** Where it begins in the pack, in bytes. */
  readonly from: number;
}

/** Chunks and the packs that they lie in. */
export type Stored = Pick<Tree, "packs" | "chunks">;

/** The blocks of all packs of a tree, numbered in one go. */
export class PackBlocks {
  readonly #stored: Stored;
  /** Number of the first block of each pack. */
  readonly #first: Float64Array;
  readonly count: number;

  constructor(stored: Stored) {
    this.#stored = stored;
    this.#first = new Float64Array(stored.packs.length);
    let block = 0;
    for (const [pack, { bytes }] of stored.packs.entries()) {
      this.#first[pack] = block;
      block += Math.ceil(bytes / BLOCK_BYTES);
    }
    this.count = block;
  }

  /** Number of the block that a chunk begins in, and where it begins there. */
  startOf(row: number): readonly [block: number, inside: number] {
    const { pack, offset } = this.#stored.chunks.place(row);
    return [(this.#first[pack] ?? 0) + Math.floor(offset / BLOCK_BYTES), offset % BLOCK_BYTES];
  }

  /** The blocks that a chunk lies in: one, or two that follow one another. */
  of(row: number): readonly number[] {
    const [block, inside] = this.startOf(row);
    return inside + this.#stored.chunks.place(row).stored > BLOCK_BYTES ? [block, block + 1] : [block];
  }

  placeOf(block: number): BlockPlace {
    const pack = lastUpTo(this.#first, block);
    return { pack, from: (block - (this.#first[pack] ?? 0)) * BLOCK_BYTES };
  }
}
