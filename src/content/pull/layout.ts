// Where the content of files lies: all streams of a tree one after the other are one line, on which files and chunks have
// their places.
import { CloisterError } from "../../base/errors.ts";
import { filesInStreamOrder, plainBytesUpTo } from "../parse-tree.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { lastUpTo } from "./ascending.ts";
import { PackBlocks } from "./pack-blocks.ts";

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
  readonly blocks: PackBlocks;
  /** See `plainBytesUpTo`. */
  readonly #upTo: Float64Array;

  /** @throws CloisterError FAILURE where the tree is larger than can be handled */
  constructor(tree: Tree) {
    this.tree = tree;
    this.files = filesInStreamOrder(tree.files);
    this.blocks = new PackBlocks(tree);
    this.#upTo = plainBytesUpTo(tree.chunks);
    const streams = streamStarts(tree, this.#upTo);
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

  /** The first file that ends after a point of the line. */
  fileAfter(point: number): number {
    const file = lastUpTo(this.fileStarts, point);
    return (this.fileStarts[file] ?? 0) + (this.files[file]?.bytes ?? 0) > point ? file : file + 1;
  }

  /** The place on the line that holds a point. */
  placeAt(point: number): number {
    return lastUpTo(this.starts, point);
  }

  /** Visits the places in question; how many there are. Ranges that hold nothing of these files cost nothing but a look. */
  #walk(visit: (at: number, row: number, start: number) => void): number {
    const { streams } = this.tree;
    const { files, fileStarts } = this;
    const upTo = this.#upTo;
    let count = 0;
    let start = 0;
    let file = 0;
    const passFiles = (point: number) => {
      while (file < files.length && (fileStarts[file] ?? 0) + (files[file]?.bytes ?? 0) <= point) file++;
    };
    for (const stream of streams) {
      for (let range = 0; range < stream.length; range += 2) {
        const first = stream[range] ?? 0;
        const end = first + (stream[range + 1] ?? 0);
        // Where on the line chunk 0 would lie, were it in this range.
        const zero = start - (upTo[first] ?? 0);
        start = zero + (upTo[end] ?? 0);
        for (let row = first; row < end; row++) {
          passFiles(zero + (upTo[row] ?? 0));
          const wanted = (fileStarts[file] ?? 0) - zero;
          if (file === files.length || count > PLACES_MAX) return count;
          if (wanted >= (upTo[end] ?? 0)) break;
          if (wanted > (upTo[row] ?? 0)) row = lastUpTo(upTo, wanted);
          visit(count++, row, zero + (upTo[row] ?? 0));
        }
      }
    }
    return count;
  }
}

function streamStarts(tree: Tree, upTo: Float64Array): Float64Array {
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
