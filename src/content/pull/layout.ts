// Where the content of files lies: all streams of a tree one after the other are one line, on which files and chunks have
// their places.
import { CloisterError } from "../../base/errors.ts";
import { filesInStreamOrder, plainBytesUpTo } from "../parse-tree.ts";
import type { Tree, TreeFile } from "../tree.ts";

/** Blocks that packs are fetched in, so that the store sees no chunk lengths. */
export const BLOCK_BYTES = 1024 * 1024;
/** 16 TiB of content in chunks of 64 KiB; a hostile tree could name any number of them in a few bytes. */
const PLACES_MAX = 2 ** 28;

export class Layout {
  readonly tree: Tree;
  /** The files with content, in the order in which it is stored. */
  readonly files: readonly TreeFile[];
  /** Where on the line each of {@link files} begins. */
  readonly fileStarts: Float64Array;
  /** The places on the line that hold something of these files, ascending: the row of the chunk there, and where it begins. */
  readonly rows: Uint32Array;
  readonly starts: Float64Array;
  /** Number of the first block of each pack, were the blocks of all packs numbered in one go. */
  readonly packBlocks: Float64Array;

  /** @throws CloisterError FAILURE where the tree is larger than can be handled */
  constructor(tree: Tree) {
    this.tree = tree;
    this.files = filesInStreamOrder(tree.files);
    this.packBlocks = firstBlocks(tree);
    const streams = streamStarts(tree);
    this.fileStarts = Float64Array.from(this.files, (file) => (streams[file.stream] ?? 0) + file.offset);
    const count = this.#walk(() => undefined);
    if (count > PLACES_MAX) {
      throw new CloisterError("FAILURE", "this version is too large to be read at once", {
        why: `it has ${String(count)} pieces`,
        next: "read it in parts, choosing files",
      });
    }
    this.rows = new Uint32Array(count);
    this.starts = new Float64Array(count);
    this.#walk((at, row, start) => {
      this.rows[at] = row;
      this.starts[at] = start;
    });
  }

  /** Number of the block that a chunk begins in, and of the one that it ends in: the same or the next. */
  blocksOf(row: number): readonly [number, number] {
    const { pack, offset, stored } = this.tree.chunks.place(row);
    const first = this.packBlocks[pack] ?? 0;
    return [first + Math.floor(offset / BLOCK_BYTES), first + Math.floor((offset + stored - 1) / BLOCK_BYTES)];
  }

  /** The first file that ends after a point of the line. */
  fileAfter(point: number): number {
    const file = lastUpTo(this.fileStarts, point);
    return (this.fileStarts[file] ?? 0) + (this.files[file]?.bytes ?? 0) > point ? file : file + 1;
  }

  /** The place on the line that holds a point. */
  placeAt(point: number): number {
    return lastUpTo(this.starts, point);
  }

  /** Visits the places in question; how many there are. */
  #walk(visit: (at: number, row: number, start: number) => void): number {
    const { chunks, streams } = this.tree;
    const { files, fileStarts } = this;
    let count = 0;
    let start = 0;
    let file = 0;
    for (const stream of streams) {
      for (let range = 0; range < stream.length; range += 2) {
        const first = stream[range] ?? 0;
        const end = first + (stream[range + 1] ?? 0);
        for (let row = first; row < end; row++) {
          const next = start + chunks.plainBytes(row);
          while (file < files.length && (fileStarts[file] ?? 0) + (files[file]?.bytes ?? 0) <= start) file++;
          if (file === files.length || count > PLACES_MAX) return count;
          if ((fileStarts[file] ?? 0) < next) visit(count++, row, start);
          start = next;
        }
      }
    }
    return count;
  }
}

function firstBlocks(tree: Tree): Float64Array {
  const first = new Float64Array(tree.packs.length);
  let block = 0;
  for (const [pack, { bytes }] of tree.packs.entries()) {
    first[pack] = block;
    block += Math.ceil(bytes / BLOCK_BYTES);
  }
  return first;
}

function streamStarts(tree: Tree): Float64Array {
  const upTo = plainBytesUpTo(tree.chunks);
  const starts = new Float64Array(tree.streams.length);
  let start = 0;
  for (const [number, stream] of tree.streams.entries()) {
    starts[number] = start;
    for (let range = 0; range < stream.length; range += 2) {
      const first = stream[range] ?? 0;
      start += (upTo[first + (stream[range + 1] ?? 0)] ?? 0) - (upTo[first] ?? 0);
    }
  }
  return starts;
}

/** Index of the last of some ascending numbers that is at most `value`; 0 where none is. */
export function lastUpTo(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = Math.max(0, ascending.length - 1);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ascending[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
