// Reads sealed chunks out of packs in aligned ranges of whole MiB, so that the store sees no chunk lengths.
import { integrity } from "../base/errors.ts";
import { type PackPlace, type PackRef, packName } from "./pack.ts";

const BLOCK_BYTES = 1024 * 1024;
/** Blocks read ahead at most, with one request: a far store takes as long to begin its answer as for several of them. */
const AHEAD_MAX = 8;
/** Enough for two shuffled sections, what is read ahead, and chunks that lie in other packs in between. */
const BLOCKS_KEPT = 20;

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
    const known = this.#known(pack, number);
    const block = known ?? this.#fetch(pack, number, 1);
    this.#keep(pack, number, block);
    this.#readAhead(pack, number);
    // What was read ahead may have failed for another block's sake.
    return await (known ? known.catch(() => this.#range(pack, number, 1)) : block);
  }

  /** The longer the blocks were read in order, the further it looks; a new request goes out when half of that is used up. */
  #readAhead(pack: PackRef, number: number): void {
    let run = 0;
    while (run < AHEAD_MAX && this.#known(pack, number - run - 1)) run++;
    const ahead = Math.min(AHEAD_MAX, 2 * run);
    const last = Math.min(number + ahead, Math.ceil(pack.bytes / BLOCK_BYTES) - 1);
    if (this.#known(pack, Math.min(number + ahead / 2, last))) return;
    let first = number + 1;
    while (first <= last && this.#known(pack, first)) first++;
    if (first <= last) void this.#fetch(pack, first, last - first + 1);
  }

  #known(pack: PackRef, number: number): Promise<Uint8Array> | undefined {
    return this.#blocks.get(`${pack.id} ${String(number)}`);
  }

  /** Fetches blocks that follow one another; the first of them. */
  #fetch(pack: PackRef, first: number, count: number): Promise<Uint8Array> {
    const all = this.#range(pack, first, count);
    const blocks = Array.from({ length: count }, (_, at) =>
      all.then((bytes) => bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES)),
    );
    // Whether it failed shows when somebody asks for it; then it is asked for again.
    blocks.forEach((block, at) => {
      this.#keep(pack, first + at, block);
      block.catch(() => this.#blocks.delete(`${pack.id} ${String(first + at)}`));
    });
    return blocks[0] as Promise<Uint8Array>;
  }

  #keep(pack: PackRef, number: number, block: Promise<Uint8Array>): void {
    const key = `${pack.id} ${String(number)}`;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_KEPT) break;
      this.#blocks.delete(oldest);
    }
  }

  async #range(pack: PackRef, first: number, count: number): Promise<Uint8Array> {
    const from = first * BLOCK_BYTES;
    const length = Math.min(count * BLOCK_BYTES, pack.bytes - from);
    const bytes = await this.#place.store.range(packName(this.#place.prefix, pack.id), from, length);
    if (bytes?.length === length) return bytes;
    throw integrity(`the pack ${pack.id} is ${bytes ? "cut short" : "missing"}`, {
      why: "content that a version relies on was deleted or truncated in the store",
    });
  }
}
