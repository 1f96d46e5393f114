// Blocks of packs, fetched into memory that workers share. Those that are needed stay; of the others, the longest unused go
// first.
import { explained, integrity, isIntegrity } from "../../base/errors.ts";
import { copyShared } from "../copy-shared.ts";
import { type PackPlace, packName } from "../pack.ts";
import type { Tree } from "../tree.ts";
import { BLOCK_BYTES, type PackBlocks } from "./pack-blocks.ts";

/** Blocks that one request asks for at most: a far store takes as long to begin its answer as for several of them. */
const RUN_MAX = 4;

interface Block {
  readonly number: number;
  /** Where it lies in memory, in blocks; -1 until it is asked for. */
  slot: number;
  /** Jobs that need it. */
  users: number;
  ready: Promise<void>;
  /** When the last of them released it: larger is later. */
  unusedSince: number;
}

export interface BlocksOptions {
  readonly packs: Tree["packs"];
  readonly place: Pick<PackPlace, "store" | "prefix">;
  readonly blocks: PackBlocks;
  /** How many are held at once: all of them, or enough for several batches. */
  readonly count: number;
}

export class Blocks {
  readonly memory: SharedArrayBuffer;
  readonly #options: BlocksOptions;
  readonly #blocks = new Map<number, Block>();
  /** What lies where in the memory. */
  readonly #slots: (Block | undefined)[];
  /** Blocks that have users, whether they were asked for yet or not. */
  #needed = 0;
  #releases = 0;
  /** Blocks that follow one another and are asked for with one request, once no more of them can be added. */
  #run: Block[] = [];

  constructor(options: BlocksOptions) {
    this.#options = options;
    this.memory = new SharedArrayBuffer(options.count * BLOCK_BYTES);
    this.#slots = new Array<Block | undefined>(options.count).fill(undefined);
  }

  /** Blocks that could be fetched now without giving up one that is needed. */
  get #room(): number {
    return this.#slots.length - this.#needed;
  }

  /** Whether what is claimed next can be fetched with whole requests: into memory that is not in pieces. */
  get roomy(): boolean {
    return this.#window(RUN_MAX) !== undefined;
  }

  /**
   * Keeps blocks until they are released, and has those fetched that are not there.
   * @returns whether there was room for them; otherwise nothing happened
   */
  claim(numbers: readonly number[]): boolean {
    const missing = numbers.filter((number) => !this.#blocks.has(number)).length;
    const kept = numbers.filter((number) => this.#blocks.get(number)?.users === 0).length;
    if (missing > this.#room - kept) return false;
    for (const number of numbers) {
      const known = this.#blocks.get(number);
      if (known?.users === 0) this.#needed++;
      if (known) known.users++;
    }
    for (const number of numbers) if (!this.#blocks.has(number)) this.#add(number);
    return true;
  }

  /** Sends off what was claimed. */
  flush(): void {
    while (this.#run.length > 0) {
      const run = this.#run.splice(0, this.#place(this.#run));
      const fetched = this.#fetch(run);
      for (const [i, block] of run.entries()) {
        block.ready = fetched.then((answer) => answer.check((i + 1) * BLOCK_BYTES));
        // Whoever needs the block hears of it.
        block.ready.catch(() => undefined);
      }
    }
  }

  /**
   * Waits for blocks that were claimed and sent off.
   * @returns why some are not there: their pack is missing or too short
   * @throws CloisterError what the store throws
   */
  async ready(numbers: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const missing = new Map<number, string>();
    for (const number of numbers) {
      try {
        await this.#blocks.get(number)?.ready;
      } catch (error) {
        if (!isIntegrity(error)) throw error;
        missing.set(number, explained(error));
      }
    }
    return missing;
  }

  /** Where a block that is ready lies in the memory, in bytes. */
  at(number: number): number {
    return (this.#blocks.get(number)?.slot ?? 0) * BLOCK_BYTES;
  }

  release(numbers: readonly number[]): void {
    for (const number of numbers) {
      const block = this.#blocks.get(number);
      if (!block) continue;
      block.users--;
      if (block.users > 0) continue;
      this.#needed--;
      block.unusedSince = ++this.#releases;
    }
  }

  #add(number: number): void {
    const last = this.#run.at(-1);
    const follows = last !== undefined && last.number + 1 === number && this.#options.blocks.placeOf(number).from > 0;
    if (last && !follows) this.flush();
    const block: Block = { number, slot: -1, users: 1, ready: Promise.resolve(), unusedSince: 0 };
    this.#blocks.set(number, block);
    this.#needed++;
    this.#run.push(block);
    if (this.#run.length === RUN_MAX) this.flush();
  }

  /** Gives the first blocks of a run slots that follow one another, in place of others; how many found room so. */
  #place(run: readonly Block[]): number {
    let length = run.length;
    let first = this.#window(length);
    while (first === undefined && length > 1) first = this.#window(--length);
    if (first === undefined) throw new TypeError("there is no room for a block that was claimed");
    for (const [i, block] of run.slice(0, length).entries()) {
      block.slot = first + i;
      const before = this.#slots[block.slot];
      if (before) this.#blocks.delete(before.number);
      this.#slots[block.slot] = block;
    }
    return length;
  }

  /** Where so many slots begin that nobody needs, for the longest time; one there always is for what was claimed. */
  #window(length: number): number | undefined {
    let [best, bestSince] = [undefined as number | undefined, Number.POSITIVE_INFINITY];
    for (let first = 0; first + length <= this.#slots.length; first++) {
      const held = this.#slots.slice(first, first + length);
      const since = Math.max(...held.map((block) => block?.unusedSince ?? 0));
      if (since >= bestSince || held.some((block) => block && block.users > 0)) continue;
      [best, bestSince] = [first, since];
    }
    return best;
  }

  async #fetch(run: readonly Block[]): Promise<Answer> {
    const { packs, place, blocks } = this.#options;
    const [{ number, slot } = { number: 0, slot: 0 }] = run;
    const { pack: packNumber, from } = blocks.placeOf(number);
    const pack = packs[packNumber];
    if (!pack) throw new TypeError("no such block");
    const length = Math.min(run.length * BLOCK_BYTES, pack.bytes - from);
    const into = new Uint8Array(this.memory, slot * BLOCK_BYTES, length);
    const bytes = await place.store.range(packName(place.prefix, pack.id), from, length, into);
    // A store may have memory of its own to answer from.
    if (bytes && bytes.length > 0 && bytes.buffer !== into.buffer) copyShared(bytes.subarray(0, length), into, 0);
    return new Answer(pack.id, length, bytes?.length);
  }
}

/** What a store gave when it was asked for some blocks. */
class Answer {
  readonly #pack: string;
  readonly #expected: number;
  readonly #bytes: number | undefined;

  constructor(pack: string, expected: number, bytes: number | undefined) {
    this.#pack = pack;
    this.#expected = expected;
    this.#bytes = bytes;
  }

  /** Blocks before the end of a pack that was cut short are what they were. @throws CloisterError INTEGRITY */
  check(upTo: number): void {
    if (this.#bytes !== undefined && this.#bytes >= Math.min(upTo, this.#expected)) return;
    throw integrity(`the pack ${this.#pack} is ${this.#bytes === undefined ? "missing" : "cut short"}`, {
      why: "content that a version relies on was deleted or truncated in the store",
    });
  }
}
