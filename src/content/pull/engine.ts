// Has chunks fetched and opened: several requests and several workers at once, in memory that does not grow.
import { CloisterError } from "../../base/errors.ts";
import { checkAborted } from "../abort.ts";
import type { PackPlace } from "../pack.ts";
import { openPool, type Pool, threadsHere } from "../pool.ts";
import type { Tree } from "../tree.ts";
import { Blocks } from "./blocks.ts";
import { PLACE_COLUMNS, type PullJob, type PullResult, type PullSetup, type SealedChunks } from "./job.ts";
import { BLOCK_BYTES, type PackBlocks } from "./pack-blocks.ts";

/** Below this, threads take longer to start than they save. In bytes. */
const THREADS_FROM = 8 * 1024 * 1024;
/** Memory for what is fetched: enough for several requests under way, or two shuffled sections in each of several packs. */
const BLOCKS_HELD = 24;
/** Jobs that wait for their blocks or a worker: only bounds what they are made of. */
const JOBS_MAX = 64;

export interface EngineOptions {
  readonly tree: Pick<Tree, "pushKeys" | "packs" | "chunks">;
  readonly blocks: PackBlocks;
  readonly place: Pick<PackPlace, "store" | "prefix">;
  readonly signal: AbortSignal;
  /** How much there is to do, in bytes of content. */
  readonly bytes: number;
  /** See `PullSetup`. */
  readonly root?: string;
  /** Size of `PullSetup.opened`. */
  readonly openedBytes?: number;
}

/** Chunks to be opened together, by their rows, and the blocks that they lie in. */
export interface Batch {
  readonly rows: readonly number[];
  readonly blocks: readonly number[];
  /** Bytes of content in all of them. */
  readonly bytes: number;
}

type PullPool = Pool<PullJob, never, PullResult>;

export class Engine {
  readonly #options: EngineOptions;
  readonly #blocks: Blocks;
  readonly #opened: SharedArrayBuffer;
  #pool: Promise<PullPool> | undefined;
  /** Bytes that each worker has been given and not yet done. */
  #load: number[] = [];
  #running = 0;
  #closed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { tree, place, blocks } = options;
    const count = Math.min(BLOCKS_HELD, blocks.count);
    this.#blocks = new Blocks({ packs: tree.packs, place, blocks, count });
    this.#opened = new SharedArrayBuffer(options.openedBytes ?? 0);
  }

  /** What jobs of kind `open` write to. */
  get opened(): SharedArrayBuffer {
    return this.#opened;
  }

  /**
   * Takes on a batch; requests for what it needs go out once the caller waits for something.
   *
   * @param make the job that opens the chunks, which then lie in memory
   * @returns undefined where there is no room for it now; there is, once one that was taken on before is done
   * @throws CloisterError, from the promise: INTERRUPTED; what the store throws. What is missing is bad, see `PullResult`
   */
  start(batch: Batch, make: (chunks: SealedChunks) => PullJob): Promise<PullResult> | undefined {
    checkAborted(this.#options.signal);
    // Where room is short, it waits until a whole request is worth sending.
    if (this.#running >= JOBS_MAX) return undefined;
    if (this.#running > 2 * this.#load.length && !this.#blocks.roomy) return undefined;
    if (!this.#blocks.claim(batch.blocks)) return undefined;
    this.#running++;
    return this.#do(batch, make).finally(() => {
      this.#running--;
      this.#blocks.release(batch.blocks);
    });
  }

  /**
   * Does all batches, in whatever order they get done.
   *
   * @param done takes a batch's result; the first that it throws on is the end
   * @throws what `start` throws, and `done`
   */
  async runAll<T extends Batch>(
    batches: Iterable<T>,
    make: (batch: T, chunks: SealedChunks) => PullJob,
    done: (batch: T, result: Promise<PullResult>) => Promise<void>,
  ): Promise<void> {
    const running = new Set<Promise<void>>();
    let failure: { readonly error: unknown } | undefined;
    const follow = (batch: T, result: Promise<PullResult>) => {
      const ended: Promise<void> = done(batch, result)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(ended));
      running.add(ended);
    };
    try {
      for (const batch of batches) {
        let result = this.start(batch, (chunks) => make(batch, chunks));
        while (!result && !failure) {
          await Promise.race(running);
          result = this.start(batch, (chunks) => make(batch, chunks));
        }
        if (result) follow(batch, result);
        if (failure) break;
      }
    } finally {
      // Threads are ended and memory is given up only when nobody uses them any more.
      await Promise.all(running);
    }
    if (failure) throw failure.error;
  }

  /** A job that opens nothing, for a certain worker: `bytes` is what it reads. */
  async runOn(worker: number, job: PullJob, bytes: number): Promise<PullResult> {
    const pool = await this.#workers();
    this.#load[worker] = (this.#load[worker] ?? 0) + bytes;
    try {
      return await pool.run(worker, job);
    } finally {
      this.#load[worker] = (this.#load[worker] ?? 0) - bytes;
    }
  }

  /** Starts the workers, which otherwise the first job does. */
  async ready(): Promise<void> {
    await this.#workers();
  }

  /** The worker that has the least to do. */
  idlest(): number {
    return Math.max(0, this.#load.indexOf(Math.min(...this.#load)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#pool?.catch(() => undefined))?.close();
  }

  async #do(batch: Batch, make: (chunks: SealedChunks) => PullJob): Promise<PullResult> {
    // Requests go out once all that fits was taken on.
    await Promise.resolve();
    this.#blocks.flush();
    const missing = await this.#blocks.ready(batch.blocks);
    checkAborted(this.#options.signal);
    await this.ready();
    const result = await this.runOn(this.idlest(), make(this.#sealed(batch)), batch.bytes);
    return missing.size === 0 ? result : this.#without(batch, missing, result);
  }

  /** Chunks in blocks that are not there, or not whole, are bad, whatever lay in memory in their place. */
  #without({ rows }: Batch, missing: ReadonlyMap<number, string>, result: PullResult): PullResult {
    const bad = new Map((result.bad ?? []).map((each) => [each.chunk, each]));
    const verdicts = result.verdicts?.slice();
    for (const [chunk, row] of rows.entries()) {
      const why = this.#lacking(row, missing);
      if (why === undefined) continue;
      bad.set(chunk, { chunk, why });
      verdicts?.fill(0, chunk, chunk + 1);
    }
    return { bad: [...bad.values()].sort((a, b) => a.chunk - b.chunk), ...(verdicts && { verdicts }) };
  }

  /** Why a chunk could not be fetched; undefined where it could. */
  #lacking(row: number, missing: ReadonlyMap<number, string>): string | undefined {
    const blocks = this.#options.blocks.of(row);
    return blocks.map((block) => missing.get(block)).find((why) => why !== undefined);
  }

  #sealed({ rows }: Batch): SealedChunks {
    const { tree, blocks } = this.#options;
    const digests = new Uint8Array(rows.length * 32);
    const places = new Uint32Array(rows.length * PLACE_COLUMNS);
    for (const [i, row] of rows.entries()) {
      digests.set(tree.chunks.digest(row), i * 32);
      const { key, codec, plain, stored } = tree.chunks.place(row);
      const [block, inside] = blocks.startOf(row);
      const first = Math.min(stored, BLOCK_BYTES - inside);
      const rest = stored - first;
      const restAt = rest > 0 ? this.#blocks.at(block + 1) : 0;
      places.set([key, codec, plain, this.#blocks.at(block) + inside, first, restAt, rest], i * PLACE_COLUMNS);
    }
    return { digests, places };
  }

  async #workers(): Promise<PullPool> {
    if (this.#closed) throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
    this.#pool ??= this.#open();
    return await this.#pool;
  }

  async #open(): Promise<PullPool> {
    const { tree, root = "", signal, bytes } = this.#options;
    const setup: PullSetup = { pushKeys: tree.pushKeys, sealed: this.#blocks.memory, opened: this.#opened, root };
    const threads = bytes < THREADS_FROM ? 0 : threadsHere();
    const pool: PullPool = await openPool({ crew: "pull", setup, threads, itemsAhead: 1, signal });
    this.#load = new Array<number>(pool.workers).fill(0);
    return pool;
  }
}
