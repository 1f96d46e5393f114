// The tree of a version: which files it has and which stored chunks they are made of. Binary and sectioned, because one
// JSON of a million entries costs more than a gigabyte of memory. Byte for byte in docs/store-format.md.

import type { ChunkPlace, ChunkTable } from "./chunk-table.ts";
import { PACK_BYTES, type PackRef } from "./pack.ts";
import { CHUNK_MAX } from "./seal-chunk.ts";

export interface TreeFile {
  readonly path: string;
  readonly kind: "file" | "executable" | "directory";
  readonly bytes: number;
  /** SHA-256 of the content in hex; empty for a directory. */
  readonly sha256: string;
  /** Number of the stream that holds the content, or {@link NO_STREAM} where there is none. */
  readonly stream: number;
  /** Where in the stream it starts. */
  readonly offset: number;
}

export interface Tree {
  /** 32 bytes each. */
  readonly pushKeys: readonly Buffer[];
  readonly packs: readonly PackRef[];
  readonly chunks: ChunkTable;
  /** Each stream is a sequence of ranges of chunks: first, count, first, count, … */
  readonly streams: readonly (readonly number[] | Uint32Array)[];
  /** In ascending order of their paths' UTF-8 bytes. */
  readonly files: readonly TreeFile[];
}

/** What is written. 16 bytes, as the one before, which is still read. */
export const MAGIC = "cloister-tree@2\n";
export const MAGIC_1 = "cloister-tree@1\n";
export const NO_STREAM = 0xffff_ffff;
export const KINDS = ["file", "executable", "directory"] as const;

/** Counts after the magic: push keys, packs, chunks, streams, ranges, files, bytes of paths. */
export const COUNTS = 7;
export const HEADER_BYTES = 16 + COUNTS * 4;
export const PUSH_KEY_BYTES = 32;
export const PACK_ROW = 20;
export const CHUNK_ROW = 53;
export const STREAM_ROW = 4;
export const RANGE_ROW = 8;
export const FILE_ROW = 55;

/** Limits on what is read; all that is written stays within them. */
export const LIMITS = {
  files: 10_000_000,
  /** 1 PiB. */
  bytes: 2 ** 50,
  chunkBytes: CHUNK_MAX,
  /** In trees of the first format. */
  chunkBytes1: 128 * 1024,
  packBytes: PACK_BYTES,
} as const;

/** Chunks by number. */
export interface ChunkList {
  readonly count: number;
  digest(number: number): Uint8Array;
  place(number: number): ChunkPlace;
}

/** A file with its digest as bytes: 32, all zero for a directory. */
export interface TreeRow extends Omit<TreeFile, "sha256"> {
  readonly digest: Uint8Array;
}

/** What a tree is made of. Files need not all be there at once. */
export interface TreeContent extends Omit<Tree, "chunks" | "files"> {
  readonly chunks: ChunkList;
  readonly files: { readonly count: number; readonly pathBytes: number; readonly rows: Iterable<TreeRow> };
}

/** The bytes of a tree, to be sealed. All integers are big-endian. */
export function encodeTree({ pushKeys, packs, chunks, streams, files }: TreeContent): Uint8Array {
  const { count: fileCount, pathBytes } = files;
  const ranges = streams.reduce((sum, stream) => sum + stream.length / 2, 0);
  const counts = [pushKeys.length, packs.length, chunks.count, streams.length, ranges, fileCount, pathBytes];
  const out = new Output(Buffer.alloc(treeBytes(counts)));
  out.bytes(Buffer.from(MAGIC, "latin1"));
  for (const count of counts) out.u32(count);
  for (const key of pushKeys) out.bytes(key);
  for (const pack of packs) {
    out.bytes(Buffer.from(pack.id, "hex"));
    out.u32(pack.bytes);
  }
  encodeChunks(chunks, out);
  for (const stream of streams) out.u32(stream.length / 2);
  for (const stream of streams) for (const number of stream) out.u32(number);
  const paths = new Output(out.buffer.subarray(out.buffer.length - pathBytes));
  for (const file of files.rows) encodeFile(file, paths.text(file.path), out);
  // Whatever went wrong, a tree that nobody can read must not be acknowledged.
  if (out.filled + pathBytes !== out.buffer.length || paths.filled !== pathBytes)
    throw new TypeError("a tree of another size");
  return out.buffer;
}

/** Size of a tree with these counts. */
export function treeBytes(counts: readonly number[]): number {
  const sizes = [PUSH_KEY_BYTES, PACK_ROW, CHUNK_ROW, STREAM_ROW, RANGE_ROW, FILE_ROW, 1];
  return sizes.reduce((sum, size, i) => sum + size * (counts[i] ?? 0), HEADER_BYTES);
}

function encodeChunks(chunks: ChunkList, out: Output): void {
  for (let row = 0; row < chunks.count; row++) {
    const { key, pack, offset, stored, plain, codec } = chunks.place(row);
    out.bytes(chunks.digest(row));
    out.u32(key);
    out.u32(pack);
    out.u32(offset);
    out.u32(stored);
    out.u32(plain);
    out.u8(codec);
  }
}

function encodeFile(file: TreeRow, pathBytes: number, out: Output): void {
  out.u8(KINDS.indexOf(file.kind));
  out.u32(file.stream);
  out.u64(file.offset);
  out.u64(file.bytes);
  out.bytes(file.digest);
  out.u16(pathBytes);
}

class Output {
  readonly buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  get filled(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#at = this.buffer.writeUInt8(value, this.#at);
  }

  u16(value: number): void {
    this.#at = this.buffer.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#at = this.buffer.writeUInt32BE(value, this.#at);
  }

  u64(value: number): void {
    this.u32(Math.floor(value / 2 ** 32));
    this.u32(value % 2 ** 32);
  }

  bytes(value: Uint8Array): void {
    this.buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** How many bytes it took. */
  text(value: string): number {
    const bytes = this.buffer.write(value, this.#at, "utf8");
    this.#at += bytes;
    return bytes;
  }
}
