// Takes sealed sections into the one open pack; full packs are made durable while the next one fills.
import { randomBytes, randomFillSync } from "node:crypto";
import { PACK_BYTES, type PackPlace, type PackRef, paddedBytes } from "../pack.ts";
import type { SealedSection } from "./job.ts";
import { Blocks, openPack, type PackSink } from "./open-pack.ts";
import type { PackList } from "./pack-list.ts";
import { type PackRecord, recordOf } from "./pack-record.ts";
import type { SharedChunks } from "./shared-chunks.ts";

/** Packs that may be on their way to durability at once. Where a pack lies in memory until then, one has to do. */
const FINISHING_MAX = { streamed: 2, collected: 1 } as const;
const PADDING_BYTES = 64 * 1024;

export interface PackFillerOptions {
  readonly place: Pick<PackPlace, "store" | "prefix">;
  readonly chunks: SharedChunks;
  readonly packs: PackList;
  /** Called one after the other, each after the store has acknowledged the pack and before anything relies on it. */
  readonly onPack: (record: PackRecord) => Promise<void>;
}

interface OpenPack {
  readonly id: string;
  readonly number: number;
  readonly sink: PackSink;
  readonly rows: number[];
  filled: number;
}

export class PackFiller {
  readonly #options: PackFillerOptions;
  readonly #blocks = new Blocks();
  readonly #finishing = new Set<Promise<void>>();
  #open: OpenPack | undefined;
  #turn: Promise<void> = Promise.resolve();
  #told: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #storedBytes = 0;
  #waiting = false;

  constructor(options: PackFillerOptions) {
    this.#options = options;
  }

  /** Bytes of sealed chunks so far, without padding. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Whether it waits for the store to acknowledge a pack before it takes more. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /**
   * Appends a section. When it returns, the section's buffer may change again.
   * @throws what the store or `onPack` threw, also for an earlier pack
   */
  async add(section: SealedSection): Promise<void> {
    await this.#inTurn(() => this.#append(section));
  }

  /** Stores the last pack; when it returns, everything that was added is acknowledged. */
  async finish(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#open) await this.#close(this.#open, paddedBytes(this.#open.filled));
      await Promise.all(this.#finishing);
      this.#check();
    });
  }

  /** Waits for what is under way, whatever becomes of it, and drops what is not whole: for after an error. */
  async settle(): Promise<void> {
    await this.#turn;
    await this.#open?.sink.discard();
    this.#open = undefined;
    await Promise.all(this.#finishing);
    await this.#told;
  }

  async #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => {
      this.#check();
      return act();
    });
    this.#turn = done.catch((error: unknown) => this.#failed(error));
    await done;
  }

  async #append({ bytes, rows }: SealedSection): Promise<void> {
    const { chunks } = this.#options;
    let from = 0;
    for (let next = 0; next < rows.length; ) {
      this.#open ??= await this.#begin();
      const open = this.#open;
      let to = from;
      for (; next < rows.length; next++) {
        const row = rows[next] ?? 0;
        const offset = open.filled + to - from;
        const stored = chunks.storedBytes(row);
        if (offset + stored > PACK_BYTES) break;
        chunks.placed(row, 0, open.number, offset);
        open.rows.push(row);
        to += stored;
      }
      if (to > from) await open.sink.append(bytes.subarray(from, to));
      open.filled += to - from;
      this.#storedBytes += to - from;
      from = to;
      if (next < rows.length) await this.#close(open, PACK_BYTES);
    }
  }

  async #begin(): Promise<OpenPack> {
    const { place, packs } = this.#options;
    const id = randomBytes(16).toString("hex");
    const sink = await openPack(place, id, this.#blocks);
    return { id, number: packs.number({ id, bytes: 0 }), sink, rows: [], filled: 0 };
  }

  async #close(open: OpenPack, bytes: number): Promise<void> {
    const { place, packs } = this.#options;
    const padding = Buffer.allocUnsafe(PADDING_BYTES);
    for (let left = bytes - open.filled; left > 0; left -= PADDING_BYTES) {
      await open.sink.append(randomFillSync(padding).subarray(0, Math.min(left, PADDING_BYTES)));
    }
    packs.resize(open.number, bytes);
    await this.#room(place.store.begin ? FINISHING_MAX.streamed : FINISHING_MAX.collected);
    this.#open = undefined;
    const finishing = this.#finish(open, { id: open.id, bytes })
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  async #room(most: number): Promise<void> {
    this.#waiting = true;
    while (this.#finishing.size >= most) await Promise.race(this.#finishing);
    this.#waiting = false;
    this.#check();
  }

  async #finish(open: OpenPack, ref: PackRef): Promise<void> {
    await open.sink.finish();
    const { chunks, onPack } = this.#options;
    const told = this.#told.then(() => onPack(recordOf(ref, chunks, open.rows)));
    this.#told = told.catch(() => undefined);
    await told;
  }

  #failed(error: unknown): void {
    this.#failure ??= { error };
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
