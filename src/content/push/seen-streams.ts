// Streams of known trees that hold exactly files that did not change: they are used again without being read.
import { byUtf8 } from "../../base/digest.ts";
import type { FileStats, LocalFile } from "../../base/file-entry.ts";
import { filesInStreamOrder } from "../parse-tree.ts";
import type { Tree, TreeFile } from "../tree.ts";
import type { KnownRows } from "./sources.ts";

/** What this device remembers of files that it pushed before. */
export interface SeenFiles {
  /** SHA-256 in hex of a file that is certainly still what it was when that was computed. */
  sha256(path: string, stats: FileStats): string | undefined;
}

export interface SeenStream {
  /** Rows: first, count, first, count, … */
  readonly ranges: Uint32Array;
  /** SHA-256 of each file in hex, in the order in which they were given. */
  readonly digests: readonly string[];
}

export class SeenStreams {
  readonly #known: KnownRows;
  readonly #seen: SeenFiles | undefined;
  #treesOnUse: readonly (SourceTree | undefined)[] | undefined;

  /** @param seen without it no file is taken for unchanged */
  constructor(known: KnownRows, seen: SeenFiles | undefined) {
    this.#known = known;
    this.#seen = seen;
  }

  /** Of the sources that need not be verified. */
  get #trees(): readonly (SourceTree | undefined)[] {
    // Somebody else's tree may give a file any digest: its chunks can be checked, which content they make only by reading it.
    this.#treesOnUse ??= this.#known.sources.map(({ tree, verify }) => (verify ? undefined : new SourceTree(tree)));
    return this.#treesOnUse;
  }

  /** The stream that holds these files, none of them empty, one after the other, and nothing else; or undefined. */
  find(files: readonly LocalFile[]): SeenStream | undefined {
    if (!this.#seen) return undefined;
    const digests: string[] = [];
    for (const { path, stats } of files) {
      const digest = this.#seen.sha256(path, stats);
      if (digest === undefined) return undefined;
      digests.push(digest);
    }
    for (const [source, tree] of this.#trees.entries()) {
      const stream = tree?.streamOf(files, digests);
      const ranges = stream && this.#rows(source, stream);
      if (ranges) return { ranges, digests };
    }
    return undefined;
  }

  /**
   * The stream of a file of the same path and length, which has to be read to tell whether it is still the same: if its
   * chunks are these, so is its digest.
   */
  likely(file: LocalFile): SeenStream | undefined {
    for (const [source, tree] of this.#trees.entries()) {
      const found = tree?.streamOfOne(file);
      const ranges = found && this.#rows(source, found.stream);
      if (ranges) return { ranges, digests: [found.sha256] };
    }
    return undefined;
  }

  #rows(source: number, stream: ArrayLike<number>): Uint32Array | undefined {
    const ranges: number[] = [];
    for (let i = 0; i < stream.length; i += 2) {
      const first = stream[i] ?? 0;
      for (let chunk = first; chunk < first + (stream[i + 1] ?? 0); chunk++) {
        const row = this.#known.row(source, chunk);
        if (row < 0) return undefined;
        const last = ranges.length - 2;
        if (last >= 0 && (ranges[last] ?? 0) + (ranges[last + 1] ?? 0) === row) {
          ranges[last + 1] = (ranges[last + 1] ?? 0) + 1;
        } else ranges.push(row, 1);
      }
    }
    return Uint32Array.from(ranges);
  }
}

class SourceTree {
  readonly #tree: Tree;
  readonly #inOrder: readonly TreeFile[];
  /** For each stream, where its files begin in that order; one more at the end. */
  readonly #starts: Uint32Array;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#inOrder = filesInStreamOrder(tree.files);
    this.#starts = new Uint32Array(tree.streams.length + 1).fill(this.#inOrder.length);
    for (let i = this.#inOrder.length - 1; i >= 0; i--) this.#starts[this.#inOrder[i]?.stream ?? 0] = i;
  }

  streamOf(files: readonly LocalFile[], digests: readonly string[]): ArrayLike<number> | undefined {
    const first = files[0] && this.#file(files[0].path);
    if (first?.offset !== 0) return undefined;
    const start = this.#starts[first.stream];
    if (start === undefined || this.#starts[first.stream + 1] !== start + files.length) return undefined;
    for (const [i, { path, stats }] of files.entries()) {
      const file = this.#inOrder[start + i];
      if (file?.path !== path || file.bytes !== stats.size || file.sha256 !== digests[i]) return undefined;
    }
    return this.#tree.streams[first.stream];
  }

  streamOfOne(file: LocalFile): { readonly stream: ArrayLike<number>; readonly sha256: string } | undefined {
    const sha256 = this.#file(file.path)?.sha256;
    const stream = sha256 === undefined ? undefined : this.streamOf([file], [sha256]);
    return sha256 === undefined || !stream ? undefined : { stream, sha256 };
  }

  #file(path: string): TreeFile | undefined {
    const { files } = this.#tree;
    let low = 0;
    let high = files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byUtf8(files[middle]?.path ?? "", path) < 0) low = middle + 1;
      else high = middle;
    }
    const found = files[low];
    return found?.path === path && found.bytes > 0 ? found : undefined;
  }
}
