// Reads a tree that somebody else wrote: nothing in it is believed before it is checked.
import { sha256Hex } from "../base/digest.ts";
import { type CloisterError, integrity } from "../base/errors.ts";
import { CollisionCheck, pathProblem } from "../base/path.ts";
import { printable } from "../base/terminal.ts";
import { ChunkTable } from "./chunk-table.ts";
import type { PackRef } from "./pack.ts";
import { CODEC_NONE, CODEC_ZSTD, checkCodec, fitsStored } from "./seal-chunk.ts";
import {
  CHUNK_ROW,
  COUNTS,
  FILE_ROW,
  HEADER_BYTES,
  KINDS,
  LIMITS,
  MAGIC,
  MAGIC_1,
  NO_STREAM,
  PACK_ROW,
  PUSH_KEY_BYTES,
  RANGE_ROW,
  STREAM_ROW,
  type Tree,
  type TreeFile,
  treeBytes,
} from "./tree.ts";

/** The digest of an empty file. */
const EMPTY = sha256Hex();

/** What the paths of a tree are for: only such as may be written anywhere, or any, where files are just looked up by them. */
export type PathUse = "write" | "compare";

/**
 * Parses the opened bytes of a tree.
 *
 * @throws CloisterError INTEGRITY where anything is not exactly as docs/store-format.md says; FAILURE where a newer
 * version wrote it
 */
export function parseTree(bytes: Uint8Array, use: PathUse = "write"): Tree {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const rules = RULES.get(buffer.toString("latin1", 0, MAGIC.length));
  if (buffer.length < HEADER_BYTES || !rules) throw malformed("its start");
  const counts = Array.from({ length: COUNTS }, (_, i) => buffer.readUInt32BE(16 + i * 4));
  const [keyCount = 0, packCount = 0, chunkCount = 0, streamCount = 0, rangeCount = 0, fileCount = 0] = counts;
  // From here on every count is bounded by the bytes that are there.
  if (treeBytes(counts) !== buffer.length) throw malformed("its length");
  if (fileCount > LIMITS.files) throw malformed("its number of files");
  let at = HEADER_BYTES;
  const section = (length: number) => {
    at += length;
    return buffer.subarray(at - length, at);
  };
  const pushKeys = rows(section(keyCount * PUSH_KEY_BYTES), PUSH_KEY_BYTES, (row) => Buffer.from(row));
  const packs = parsePacks(section(packCount * PACK_ROW));
  const chunks = parseChunks(section(chunkCount * CHUNK_ROW), rules, pushKeys.length, packs);
  const streams = parseStreams(section(streamCount * STREAM_ROW), section(rangeCount * RANGE_ROW), chunks.count);
  const files = parseFiles(section(fileCount * FILE_ROW), buffer.subarray(at), use);
  const tree = { pushKeys, packs, chunks, streams, files };
  checkTiling(tree);
  return tree;
}

function rows<T>(section: Buffer, size: number, parse: (row: Buffer) => T): T[] {
  return Array.from({ length: section.length / size }, (_, i) => parse(section.subarray(i * size, (i + 1) * size)));
}

function parsePacks(section: Buffer): PackRef[] {
  const packs = rows(section, PACK_ROW, (row) => {
    const bytes = row.readUInt32BE(16);
    if (bytes === 0 || bytes > LIMITS.packBytes) throw malformed("the size of a pack");
    return { id: row.toString("hex", 0, 16), bytes };
  });
  if (new Set(packs.map((pack) => pack.id)).size !== packs.length) throw malformed("its list of packs");
  return packs;
}

/** What the formats differ in. */
interface Rules {
  readonly chunkBytes: number;
  readonly codecs: readonly number[];
}

const RULES: ReadonlyMap<string, Rules> = new Map([
  [MAGIC_1, { chunkBytes: LIMITS.chunkBytes1, codecs: [CODEC_NONE] }],
  [MAGIC, { chunkBytes: LIMITS.chunkBytes, codecs: [CODEC_NONE, CODEC_ZSTD] }],
]);

function parseChunks(section: Buffer, rules: Rules, keyCount: number, packs: readonly PackRef[]): ChunkTable {
  const table = new ChunkTable(Math.max(1, section.length / CHUNK_ROW));
  const keysUsed = new Uint8Array(keyCount);
  const packsUsed = new Uint8Array(packs.length);
  for (let at = 0; at < section.length; at += CHUNK_ROW) {
    const key = section.readUInt32BE(at + 32);
    const pack = section.readUInt32BE(at + 36);
    const offset = section.readUInt32BE(at + 40);
    const stored = section.readUInt32BE(at + 44);
    const plain = section.readUInt32BE(at + 48);
    const codec = section.readUInt8(at + 52);
    checkCodec(codec);
    if (!rules.codecs.includes(codec)) throw malformed("the codec of a chunk");
    if (plain > rules.chunkBytes || !fitsStored(codec, plain, stored)) throw malformed("the length of a chunk");
    if (key >= keyCount || offset + stored > (packs[pack]?.bytes ?? 0)) throw malformed("the place of a chunk");
    keysUsed[key] = 1;
    packsUsed[pack] = 1;
    table.add(section.subarray(at, at + 32), { key, pack, offset, stored, plain, codec });
  }
  if (keysUsed.includes(0) || packsUsed.includes(0)) throw malformed("a push key or pack that nothing uses");
  return table;
}

function parseStreams(counts: Buffer, ranges: Buffer, chunkCount: number): Uint32Array[] {
  let at = 0;
  const streams = rows(counts, STREAM_ROW, (row) => {
    const length = row.readUInt32BE(0) * RANGE_ROW;
    if (length === 0 || at + length > ranges.length) throw malformed("the length of a stream");
    const stream = Uint32Array.from({ length: length / 4 }, (_, i) => ranges.readUInt32BE(at + i * 4));
    for (let i = 0; i < stream.length; i += 2) {
      const [first = 0, count = 0] = stream.subarray(i, i + 2);
      if (count === 0 || first + count > chunkCount) throw malformed("a range of chunks");
    }
    at += length;
    return stream;
  });
  if (at !== ranges.length) throw malformed("its list of ranges");
  return streams;
}

function parseFiles(section: Buffer, paths: Buffer, use: PathUse): TreeFile[] {
  const collisions = use === "write" ? new CollisionCheck() : undefined;
  const files: TreeFile[] = [];
  let at = 0;
  let before = 0;
  for (let row = 0; row < section.length; row += FILE_ROW) {
    const end = at + section.readUInt16BE(row + 53);
    if (end > paths.length) throw malformed("the length of a path");
    const path = paths.toString("utf8", at, end);
    if (at > 0 && paths.compare(paths, at, end, before, at) >= 0) throw malformed("the order of its files");
    if (collisions) checkPath(path, collisions);
    before = at;
    at = end;
    files.push(parseFile(section, row, path));
  }
  if (at !== paths.length) throw malformed("its list of paths");
  return files;
}

function checkPath(path: string, collisions: CollisionCheck): void {
  const problem = pathProblem(path);
  if (problem) throw hostilePath(path, problem);
  const other = collisions.add(path);
  if (other !== undefined) throw hostilePath(path, `it collides with ${printable(other)}`);
}

function parseFile(section: Buffer, row: number, path: string): TreeFile {
  const kind = KINDS[section.readUInt8(row)];
  const digest = section.toString("hex", row + 21, row + 53);
  if (!kind) throw malformed("the kind of a file");
  const sha256 = kind === "directory" ? "" : digest;
  const [offset, bytes] = [u64(section, row + 5), u64(section, row + 13)];
  const file = { path, kind, stream: section.readUInt32BE(row + 1), offset, bytes, sha256 };
  if (file.bytes > 0 && kind !== "directory") return file;
  // What holds no bytes has one spelling only.
  const blank = kind === "directory" ? "0".repeat(64) : EMPTY;
  if (file.stream !== NO_STREAM || file.offset !== 0 || file.bytes !== 0 || digest !== blank)
    throw malformed("an empty file or folder");
  return file;
}

/** Files cover each stream without gap or overlap, so no byte is stored that is not part of a file. */
function checkTiling(tree: Tree): void {
  const expected = new Float64Array(tree.streams.length);
  for (const file of filesInStreamOrder(tree.files)) {
    if (file.offset !== expected[file.stream]) throw malformed("the place of a file");
    expected[file.stream] = file.offset + file.bytes;
  }
  const upTo = plainBytesUpTo(tree.chunks);
  let total = 0;
  for (const [number, stream] of tree.streams.entries()) {
    const bytes = streamBytes(stream, upTo);
    total += bytes;
    if (bytes !== expected[number]) throw malformed("the length of a stream");
  }
  if (total > LIMITS.bytes) throw malformed("its total size");
}

/** Files with content in the order in which their bytes are stored, so that reading fetches every pack once. */
export function filesInStreamOrder(files: readonly TreeFile[]): TreeFile[] {
  const filled = files.filter((file) => file.stream !== NO_STREAM);
  const order = (a: TreeFile, b: TreeFile) => (a.stream === b.stream ? a.offset - b.offset : a.stream - b.stream);
  // As they are where a push reads them from a folder.
  const isInOrder = filled.every((file, i) => order(filled[i - 1] ?? file, file) <= 0);
  return isInOrder ? filled : filled.sort(order);
}

/** For each chunk number the bytes of content in all chunks before it; one more at the end for all. */
export function plainBytesUpTo(chunks: ChunkTable): Float64Array {
  const upTo = new Float64Array(chunks.count + 1);
  for (let row = 0; row < chunks.count; row++) upTo[row + 1] = (upTo[row] ?? 0) + chunks.plainBytes(row);
  return upTo;
}

function streamBytes(stream: Tree["streams"][number], upTo: Float64Array): number {
  let bytes = 0;
  for (let i = 0; i < stream.length; i += 2) {
    const first = stream[i] ?? 0;
    bytes += (upTo[first + (stream[i + 1] ?? 0)] ?? 0) - (upTo[first] ?? 0);
  }
  return bytes;
}

function u64(row: Buffer, at: number): number {
  const value = row.readUInt32BE(at) * 2 ** 32 + row.readUInt32BE(at + 4);
  if (value > LIMITS.bytes) throw malformed("the size of a file");
  return value;
}

function malformed(what: string): CloisterError {
  return integrity("the tree of this version is malformed", { why: `${what} cannot be right` });
}

function hostilePath(path: string, problem: string): CloisterError {
  return integrity(`this version holds a file that may not be written: ${printable(path)}`, { why: problem });
}
