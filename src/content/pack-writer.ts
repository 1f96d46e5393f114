// Seals new chunks into packs and stores the packs, one while the next is filled.
import { randomBytes, randomFillSync, randomInt } from "node:crypto";
import type { ChunkTable } from "./chunk-table.ts";
import { CHUNK_MAX } from "./chunker.ts";
import { createPack, PACK_BYTES, type PackPlace, packName, paddedBytes } from "./pack.ts";
import { CHUNK_OVERHEAD, CODEC_NONE, sealChunk } from "./seal-chunk.ts";

/** Chunks are shuffled within sections of about this size, so that reading in order needs few ranges. */
const SECTION_BYTES = 1024 * 1024;

/** A pack that the store has acknowledged, and what lies in it. */
export interface PackRecord {
  readonly id: string;
  readonly bytes: number;
  readonly chunks: readonly {
    /** SHA-256 of the content, hex. */
    readonly h: string;
    readonly offset: number;
    readonly stored: number;
    readonly plain: number;
    readonly codec: number;
  }[];
}

export interface PackWriterOptions {
  readonly place: Pick<PackPlace, "store" | "prefix">;
  readonly pushKey: Buffer;
  readonly table: ChunkTable;
  /** Called once for each pack begun; the number it returns stands in the table. */
  readonly begin: (id: string) => { readonly pack: number; readonly key: number };
  /** Called when the store has acknowledged the pack. */
  readonly onPack: (record: PackRecord) => Promise<void>;
}

interface OpenPack {
  readonly id: string;
  readonly pack: number;
  readonly key: number;
  readonly bytes: Buffer;
  readonly rows: number[];
  filled: number;
}

export class PackWriter {
  readonly #options: PackWriterOptions;
  /** Two, taken in turn: one is being filled while the other is stored. */
  readonly #buffers: [Buffer?, Buffer?] = [];
  readonly #section = Buffer.allocUnsafeSlow(SECTION_BYTES + CHUNK_MAX + CHUNK_OVERHEAD);
  #sectionRows: number[] = [];
  #sectionBytes = 0;
  #open: OpenPack | undefined;
  #begun = 0;
  #storing: Promise<void> = Promise.resolve();

  constructor(options: PackWriterOptions) {
    this.#options = options;
  }

  /** Seals a chunk that is not stored yet; its row in the table. The chunk's bytes are not needed afterwards. */
  async add(h: Buffer, chunk: Uint8Array): Promise<number> {
    const stored = chunk.length + CHUNK_OVERHEAD;
    if (this.#open && this.#open.filled + this.#sectionBytes + stored > PACK_BYTES) await this.#close(true);
    this.#open ??= this.#start();
    const { pack, key } = this.#open;
    sealChunk(this.#options.pushKey, h, chunk, this.#section, this.#sectionBytes);
    const place = { key, pack, offset: 0, stored, plain: chunk.length, codec: CODEC_NONE };
    const row = this.#options.table.add(h, place);
    this.#sectionRows.push(row);
    this.#sectionBytes += stored;
    if (this.#sectionBytes >= SECTION_BYTES) this.#shuffle(this.#open);
    return row;
  }

  /** Stores the last pack; when it returns, everything that was added is acknowledged. */
  async finish(): Promise<void> {
    if (this.#open) await this.#close(false);
    await this.#storing;
  }

  /** Waits for what is under way, whatever becomes of it: for after an error. */
  async settle(): Promise<void> {
    await this.#storing.catch(() => undefined);
  }

  #start(): OpenPack {
    const id = randomBytes(16).toString("hex");
    const turn = this.#begun++ % 2 === 0 ? 0 : 1;
    const bytes = this.#buffers[turn] ?? Buffer.allocUnsafeSlow(PACK_BYTES);
    this.#buffers[turn] = bytes;
    return { id, ...this.#options.begin(id), bytes, rows: [], filled: 0 };
  }

  /** Moves the section's chunks into the pack in a random order: runs of chunk lengths identify known content. */
  #shuffle(open: OpenPack): void {
    const { table } = this.#options;
    let from = 0;
    const chunks = this.#sectionRows.map((row) => {
      const { stored } = table.place(row);
      from += stored;
      return { row, sealed: this.#section.subarray(from - stored, from) };
    });
    for (let i = chunks.length - 1; i > 0; i--) {
      const j = randomInt(i + 1);
      [chunks[i], chunks[j]] = [chunks[j] as (typeof chunks)[0], chunks[i] as (typeof chunks)[0]];
    }
    for (const { row, sealed } of chunks) {
      open.bytes.set(sealed, open.filled);
      table.setOffset(row, open.filled);
      open.rows.push(row);
      open.filled += sealed.length;
    }
    this.#sectionRows = [];
    this.#sectionBytes = 0;
  }

  async #close(full: boolean): Promise<void> {
    const open = this.#open;
    if (!open) return;
    this.#shuffle(open);
    this.#open = undefined;
    const bytes = open.bytes.subarray(0, full ? PACK_BYTES : paddedBytes(open.filled));
    randomFillSync(bytes, open.filled);
    await this.#storing;
    this.#storing = this.#store(open, bytes);
    // An early failure is reported at the next wait; until then it must not count as unhandled.
    this.#storing.catch(() => undefined);
  }

  async #store(open: OpenPack, bytes: Buffer): Promise<void> {
    const { place, table, onPack } = this.#options;
    await createPack(place.store, packName(place.prefix, open.id), bytes);
    const chunks = open.rows.map((row) => {
      const { offset, stored, plain, codec } = table.place(row);
      return { h: table.digest(row).toString("hex"), offset, stored, plain, codec };
    });
    await onPack({ id: open.id, bytes: bytes.length, chunks });
  }
}
