// Makes the tree of a push: only what its streams use, numbered anew and without gaps.
import type { ChunkPlace } from "../chunk-table.ts";
import type { PackRef } from "../pack.ts";
import { type ChunkList, encodeTree, NO_STREAM } from "../tree.ts";
import type { FileTable } from "./file-table.ts";
import type { KeyList, PackList } from "./pack-list.ts";
import type { SharedChunks } from "./shared-chunks.ts";

/** Streams as ranges of rows, each in one or more parts. */
export class Streams {
  readonly #parts: Uint32Array[][] = [];

  /** Number of a new stream. */
  begin(): number {
    return this.#parts.push([]) - 1;
  }

  /** @param ranges first row, count, first row, count, … */
  set(stream: number, part: number, ranges: Uint32Array): void {
    const parts = this.#parts[stream];
    if (parts) parts[part] = ranges;
  }

  /** Whether a stream has these ranges, whatever its parts are. */
  isSame(stream: number, ranges: Uint32Array): boolean {
    const own = joined(this.#parts[stream] ?? []);
    return own.length === ranges.length && own.every((value, i) => value === ranges[i]);
  }

  /** The ranges of each stream; ranges that go on from one part to the next are one. */
  *all(): Iterable<Uint32Array> {
    for (const parts of this.#parts) yield parts.length === 1 ? (parts[0] ?? new Uint32Array()) : joined(parts);
  }
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const ranges: number[] = [];
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) {
      const [first = 0, count = 0] = [part[i], part[i + 1]];
      const last = ranges.length - 2;
      if (last >= 0 && (ranges[last] ?? 0) + (ranges[last + 1] ?? 0) === first) {
        ranges[last + 1] = (ranges[last + 1] ?? 0) + count;
      } else ranges.push(first, count);
    }
  }
  return Uint32Array.from(ranges);
}

export interface PushContent {
  readonly files: FileTable;
  readonly streams: Streams;
  readonly chunks: SharedChunks;
  readonly packs: PackList;
  readonly keys: KeyList;
}

/** The tree's bytes, and the packs that it names. */
export function treeOfPush(content: PushContent): { readonly tree: Uint8Array; readonly packs: readonly PackRef[] } {
  const { files, chunks, packs, keys } = content;
  const all = [...content.streams.all()];
  // Empty files alone make no stream.
  const streams = all.filter((ranges) => ranges.length > 0);
  let count = 0;
  const numbers = all.map((ranges) => (ranges.length > 0 ? count++ : NO_STREAM));
  const used = new UsedRows(chunks, streams);
  const refs = Array.from(used.packs.keys(), (number) => packs.ref(number));
  const tree = encodeTree({
    pushKeys: Array.from(used.keys.keys(), (number) => keys.key(number)),
    packs: refs,
    chunks: used,
    streams: streams.map((ranges) => used.renumbered(ranges)),
    files: { count: files.count, pathBytes: files.pathBytes, rows: files.rows(numbers) },
  });
  return { tree, packs: refs };
}

class UsedRows implements ChunkList {
  readonly count: number;
  /** New numbers of packs and keys, in the order in which they are first used. */
  readonly packs = new Map<number, number>();
  readonly keys = new Map<number, number>();
  readonly #chunks: SharedChunks;
  readonly #rows: Uint32Array;
  readonly #numbers: Uint32Array;

  constructor(chunks: SharedChunks, streams: readonly Uint32Array[]) {
    this.#chunks = chunks;
    const used = new Uint8Array(chunks.rows);
    for (const ranges of streams) {
      for (let i = 0; i < ranges.length; i += 2) {
        const first = ranges[i] ?? 0;
        used.fill(1, first, first + (ranges[i + 1] ?? 0));
      }
    }
    this.#numbers = new Uint32Array(used.length);
    this.#rows = new Uint32Array(used.reduce((sum, one) => sum + one, 0));
    let count = 0;
    for (let row = 0; row < used.length; row++) {
      if (used[row] === 0) continue;
      this.#numbers[row] = count;
      this.#rows[count++] = row;
      const { key, pack } = chunks.place(row);
      if (!this.packs.has(pack)) this.packs.set(pack, this.packs.size);
      if (!this.keys.has(key)) this.keys.set(key, this.keys.size);
    }
    this.count = count;
  }

  renumbered(ranges: Uint32Array): Uint32Array {
    return ranges.map((value, i) => (i % 2 === 0 ? (this.#numbers[value] ?? 0) : value));
  }

  digest(number: number): Uint8Array {
    return this.#chunks.digest(this.#rows[number] ?? 0);
  }

  place(number: number): ChunkPlace {
    const place = this.#chunks.place(this.#rows[number] ?? 0);
    return { ...place, key: this.keys.get(place.key) ?? 0, pack: this.packs.get(place.pack) ?? 0 };
  }
}
