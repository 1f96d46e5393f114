// A pack on its way into the store: streamed there where the store can, and otherwise collected and sent whole.

import { integrity } from "../../base/errors.ts";
import type { ObjectDraft } from "../../store/store.ts";
import { copyShared } from "../copy-shared.ts";
import { createPack, type PackPlace, packName } from "../pack.ts";

/** Either `finish` or `discard` ends it. */
export interface PackSink {
  /** The bytes may change again once it returns. */
  append(bytes: Uint8Array): Promise<void>;
  /** The pack is durable when it returns. @throws CloisterError */
  finish(): Promise<void>;
  /** Never throws. */
  discard(): Promise<void>;
}

export async function openPack(
  place: Pick<PackPlace, "store" | "prefix">,
  id: string,
  blocks: Blocks,
): Promise<PackSink> {
  const name = packName(place.prefix, id);
  const draft = await place.store.begin?.();
  return draft ? new Streamed(draft, name) : new Collected(place.store, name, blocks);
}

class Streamed implements PackSink {
  readonly #draft: ObjectDraft;
  readonly #name: string;

  constructor(draft: ObjectDraft, name: string) {
    this.#draft = draft;
    this.#name = name;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#draft.append(bytes);
  }

  async finish(): Promise<void> {
    if ((await this.#draft.finish(this.#name)) === "created") return;
    throw integrity(`another object lies under the fresh random name ${this.#name}`);
  }

  async discard(): Promise<void> {
    await this.#draft.discard();
  }
}

const BLOCK_BYTES = 1024 * 1024;

/** A whole pack, and as much of the next one as fills while that is sent. */
const BLOCKS_MAX = 80;

/** Memory for packs that are collected, used again for the next one: the collector would let it pile up. */
export class Blocks {
  readonly #free: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #out = 0;

  /** Waits until there is one. */
  async take(): Promise<Buffer> {
    while (this.#out >= BLOCKS_MAX) await new Promise<void>((wake) => this.#waiting.push(wake));
    this.#out++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  giveBack(blocks: Buffer[]): void {
    this.#out -= blocks.length;
    this.#free.push(...blocks.splice(0));
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

class Collected implements PackSink {
  readonly #store: PackPlace["store"];
  readonly #name: string;
  readonly #pool: Blocks;
  readonly #blocks: Buffer[] = [];
  #filled = 0;

  constructor(store: PackPlace["store"], name: string, pool: Blocks) {
    this.#store = store;
    this.#name = name;
    this.#pool = pool;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const at = this.#filled % BLOCK_BYTES;
      if (at === 0) this.#blocks.push(await this.#pool.take());
      const taken = bytes.subarray(done, done + BLOCK_BYTES - at);
      copyShared(taken, this.#blocks.at(-1) as Buffer, at);
      this.#filled += taken.length;
      done += taken.length;
    }
  }

  async finish(): Promise<void> {
    const last = this.#blocks.length - 1;
    const parts = this.#blocks.map((block, i) =>
      i < last ? block : block.subarray(0, this.#filled - last * BLOCK_BYTES),
    );
    try {
      await createPack(this.#store, this.#name, parts);
    } finally {
      this.#pool.giveBack(this.#blocks);
    }
  }

  async discard(): Promise<void> {
    this.#pool.giveBack(this.#blocks);
  }
}
