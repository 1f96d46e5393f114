// Reads sealed chunks out of packs in aligned 1 MiB ranges, so that the store sees no chunk lengths.
import { integrity } from "../base/errors.ts";
import { type PackPlace, type PackRef, packName } from "./pack.ts";

const BLOCK_BYTES = 1024 * 1024;
/** Enough for two shuffled sections, a block read ahead, and chunks that lie in other packs in between. */
const BLOCKS_KEPT = 12;

export class PackReader {
  readonly #place: Pick<PackPlace, "store" | "prefix">;
  /** Least recently used first. */
  readonly #blocks = new Map<string, Promise<Uint8Array>>();

  constructor(place: Pick<PackPlace, "store" | "prefix">) {
    this.#place = place;
  }

  /** @throws CloisterError INTEGRITY where the pack is missing or shorter than it should be */
  async read(pack: PackRef, offset: number, length: number): Promise<Uint8Array> {
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.floor((offset + length - 1) / BLOCK_BYTES);
    const start = offset - first * BLOCK_BYTES;
    const block = await this.#block(pack, first);
    if (first === last) return block.subarray(start, start + length);
    // A chunk is shorter than a block, so it lies in two at most.
    const next = await this.#block(pack, last);
    return Buffer.concat([block.subarray(start), next.subarray(0, length - (block.length - start))], length);
  }

  async #block(pack: PackRef, number: number): Promise<Uint8Array> {
    const sequential = this.#blocks.has(`${pack.id} ${String(number - 1)}`);
    const block = this.#fetch(pack, number);
    // Read ahead; whether that failed shows when somebody asks for it.
    if (sequential && (number + 1) * BLOCK_BYTES < pack.bytes) void this.#fetch(pack, number + 1);
    return await block;
  }

  #fetch(pack: PackRef, number: number): Promise<Uint8Array> {
    const key = `${pack.id} ${String(number)}`;
    const known = this.#blocks.get(key);
    const block = known ?? this.#range(pack, number * BLOCK_BYTES);
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    // A failed range is asked for again by whoever needs it next.
    if (!known) block.catch(() => this.#blocks.delete(key));
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_KEPT) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }

  async #range(pack: PackRef, from: number): Promise<Uint8Array> {
    const length = Math.min(BLOCK_BYTES, pack.bytes - from);
    const bytes = await this.#place.store.range(packName(this.#place.prefix, pack.id), from, length);
    if (bytes?.length === length) return bytes;
    throw integrity(`the pack ${pack.id} is ${bytes ? "cut short" : "missing"}`, {
      why: "content that a version relies on was deleted or truncated in the store",
    });
  }
}
