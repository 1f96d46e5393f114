// Many chunks and where they lie, in typed arrays: about 53 bytes a chunk, where an object for each takes several times that.

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

/** Chunks by number. */
export class ChunkTable {
  #count = 0;
  #digests: Buffer;
  #columns: Uint32Array;
  #codecs: Uint8Array;

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
    return row;
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
  }
}
