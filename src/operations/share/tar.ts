// Headers of a tar archive (POSIX ustar, with pax records where a name or a size does not fit), in exactly one form: what is
// not written here is not read here.
import { integrity } from "../../base/errors.ts";

export interface Entry {
  /** Relative, `/`-separated, without `/` at its end. */
  readonly path: string;
  readonly kind: "file" | "executable" | "directory";
  readonly bytes: number;
}

export const BLOCK_BYTES = 512;
/** What ends an archive. */
export const ARCHIVE_END = Buffer.alloc(2 * BLOCK_BYTES);

/** What fits into a header's own fields. */
const NAME_BYTES_MAX = 99;
const SIZE_MAX = 0o77777777777;
const PLAIN = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/;
/** Stands for a name that only the records hold. */
const ELSEWHERE = "PaxHeader";
/** Records hold a path of at most 4,096 bytes and a size. */
const RECORDS_BYTES_MAX = 8192;

type Type = "0" | "5" | "x";

/** Everything before the content of an entry. */
export function headerOf(entry: Entry): Buffer {
  const records = recordsOf(entry);
  const type = entry.kind === "directory" ? "5" : "0";
  const mode = entry.kind === "file" ? 0o644 : 0o755;
  const long = records.includes(" path=");
  const name = long ? ELSEWHERE : entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const size = entry.bytes > SIZE_MAX ? 0 : entry.bytes;
  const plain = blockOf({ name, size, type, mode });
  if (records === "") return plain;
  const data = Buffer.from(records);
  const pax = blockOf({ name: ELSEWHERE, size: data.length, type: "x", mode: 0o644 });
  return Buffer.concat([pax, data, paddingOf(data.length), plain]);
}

/** Zeros up to the next block. */
export function paddingOf(bytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** Bytes of records that stand between this header and the next; 0 where it is that of an entry. */
export function recordBytes(block: Buffer): number {
  if (block.toString("latin1", 156, 157) !== "x") return 0;
  const bytes = sizeIn(block);
  if (bytes < 1 || bytes > RECORDS_BYTES_MAX) throw foreign();
  return bytes;
}

/**
 * The entry that a header describes.
 * @param whole with its records, as {@link headerOf} writes them
 * @throws CloisterError INTEGRITY where it is written in any other way
 */
export function entryOf(whole: Buffer): Entry {
  const block = whole.subarray(whole.length - BLOCK_BYTES);
  const records = whole.length === BLOCK_BYTES ? "" : whole.toString("utf8", BLOCK_BYTES, whole.length - BLOCK_BYTES);
  const type = block.toString("latin1", 156, 157);
  const directory = type === "5";
  const path = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records)?.[1] ?? textIn(block, 0, 100).replace(/\/$/, "");
  const size = /(?:^|\n)\d+ size=(\d{1,16})\n/.exec(records)?.[1];
  const bytes = size === undefined ? sizeIn(block) : Number(size);
  const executable = !directory && textIn(block, 100, 8) === octal(0o755, 8);
  const entry: Entry = { path, bytes, kind: directory ? "directory" : executable ? "executable" : "file" };
  if (!Number.isSafeInteger(bytes) || (directory && bytes > 0) || !headerOf(entry).equals(whole)) throw foreign();
  return entry;
}

/** @throws CloisterError INTEGRITY */
export function foreign(): Error {
  return integrity("this share holds an archive that cloister does not write", {
    why: "it was put together by something else",
    next: "ask for a new one",
  });
}

/** Pax records: `<length> <keyword>=<value>\n`, the length being that of the whole record. */
function recordsOf({ path, bytes, kind }: Entry): string {
  const fits = PLAIN.test(path) && path.length + (kind === "directory" ? 1 : 0) <= NAME_BYTES_MAX;
  return `${fits ? "" : record("path", path)}${bytes > SIZE_MAX ? record("size", String(bytes)) : ""}`;
}

function record(keyword: string, value: string): string {
  const rest = Buffer.byteLength(` ${keyword}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length++;
  return `${String(length)} ${keyword}=${value}\n`;
}

function blockOf(header: {
  readonly name: string;
  readonly size: number;
  readonly type: Type;
  readonly mode: number;
}): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(header.name, 0, "latin1");
  block.write(octal(header.mode, 8), 100, "latin1");
  block.write(octal(0, 8), 108, "latin1");
  block.write(octal(0, 8), 116, "latin1");
  block.write(octal(header.size, 12), 124, "latin1");
  block.write(octal(0, 12), 136, "latin1");
  block.write(" ".repeat(8), 148, "latin1");
  block.write(header.type, 156, "latin1");
  block.write("ustar\u000000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)}\u0000 `, 148, "latin1");
  return block;
}

/** Digits that fill a field but for its last byte, which stays zero. */
function octal(value: number, field: number): string {
  return value.toString(8).padStart(field - 1, "0");
}

function sizeIn(block: Buffer): number {
  const text = textIn(block, 124, 12);
  if (!/^[0-7]{11}$/.test(text)) throw foreign();
  return Number.parseInt(text, 8);
}

function textIn(block: Buffer, at: number, length: number): string {
  const field = block.toString("latin1", at, at + length);
  const end = field.indexOf("\u0000");
  return end < 0 ? field : field.slice(0, end);
}
