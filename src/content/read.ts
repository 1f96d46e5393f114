// A tree and its packs in, files out.
import { createHash } from "node:crypto";
import { integrity, isIntegrity } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import type { PackPlace } from "./pack.ts";
import { PackReader } from "./pack-reader.ts";
import { filesInStreamOrder, plainBytesUpTo } from "./parse-tree.ts";
import { openChunk } from "./seal-chunk.ts";
import { NO_STREAM, type Tree, type TreeFile } from "./tree.ts";

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Bytes of content read so far. */
  progress(progress: { readonly bytes: number }): void;
}

/** A file of a stored version. Its `read()` may be called at any time, and more than once. */
export interface StoredFile extends FileEntry {
  /** SHA-256 of the content in hex; empty for an empty directory. */
  readonly sha256: string;
}

/**
 * All files of a tree: what has no content first, then in the order in which the content is stored. Each `read()` has
 * checked every chunk before it hands it out, and the whole file's digest before it ends.
 *
 * @throws CloisterError, from `read()`: INTEGRITY naming the file where content is missing or damaged; INTERRUPTED;
 * whatever the store throws
 */
export async function* readContent(
  tree: Tree,
  place: Pick<PackPlace, "store" | "prefix">,
  options: ReadOptions,
): AsyncIterable<StoredFile> {
  const reader = new ContentReader(tree, place, options);
  const empty = tree.files.filter((file) => file.stream === NO_STREAM);
  for (const files of [empty, filesInStreamOrder(tree.files)]) {
    for (const file of files) {
      checkAborted(options.signal);
      const { path, kind, bytes, sha256 } = file;
      yield { path, kind, bytes, sha256, read: () => reader.read(file) };
    }
  }
}

const PROGRESS_BYTES = 1024 * 1024;

class ContentReader {
  readonly #tree: Tree;
  readonly #options: ReadOptions;
  readonly #packs: PackReader;
  /** Bytes of content before each chunk, were all chunks one stream. */
  readonly #upTo: Float64Array;
  /** For each stream used so far: where each of its ranges starts in it. */
  readonly #starts = new Map<number, Float64Array>();
  /** The chunk opened last: small files share chunks. */
  #opened: { readonly row: number; readonly plain: Buffer } | undefined;
  #bytes = 0;
  #reported = 0;

  constructor(tree: Tree, place: Pick<PackPlace, "store" | "prefix">, options: ReadOptions) {
    this.#tree = tree;
    this.#options = options;
    this.#packs = new PackReader(place);
    this.#upTo = plainBytesUpTo(tree.chunks);
  }

  async *read(file: TreeFile): AsyncIterable<Uint8Array> {
    if (file.stream === NO_STREAM) return;
    const hash = createHash("sha256");
    try {
      for await (const piece of this.#pieces(file)) {
        checkAborted(this.#options.signal);
        hash.update(piece);
        yield piece;
        this.#report(piece.length);
      }
      if (hash.digest("hex") !== file.sha256) throw integrity("its digest is not the one in the tree");
    } catch (error) {
      throw damagedFile(error, file.path);
    }
  }

  /** The chunks that overlap the file's bytes, cut to them. */
  async *#pieces(file: TreeFile): AsyncIterable<Uint8Array> {
    const ranges = this.#tree.streams[file.stream] ?? [];
    const starts = this.#rangeStarts(file.stream, ranges);
    const end = file.offset + file.bytes;
    for (let range = lastUpTo(starts, file.offset, 0, starts.length); range < starts.length; range++) {
      const first = ranges[range * 2] ?? 0;
      const count = ranges[range * 2 + 1] ?? 0;
      const rangeStart = starts[range] ?? 0;
      // Position in the stream of a chunk = its position among all chunks, shifted.
      const shift = rangeStart - (this.#upTo[first] ?? 0);
      let row = lastUpTo(this.#upTo, Math.max(file.offset, rangeStart) - shift, first, first + count);
      for (; row < first + count; row++) {
        const start = (this.#upTo[row] ?? 0) + shift;
        if (start >= end) return;
        const plain = await this.#open(row);
        yield plain.subarray(Math.max(0, file.offset - start), Math.min(plain.length, end - start));
        if (start + plain.length >= end) return;
      }
    }
  }

  #rangeStarts(stream: number, ranges: ArrayLike<number>): Float64Array {
    const known = this.#starts.get(stream);
    if (known) return known;
    const starts = new Float64Array(ranges.length / 2);
    let at = 0;
    for (let i = 0; i < starts.length; i++) {
      starts[i] = at;
      const first = ranges[i * 2] ?? 0;
      at += (this.#upTo[first + (ranges[i * 2 + 1] ?? 0)] ?? 0) - (this.#upTo[first] ?? 0);
    }
    this.#starts.set(stream, starts);
    return starts;
  }

  async #open(row: number): Promise<Buffer> {
    if (this.#opened?.row === row) return this.#opened.plain;
    const { key, pack: packNumber, offset, stored, plain: plainBytes, codec } = this.#tree.chunks.place(row);
    const pack = this.#tree.packs[packNumber];
    const pushKey = this.#tree.pushKeys[key];
    if (!pack || !pushKey) throw integrity("a chunk has no place");
    const sealed = await this.#packs.read(pack, offset, stored);
    const plain = openChunk(pushKey, this.#tree.chunks.digest(row), codec, plainBytes, sealed);
    this.#opened = { row, plain };
    return plain;
  }

  #report(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes - this.#reported < PROGRESS_BYTES) return;
    this.#reported = this.#bytes;
    this.#options.progress({ bytes: this.#bytes });
  }
}

/** Index of the last of the ascending numbers in `[from, to)` that is at most `value`. */
function lastUpTo(ascending: Float64Array, value: number, from: number, to: number): number {
  let low = from;
  let high = to - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ascending[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function damagedFile(error: unknown, path: string): unknown {
  if (!isIntegrity(error)) return error;
  const why = error.why === undefined ? error.message : `${error.message}: ${error.why}`;
  return integrity(`${printable(path)} is damaged in the store`, { why, cause: error });
}
