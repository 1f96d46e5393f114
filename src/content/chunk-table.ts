// Many chunks and where they lie, in typed arrays: about 60 bytes a chunk, where a Map takes 115 for the index alone.
import { randomBytes } from "node:crypto";

/** Where a chunk lies: which push key seals it, in which pack, at which bytes. */
export interface ChunkPlace {
  /** Index into a list of push keys. */
  readonly key: number;
  /** Index into a list of packs. */
  readonly pack: number;
  readonly offset: number;
  /** Bytes in the pack. */
  readonly stored: number;
  /** Bytes of content. */
  readonly plain: number;
  readonly codec: number;
}

const COLUMNS = 5;
const ABSENT = -1;

/** Chunks by number, and by digest once somebody asks. */
export class ChunkTable {
  #count = 0;
  #digests: Buffer;
  #columns: Uint32Array;
  #codecs: Uint8Array;
  /** Open addressing, at most half full; undefined until the first search. */
  #slots: Int32Array | undefined;
  /** Trees are written by others, who must not be able to make all digests fall into one slot. */
  readonly #salt = Int32Array.from({ length: 8 }, () => randomBytes(4).readInt32LE() | 1);

  constructor(expected = 64) {
    this.#digests = Buffer.allocUnsafeSlow(expected * 32);
    this.#columns = new Uint32Array(expected * COLUMNS);
    this.#codecs = new Uint8Array(expected);
  }

  get count(): number {
    return this.#count;
  }

  /** Number of the chunk that is added. */
  add(h: Uint8Array, place: ChunkPlace): number {
    if (this.#count === this.#codecs.length) this.#grow();
    const row = this.#count++;
    this.#digests.set(h, row * 32);
    this.#columns.set([place.key, place.pack, place.offset, place.stored, place.plain], row * COLUMNS);
    this.#codecs[row] = place.codec;
    if (this.#slots) this.#index(row);
    return row;
  }

  /** Number of a chunk with this digest, or -1. */
  find(h: Buffer): number {
    const slots = this.#slots ?? this.#indexAll();
    for (let slot = this.#slotOf(h, 0); ; slot = (slot + 1) & (slots.length - 1)) {
      const row = slots[slot] ?? ABSENT;
      if (row === ABSENT || this.#digests.compare(h, 0, 32, row * 32, row * 32 + 32) === 0) return row;
    }
  }

  /** SHA-256 of chunk `row`; a view. */
  digest(row: number): Buffer {
    return this.#digests.subarray(row * 32, row * 32 + 32);
  }

  place(row: number): ChunkPlace {
    const at = row * COLUMNS;
    const columns = this.#columns;
    return {
      key: columns[at] ?? 0,
      pack: columns[at + 1] ?? 0,
      offset: columns[at + 2] ?? 0,
      stored: columns[at + 3] ?? 0,
      plain: columns[at + 4] ?? 0,
      codec: this.#codecs[row] ?? 0,
    };
  }

  plainBytes(row: number): number {
    return this.#columns[row * COLUMNS + 4] ?? 0;
  }

  /** The offset of a chunk becomes known only when the order in its pack is drawn. */
  setOffset(row: number, offset: number): void {
    this.#columns[row * COLUMNS + 2] = offset;
  }

  #grow(): void {
    const capacity = this.#codecs.length * 2;
    const digests = Buffer.allocUnsafeSlow(capacity * 32);
    digests.set(this.#digests);
    this.#digests = digests;
    const columns = new Uint32Array(capacity * COLUMNS);
    columns.set(this.#columns);
    this.#columns = columns;
    const codecs = new Uint8Array(capacity);
    codecs.set(this.#codecs);
    this.#codecs = codecs;
    if (this.#slots) this.#indexAll();
  }

  #indexAll(): Int32Array {
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(this.#codecs.length * 2 + 2))).fill(ABSENT);
    this.#slots = slots;
    for (let row = 0; row < this.#count; row++) this.#index(row);
    return slots;
  }

  #index(row: number): void {
    const slots = this.#slots;
    if (!slots) return;
    const digest = this.digest(row);
    let slot = this.#slotOf(digest, 0);
    for (let other = slots[slot] ?? ABSENT; other !== ABSENT; other = slots[slot] ?? ABSENT) {
      // The first of several with one digest is as good as the others, and a list of equals must not cost its square.
      if (this.#digests.compare(digest, 0, 32, other * 32, other * 32 + 32) === 0) return;
      slot = (slot + 1) & (slots.length - 1);
    }
    slots[slot] = row;
  }

  #slotOf(digests: Buffer, at: number): number {
    let mixed = 0;
    for (let word = 0; word < 8; word++) {
      mixed = Math.imul(mixed ^ digests.readInt32LE(at + word * 4), this.#salt[word] ?? 1);
      mixed ^= mixed >>> 15;
    }
    return mixed & ((this.#slots?.length ?? 1) - 1);
  }
}
