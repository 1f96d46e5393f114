// The chunks of one push, in memory that all its workers share: by digest, and by row. About 65 bytes a chunk.
import { CloisterError } from "../../base/errors.ts";
import type { ChunkPlace } from "../chunk-table.ts";
import {
  BUFFER_BYTES_MAX,
  COUNTERS,
  FIRST_LEVEL_BITS,
  grow,
  LEVEL_COUNTS,
  LEVELS,
  levelStart,
  makeMemory,
  NEXT_ROW,
  SALT,
  type SharedChunkMemory,
} from "./shared-memory.ts";

/** Columns of a row. */
const COLUMNS = 5;
const KEY = 0;
const PACK = 1;
const OFFSET = 2;
const STORED = 3;
const PLAIN = 4;

/** In a state, beside the codec. */
const DROPPED = 0x80;

/** Rows that one worker takes at once, so that what follows in the content mostly follows in the rows, too. */
const BLOCK_ROWS = 256;
const ROWS_MAX = BUFFER_BYTES_MAX / 32;
const LEVELS_MAX = 12;

/**
 * Chunks by row, and rows by digest. Any number of threads may use it at once, each through an object of its own.
 *
 * The index is open addressing with compare-and-swap. It grows by a further level, four times as large, while others go on
 * using it: what is in a level is never moved. Two threads that claim the same digest while a level is added may both be
 * told that it is new; it is then stored twice, which is harmless.
 */
export class SharedChunks {
  readonly #memory: SharedChunkMemory;
  readonly #header: Int32Array;
  readonly #counters: BigUint64Array;
  // Views of a fixed length are as fast as plain arrays; ones that follow the buffer are ten times slower.
  #words!: Int32Array;
  #bytes!: Uint8Array;
  #columns!: Uint32Array;
  #states!: Uint8Array;
  #slots!: Int32Array;
  /** Rows that all of these views reach: each buffer grows by itself. */
  #viewed = 0;
  /** The rows that this thread may fill next. */
  #next = 0;
  #blockEnd = 0;

  private constructor(memory: SharedChunkMemory) {
    this.#memory = memory;
    this.#header = new Int32Array(memory.header);
    this.#counters = new BigUint64Array(memory.header, COUNTERS * 4, 2);
    this.#view();
  }

  /** @param expected chunks, roughly; it grows past them */
  static create(expected: number): SharedChunks {
    return new SharedChunks(makeMemory(expected));
  }

  /** The same chunks in another thread. */
  static open(memory: SharedChunkMemory): SharedChunks {
    return new SharedChunks(memory);
  }

  shared(): SharedChunkMemory {
    return this.#memory;
  }

  /** Rows that may be in use; not all of them are. */
  get rows(): number {
    return Atomics.load(this.#header, NEXT_ROW);
  }

  /** The row that this thread fills next. While no other one uses the chunks, rows follow one another. */
  get nextRow(): number {
    return this.#next;
  }

  /** Bytes of content claimed so far, and those among them that were new. */
  get claimed(): { readonly bytes: number; readonly bytesNew: number } {
    const [bytes, bytesNew] = [0, 1].map((counter) => Number(Atomics.load(this.#counters, counter)));
    return { bytes: bytes ?? 0, bytesNew: bytesNew ?? 0 };
  }

  /**
   * The row of a chunk of content. Where the chunk is new, the caller has to see to it that it is sealed and stored.
   *
   * @param digest its SHA-256
   * @param plain its bytes
   * @returns the row, where it is new; `~row` (which is negative), where the chunk was known or claimed before
   * @throws CloisterError FAILURE where there are too many chunks
   */
  claim(digest: Uint8Array, plain: number): number {
    const row = this.#nextRow();
    this.#bytes.set(digest, row * 32);
    this.#columns[row * COLUMNS + PLAIN] = plain;
    const other = this.#insert(row, (at) => this.#columns[at * COLUMNS + PLAIN] === plain && !this.isDropped(at));
    Atomics.add(this.#counters, 0, BigInt(plain));
    if (other >= 0) return ~other;
    Atomics.add(this.#counters, 1, BigInt(plain));
    this.#next++;
    return row;
  }

  /**
   * Adds a chunk that is stored already.
   * @returns its row; or that of an equal one that was there before; -1 where one was there that differs in length
   */
  add(digest: Uint8Array, place: ChunkPlace): number {
    const row = this.#nextRow();
    this.#bytes.set(digest, row * 32);
    this.#columns.set([place.key, place.pack, place.offset, place.stored, place.plain], row * COLUMNS);
    this.#states[row] = place.codec;
    // A list of equals must not cost its square: one for each digest is enough.
    const other = this.#insert(row, () => true);
    if (other >= 0) return this.plainBytes(other) === place.plain ? other : -1;
    this.#next++;
    return row;
  }

  /** Says how a claimed chunk was sealed: its bytes in the pack, and its codec. */
  sealed(row: number, stored: number, codec: number): void {
    this.#columns[row * COLUMNS + STORED] = stored;
    this.#states[row] = codec;
  }

  /** Says where a sealed chunk lies. */
  placed(row: number, key: number, pack: number, offset: number): void {
    this.#reach(row);
    const at = row * COLUMNS;
    this.#columns[at + KEY] = key;
    this.#columns[at + PACK] = pack;
    this.#columns[at + OFFSET] = offset;
  }

  /** From now on the row is not found any more; who found it before has to ask `isDropped`. */
  drop(row: number): void {
    this.#reach(row);
    this.#states[row] = (this.#states[row] ?? 0) | DROPPED;
  }

  isDropped(row: number): boolean {
    this.#reach(row);
    return ((this.#states[row] ?? 0) & DROPPED) !== 0;
  }

  /** SHA-256 of the chunk; a view of shared memory. */
  digest(row: number): Uint8Array {
    this.#reach(row);
    return this.#bytes.subarray(row * 32, row * 32 + 32);
  }

  place(row: number): ChunkPlace {
    this.#reach(row);
    const at = row * COLUMNS;
    return {
      key: this.#columns[at + KEY] ?? 0,
      pack: this.#columns[at + PACK] ?? 0,
      offset: this.#columns[at + OFFSET] ?? 0,
      stored: this.#columns[at + STORED] ?? 0,
      plain: this.#columns[at + PLAIN] ?? 0,
      codec: (this.#states[row] ?? 0) & ~DROPPED,
    };
  }

  plainBytes(row: number): number {
    this.#reach(row);
    return this.#columns[row * COLUMNS + PLAIN] ?? 0;
  }

  storedBytes(row: number): number {
    this.#reach(row);
    return this.#columns[row * COLUMNS + STORED] ?? 0;
  }

  /** The next row of this thread, whether or not it is then used. */
  #nextRow(): number {
    if (this.#next < this.#blockEnd) return this.#next;
    this.#next = Atomics.add(this.#header, NEXT_ROW, BLOCK_ROWS);
    this.#blockEnd = this.#next + BLOCK_ROWS;
    if (this.#blockEnd > ROWS_MAX) throw tooMany();
    const { digests, columns, states } = this.#memory;
    grow(digests, this.#blockEnd * 32);
    grow(columns, this.#blockEnd * COLUMNS * 4);
    grow(states, this.#blockEnd);
    this.#view();
    return this.#next;
  }

  /** Another thread may have made room for rows that this one has not seen yet. */
  #reach(row: number): void {
    if (row >= this.#viewed) this.#view();
  }

  #view(): void {
    const { digests, columns, states, slots } = this.#memory;
    // In this order: whoever sees the state of a row then sees all of it.
    this.#states = new Uint8Array(states, 0, states.byteLength);
    this.#columns = new Uint32Array(columns, 0, Math.floor(columns.byteLength / 4));
    this.#bytes = new Uint8Array(digests, 0, digests.byteLength);
    this.#words = new Int32Array(digests, 0, Math.floor(digests.byteLength / 4));
    this.#slots = new Int32Array(slots, 0, Math.floor(slots.byteLength / 4));
    this.#viewed = Math.floor(Math.min(states.byteLength, columns.byteLength / (COLUMNS * 4), digests.byteLength / 32));
  }

  /** Enters the row's digest unless a row that `fits` has it; that row, or -1 where it was entered. */
  #insert(row: number, fits: (other: number) => boolean): number {
    const hash = this.#hash(row);
    for (let level = 0; ; level++) {
      const levels = Atomics.load(this.#header, LEVELS);
      const bits = this.#header[FIRST_LEVEL_BITS] ?? 0;
      const start = levelStart(bits, level);
      const size = 1 << (bits + 2 * level);
      if (start + size > this.#slots.length) this.#view();
      const last = level === levels - 1;
      for (let at = hash & (size - 1); ; at = (at + 1) & (size - 1)) {
        let found = Atomics.load(this.#slots, start + at) - 1;
        if (found < 0) {
          if (!last) break;
          found = Atomics.compareExchange(this.#slots, start + at, 0, row + 1) - 1;
          if (found < 0) {
            this.#entered(level, size);
            return -1;
          }
        }
        if (this.#equal(row, found) && fits(found)) return found;
      }
    }
  }

  /** Adds a level once the last one is half full. */
  #entered(level: number, size: number): void {
    const count = Atomics.add(this.#header, LEVEL_COUNTS + level, 1) + 1;
    if (count * 2 < size || Atomics.load(this.#header, LEVELS) !== level + 1) return;
    const bits = this.#header[FIRST_LEVEL_BITS] ?? 0;
    // The buffer holds 2^30 slots, in all levels.
    if (level + 1 === LEVELS_MAX || bits + 2 * (level + 1) > 29) {
      // Fuller than half it still works, up to where no slot is left.
      if (count * 8 > size * 7) throw tooMany();
      return;
    }
    grow(this.#memory.slots, levelStart(bits, level + 2) * 4);
    Atomics.compareExchange(this.#header, LEVELS, level + 1, level + 2);
  }

  #equal(row: number, other: number): boolean {
    this.#reach(other);
    const words = this.#words;
    for (let word = 0; word < 8; word++) if (words[row * 8 + word] !== words[other * 8 + word]) return false;
    return true;
  }

  #hash(row: number): number {
    let mixed = 0;
    for (let word = 0; word < 8; word++) {
      mixed = Math.imul(mixed ^ (this.#words[row * 8 + word] ?? 0), this.#header[SALT + word] ?? 1);
      mixed ^= mixed >>> 15;
    }
    return mixed;
  }
}

function tooMany(): CloisterError {
  return new CloisterError("FAILURE", "there is too much content for one artifact", {
    why: "it has more than a hundred million chunks",
    next: "push it as several artifacts",
  });
}
