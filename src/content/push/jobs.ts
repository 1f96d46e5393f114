// Runs jobs of a push: opens the workers once it is known how much there is to do, and makes sure of what a job found again.
import { setImmediate } from "node:timers/promises";
import { openPool, type Pool, threadsHere } from "../pool.ts";
import { checkKnown, holdsDropped, holdsUnchecked } from "./check-known.ts";
import type { PushJob, PushResult, PushSetup, SealedSection } from "./job.ts";
import type { PackFiller } from "./pack-filler.ts";
import { Scheduler } from "./scheduler.ts";
import type { Ground, KnownRows } from "./sources.ts";

export interface JobsOptions {
  readonly ground: Ground;
  readonly known: KnownRows;
  readonly filler: PackFiller;
  /** Compress what gains at least this factor; 0 compresses nothing. */
  readonly gainLeast: number;
  /** For tests: 0 works in this thread, whatever there is to do. */
  readonly threads: number | undefined;
  readonly signal: AbortSignal;
  /** Called when a job has ended. */
  readonly onDone: () => void;
}

/** A job, made when its turn comes, and what is done with its result. Both may happen more than once. */
interface Planned {
  readonly job: () => PushJob;
  readonly use: (result: PushResult) => void;
}

/** Content that was found in what somebody else wrote, and what to do where it is not there after all. */
interface Relied {
  readonly ranges: Uint32Array;
  readonly redo: () => Promise<void>;
}

/** Less work than this is done before a thread has started. */
const THREADS_FROM_BYTES = 8 * 1024 * 1024;
/** Opening and looking at a file takes as long as so many bytes. */
const FILE_BYTES = 4096;
/** Sections of one worker that may be on their way into a pack. */
const SECTIONS_AHEAD = 3;

export class Jobs {
  readonly #options: JobsOptions;
  #waiting: Planned[] = [];
  #relied: Relied[] = [];
  #waitingBytes = 0;
  #pool: Pool<PushJob, SealedSection, PushResult> | undefined;
  #scheduler: Scheduler | undefined;
  #digesting = 0;
  #bytesNew = 0;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Bytes of content that were neither known nor seen before in this push. */
  get bytesNew(): number {
    return this.#bytesNew;
  }

  /** How many workers there are at most. */
  get workersMost(): number {
    return this.#options.threads ?? threadsHere();
  }

  /** Gives a job to whichever worker has time first; returns once there is room for one more. */
  async add(job: () => PushJob, use: Planned["use"]): Promise<void> {
    if (this.#scheduler) return await this.#give(this.#scheduler, { job, use });
    this.#waiting.push({ job, use });
    this.#waitingBytes += weight(job());
    if (this.#waitingBytes >= THREADS_FROM_BYTES) await this.#open(this.workersMost);
  }

  /** Makes sure, before the push is done, of content that is used again without being read; does it anew otherwise. */
  relyOn(ranges: Uint32Array, redo: () => Promise<void>): void {
    if (holdsUnchecked(ranges, this.#options.known)) this.#relied.push({ ranges, redo });
  }

  /** Waits until `reached`, which is asked whenever a job has ended. @throws what a job threw */
  async until(reached: () => boolean): Promise<void> {
    const scheduler = this.#scheduler ?? (await this.#open(this.workersMost));
    await scheduler.until(reached);
  }

  /** A worker for the digest of one file: each in turn. */
  digestWorker(): number {
    return this.#digesting++ % Math.max(1, this.workersMost);
  }

  /** Goes on with a file's digest; those of one file have to be given to one worker, and in order. */
  digest(worker: number, job: PushJob & { readonly kind: "digest" }, use: (digest: Uint8Array) => void): void {
    const on = this.#pool ? worker % this.#pool.workers : 0;
    this.#scheduler?.addTo(on, async () => use((await this.#run(job, on)).digests));
  }

  /** Returns when everything that was added is done, and all that was found again can be relied on. */
  async idle(): Promise<void> {
    const { known, ground, signal } = this.#options;
    const scheduler = this.#scheduler ?? (await this.#open(0));
    for (;;) {
      await scheduler.idle();
      const relied = this.#relied.splice(0);
      if (relied.length === 0) return;
      await checkKnown(
        relied.map(({ ranges }) => ranges),
        known,
        ground,
        signal,
      );
      for (const { ranges, redo } of relied) if (holdsDropped(ranges, ground)) await redo();
    }
  }

  /** Ends the workers, and waits until nothing of them is under way. @param error why, if not because all is done */
  async close(error?: unknown): Promise<void> {
    const settled = error === undefined ? undefined : this.#scheduler?.settle(error);
    await this.#pool?.close();
    await settled;
  }

  async #open(threads: number): Promise<Scheduler> {
    const { ground, gainLeast, signal } = this.#options;
    const setup: PushSetup = {
      chunks: ground.chunks.shared(),
      pushKey: ground.keys.key(0),
      gainLeast,
      sections: SECTIONS_AHEAD + 1,
    };
    this.#pool = await openPool({ crew: "push", setup, threads, itemsAhead: SECTIONS_AHEAD, signal });
    const scheduler = new Scheduler(this.#pool.workers, signal);
    this.#scheduler = scheduler;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) await this.#give(scheduler, one);
    return scheduler;
  }

  async #give(scheduler: Scheduler, { job, use }: Planned): Promise<void> {
    await scheduler.add(async (worker) => {
      const given = job();
      const result = await (given.kind === "bytes" ? this.#sure(given, worker) : this.#run(given, worker));
      use(result);
      this.relyOn(result.ranges, () => this.add(job, use));
    });
  }

  /** What was read in this thread cannot be read again later: what it was found to hold is looked at at once. */
  async #sure(job: PushJob, worker: number): Promise<PushResult> {
    const { known, ground, signal } = this.#options;
    for (;;) {
      const result = await this.#run(job, worker);
      await checkKnown([result.ranges], known, ground, signal);
      if (!holdsDropped(result.ranges, ground)) return result;
    }
  }

  async #run(job: PushJob, worker: number): Promise<PushResult> {
    const { filler, onDone } = this.#options;
    const pool = this.#pool;
    if (!pool) throw new TypeError("no workers");
    // In this thread nothing else, no signal above all, would get a turn.
    await setImmediate();
    const result = await pool.run(worker, job, (section) => filler.add(section));
    this.#bytesNew += result.bytesNew;
    onDone();
    return result;
  }
}

function weight(job: PushJob): number {
  if (job.kind === "bytes") return job.bytes.length;
  if (job.kind === "batch") return job.files.reduce((sum, { stats }) => sum + stats.size + FILE_BYTES, 0);
  return job.to - job.from;
}
