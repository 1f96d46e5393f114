// The tree of a version and its content, read by the table of docs/store-format.md and nothing else.
import { createHash } from "node:crypto";
import { type ChunkRow, hex, openChunk } from "./sealed.ts";

export interface TreeFile {
  readonly kind: number;
  readonly stream: number;
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly path: string;
}

export interface Tree {
  readonly keys: readonly Buffer[];
  readonly packs: readonly { readonly id: string; readonly bytes: number }[];
  readonly chunks: readonly ChunkRow[];
  /** Each stream as the numbers of its chunks, in order. */
  readonly streams: readonly (readonly number[])[];
  readonly files: readonly TreeFile[];
}

const NO_STREAM = 0xffff_ffff;

/** @throws Error where it is no tree */
export function readTree(bytes: Buffer): Tree {
  const magic = bytes.toString("latin1", 0, 16);
  if (!/^cloister-tree@[12]\n$/.test(magic)) throw new Error(`no tree: ${JSON.stringify(magic)}`);
  const input = new Input(bytes, 16);
  const u32 = () => input.integer(4);
  const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read);
  const [k = 0, p = 0, c = 0, s = 0, r = 0, f = 0, n = 0] = times(7, u32);
  const keys = times(k, () => Buffer.from(input.raw(32)));
  const packs = times(p, () => ({ id: input.raw(16).toString("hex"), bytes: u32() }));
  const chunks = times(c, () => ({
    digest: Buffer.from(input.raw(32)),
    ...{ key: u32(), pack: u32(), offset: u32(), stored: u32(), plain: u32(), codec: input.integer(1) },
  }));
  const counts = times(s, u32);
  if (counts.reduce((sum, count) => sum + count, 0) !== r) throw new Error("ranges do not add up");
  const streams = counts.map((count) =>
    times(count, () => ({ first: u32(), count: u32() })).flatMap((range) =>
      Array.from({ length: range.count }, (_, index) => range.first + index),
    ),
  );
  const rows = times(f, () => ({
    ...{ kind: input.integer(1), stream: u32(), offset: input.integer(8), bytes: input.integer(8) },
    ...{ sha256: input.raw(32).toString("hex"), name: input.integer(2) },
  }));
  const files = rows.map(({ name, ...row }) => ({ ...row, path: input.raw(name).toString("utf8") }));
  if (!input.ended || files.reduce((sum, { path }) => sum + Buffer.byteLength(path), 0) !== n) {
    throw new Error("the tree has another length");
  }
  return { keys, packs, chunks, streams, files };
}

class Input {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  raw(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  integer(bytes: number): number {
    return Number(BigInt(`0x${this.raw(bytes).toString("hex") || "0"}`));
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }
}

/** `find . -type f | … sha256sum | sha256sum`, as the format has it. */
export function dirHashOf(files: readonly TreeFile[]): string {
  const own = files.filter(({ kind }) => kind !== 2);
  const sorted = [...own].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return hex(sorted.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(""));
}

/**
 * Opens every chunk and every file of a tree, and says what is wrong with them.
 * @param pack the bytes of a pack, or undefined where there is none
 */
export function contentProblems(tree: Tree, pack: (id: string) => Buffer | undefined): string[] {
  const problems: string[] = [];
  const opened = tree.chunks.map((row, number) => {
    try {
      const bytes = pack(tree.packs[row.pack]?.id ?? "");
      const sealed = bytes?.subarray(row.offset, row.offset + row.stored);
      if (sealed?.length !== row.stored) throw new Error("is not there");
      return openChunk(tree.keys[row.key] ?? Buffer.alloc(0), row, sealed);
    } catch (error) {
      problems.push(`chunk ${String(number)}: ${String(error)}`);
      return Buffer.alloc(row.plain);
    }
  });
  for (const file of tree.files.filter(({ kind }) => kind !== 2)) {
    const hash = createHash("sha256");
    let start = 0;
    for (const number of file.stream === NO_STREAM ? [] : (tree.streams[file.stream] ?? [])) {
      const plain = opened[number] ?? Buffer.alloc(0);
      const [from, to] = [Math.max(0, file.offset - start), Math.min(plain.length, file.offset + file.bytes - start)];
      if (to > from) hash.update(plain.subarray(from, to));
      start += plain.length;
    }
    if (hash.digest("hex") !== file.sha256) problems.push(`the file ${file.path} has another digest`);
  }
  return problems;
}
