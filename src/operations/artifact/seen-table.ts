// Files with what tells that they changed and the digest of their content, in columns: a million in 80 bytes each, read
// at once and never turned into objects.
import { isAscii } from "node:buffer";
import { byUtf8 } from "../../base/digest.ts";
import type { FileStats } from "../../base/file-entry.ts";

export interface SeenFile {
  /** Relative to what was pushed. */
  readonly path: string;
  readonly stats: FileStats;
  /** Hex. */
  readonly sha256: string;
}

export const SEEN_BYTES_MAX = 2 ** 30;

/** 16 bytes. */
const MAGIC = "cloister-seen@1\n";
/** Magic, time, version id, number of files, bytes of paths. */
const HEADER_BYTES = 16 + 8 + 32 + 4 + 4;
const WIDE = ["mtimeNs", "ctimeNs", "ino", "dev"] as const;
/** Of a file: its size and four more numbers of 8 bytes, the mode, where its path ends, the digest. */
const ROW_BYTES = 8 + WIDE.length * 8 + 4 + 4 + 32;

/**
 * The bytes of a table; undefined where it would be too large to be of use. Numbers are in this machine's byte order: the
 * table does not leave it.
 * @param given with its files in ascending order of their paths' UTF-8 bytes
 */
export function encodeSeen(given: {
  readonly lookedMs: number;
  readonly versionId: string;
  readonly files: readonly SeenFile[];
}): Uint8Array | undefined {
  const { files } = given;
  const pathBytes = files.reduce((sum, { path }) => sum + Buffer.byteLength(path), 0);
  const bytes = HEADER_BYTES + files.length * ROW_BYTES + pathBytes;
  if (bytes > SEEN_BYTES_MAX * 0.9) return undefined;
  const out = Buffer.from(new ArrayBuffer(bytes));
  out.write(MAGIC, "latin1");
  out.writeDoubleLE(given.lookedMs, 16);
  out.write(given.versionId, 24, "hex");
  out.writeUInt32LE(files.length, 56);
  out.writeUInt32LE(pathBytes, 60);
  const { sizes, wide, modes, ends, digests, paths } = columnsOf(out, files.length);
  let end = 0;
  files.forEach(({ path, stats, sha256 }, row) => {
    WIDE.forEach((name, column) => {
      wide[column * files.length + row] = stats[name];
    });
    sizes[row] = stats.size;
    modes[row] = stats.mode;
    digests.write(sha256, row * 32, "hex");
    end += paths.write(path, end, "utf8");
    ends[row] = end;
  });
  return out;
}

/** Reads what {@link encodeSeen} made; undefined for anything else. */
export function decodeSeen(bytes: Buffer): SeenTable | undefined {
  if (bytes.length < HEADER_BYTES || bytes.toString("latin1", 0, 16) !== MAGIC) return undefined;
  const [count, pathBytes] = [bytes.readUInt32LE(56), bytes.readUInt32LE(60)];
  if (bytes.length !== HEADER_BYTES + count * ROW_BYTES + pathBytes) return undefined;
  // Columns of numbers need an address that their size divides.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  return new SeenTable(aligned, count);
}

interface Columns {
  /** Column after column, in the order of {@link WIDE}. */
  readonly wide: BigInt64Array;
  readonly sizes: Float64Array;
  readonly modes: Uint32Array;
  /** Where each path ends among the paths. */
  readonly ends: Uint32Array;
  readonly digests: Buffer;
  readonly paths: Buffer;
}

function columnsOf({ buffer, byteOffset, length }: Buffer, count: number): Columns {
  let at = byteOffset + HEADER_BYTES;
  const next = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  return {
    wide: new BigInt64Array(buffer, next(count * 8 * WIDE.length), count * WIDE.length),
    sizes: new Float64Array(buffer, next(count * 8), count),
    modes: new Uint32Array(buffer, next(count * 4), count),
    ends: new Uint32Array(buffer, next(count * 4), count),
    digests: Buffer.from(buffer, next(count * 32), count * 32),
    paths: Buffer.from(buffer, at, byteOffset + length - at),
  };
}

export class SeenTable {
  /** Wall clock before the first of the files was looked at, ms since 1970. */
  readonly lookedMs: number;
  readonly versionId: string;
  readonly #count: number;
  readonly #columns: Columns;
  /** For each row 1 where its file was asked for and is the same. */
  readonly #same: Uint8Array;
  #sameCount = 0;
  readonly #text: string;
  readonly #ascii: boolean;
  /** Files are asked for in the order in which they stand here, mostly. */
  #next = 0;

  /** @param bytes checked by {@link decodeSeen} */
  constructor(bytes: Buffer, count: number) {
    this.lookedMs = bytes.readDoubleLE(16);
    this.versionId = bytes.toString("hex", 24, 56);
    this.#count = count;
    this.#columns = columnsOf(bytes, count);
    this.#same = new Uint8Array(count);
    this.#text = this.#columns.paths.toString("latin1");
    this.#ascii = isAscii(this.#columns.paths);
  }

  /** SHA-256 (hex) of a file that looks the same. */
  sha256(path: string, stats: FileStats): string | undefined {
    const row = this.#find(path);
    if (row < 0 || !this.#isSame(row, stats)) return undefined;
    if (this.#same[row] === 0) this.#sameCount++;
    this.#same[row] = 1;
    return this.#columns.digests.toString("hex", row * 32, row * 32 + 32);
  }

  /** Whether every file that stands here was asked for and is the same, and there are no more of them. */
  holds(files: readonly SeenFile[]): boolean {
    return this.#sameCount === this.#count && files.length === this.#count;
  }

  #isSame(row: number, stats: FileStats): boolean {
    const { wide, sizes, modes } = this.#columns;
    if (sizes[row] !== stats.size || modes[row] !== stats.mode) return false;
    for (let column = 0, at = row; column < WIDE.length; column++, at += this.#count) {
      if (wide[at] !== stats[WIDE[column] ?? "dev"]) return false;
    }
    return true;
  }

  #find(path: string): number {
    let [low, high] = [0, this.#count - 1];
    for (let row = Math.min(this.#next, high); low <= high; row = (low + high) >>> 1) {
      const order = byUtf8(this.#path(row), path);
      if (order === 0) {
        this.#next = row + 1;
        return row;
      }
      if (order < 0) low = row + 1;
      else high = row - 1;
    }
    return -1;
  }

  #path(row: number): string {
    const { ends, paths } = this.#columns;
    const [start, end] = [row === 0 ? 0 : ends[row - 1], ends[row]];
    // One text of all paths is as long as their bytes where there is nothing but ASCII; a part of it costs no copy.
    return this.#ascii ? this.#text.slice(start, end) : paths.toString("utf8", start, end);
  }
}
