// Workers that cut, seal and open content beside one another. Small work stays in this thread: one takes 40 ms to start.
import { availableParallelism } from "node:os";
import { Worker as Thread } from "node:worker_threads";
import { CloisterError } from "../base/errors.ts";
import { checkAborted } from "./abort.ts";
import type { CrewName, Worker } from "./crew.ts";
import { type FromThread, revive, type ThreadData } from "./worker-message.ts";

export interface PoolOptions {
  readonly crew: CrewName;
  /** What every worker begins with. Structured-cloneable; `SharedArrayBuffer`s in it are shared. */
  readonly setup: unknown;
  /** Threads; 0 does the jobs in this thread. */
  readonly threads: number;
  /** Items of one worker that may be under way at once, at least 1. In this thread it is always 1. */
  readonly itemsAhead: number;
  readonly signal: AbortSignal;
}

/** Workers that can be given jobs. Each does its jobs in the order in which it was given them. */
export interface Pool<Job, Item, Result> {
  /** How many there are: at least 1. */
  readonly workers: number;
  /**
   * Gives worker number `worker` a job.
   * @param onItem is given what the job yields, one after the other; the buffers of an item are its own until it is done
   * @throws what the job threw, as a CloisterError with the same code; INTERRUPTED
   */
  run(worker: number, job: Job, onItem?: (item: Item) => Promise<void>): Promise<Result>;
  /** Ends the threads, whatever they are doing. */
  close(): Promise<void>;
}

/** More than four gained nothing on any disk or network measured. */
const THREADS_MAX = 4;

/** How many threads large work should have on this machine. */
export function threadsHere(): number {
  return Math.min(availableParallelism(), THREADS_MAX);
}

export async function openPool<Job, Item, Result>(options: PoolOptions): Promise<Pool<Job, Item, Result>> {
  if (options.threads > 0) return new ThreadPool(options);
  const { CREWS } = await import("./crew.ts");
  const stop = () => checkAborted(options.signal);
  const make = CREWS[options.crew] as (setup: unknown, stop: () => void) => Worker<Job, Item, Result>;
  return new OwnThread(make(options.setup, stop));
}

class OwnThread<Job, Item, Result> implements Pool<Job, Item, Result> {
  readonly workers = 1;
  readonly #worker: Worker<Job, Item, Result>;
  #before: Promise<unknown> = Promise.resolve();

  constructor(worker: Worker<Job, Item, Result>) {
    this.#worker = worker;
  }

  async run(_worker: number, job: Job, onItem?: (item: Item) => Promise<void>): Promise<Result> {
    const done = this.#before.then(async () => {
      const steps = this.#worker.run(job);
      for (;;) {
        const step = steps.next();
        if (step.done) return step.value;
        await onItem?.(step.value);
      }
    });
    this.#before = done.catch(() => undefined);
    return await done;
  }

  async close(): Promise<void> {
    await this.#before;
  }
}

interface Running<Item, Result> {
  readonly onItem: ((item: Item) => Promise<void>) | undefined;
  readonly done: (result: Result) => void;
  readonly fail: (error: unknown) => void;
}

interface Member<Item, Result> {
  readonly thread: Thread;
  readonly gate: Int32Array;
  readonly running: Map<number, Running<Item, Result>>;
  /** Items are handed over one after the other, also those of two jobs: their buffers are used again in that order. */
  handing: Promise<void>;
  /** Why it does nothing any more. */
  broken: CloisterError | undefined;
}

/** Right from `src`, from `dist` and from the packed command line, where there is no `import.meta.dirname`. */
const ENTRY = new URL("../../dist/content/worker.js", import.meta.url);

/** What workers make lives for one chunk: with the room that V8 gives by itself, 10 MB of it lie about in each. */
const LIMITS = { maxYoungGenerationSizeMb: 2 } as const;

class ThreadPool<Job, Item, Result> implements Pool<Job, Item, Result> {
  readonly workers: number;
  readonly #members: readonly Member<Item, Result>[];
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#stop();
  #jobs = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.workers = options.threads;
    this.#signal = options.signal;
    this.#members = Array.from({ length: options.threads }, () => this.#start(options));
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  async run(worker: number, job: Job, onItem?: (item: Item) => Promise<void>): Promise<Result> {
    checkAborted(this.#signal);
    const member = this.#members[worker];
    if (!member || this.#closed) throw new TypeError("no such worker");
    // A thread that is gone would never answer.
    if (member.broken) throw member.broken;
    const id = this.#jobs++;
    return await new Promise<Result>((done, fail) => {
      member.running.set(id, { onItem, done, fail });
      member.thread.postMessage({ id, job });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stop();
    await Promise.all(this.#members.map(({ thread }) => thread.terminate()));
  }

  #start({ crew, setup, itemsAhead }: PoolOptions): Member<Item, Result> {
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const workerData: ThreadData = { crew, setup, itemsAhead, gate };
    const thread = new Thread(ENTRY, {
      workerData,
      execArgv: [],
      env: {},
      argv: [],
      stdin: false,
      resourceLimits: LIMITS,
    });
    const member: Member<Item, Result> = {
      thread,
      gate,
      running: new Map(),
      handing: Promise.resolve(),
      broken: undefined,
    };
    thread.on("message", (message: FromThread) => this.#heard(member, message));
    const broken = (cause?: unknown) => {
      member.broken ??= new CloisterError("FAILURE", "a worker thread ended unexpectedly", { cause });
      this.#failAll(member, member.broken);
    };
    thread.on("error", broken);
    thread.on("exit", () => broken());
    return member;
  }

  #heard(member: Member<Item, Result>, message: FromThread): void {
    const running = member.running.get(message.id);
    if (!running) return;
    if ("item" in message) {
      const hand = async () => {
        if (!member.running.has(message.id)) return;
        await running.onItem?.(message.item as Item);
        Atomics.sub(member.gate, 0, 1);
        Atomics.notify(member.gate, 0);
      };
      member.handing = member.handing.then(hand).catch((error: unknown) => this.#failAll(member, error));
      return;
    }
    void member.handing.then(() => {
      if (!member.running.delete(message.id)) return;
      if ("error" in message) running.fail(revive(message.error));
      else running.done(message.result as Result);
    });
  }

  #failAll(member: Member<Item, Result>, error: unknown): void {
    for (const { fail } of member.running.values()) fail(error);
    member.running.clear();
  }

  /** Threads look at this between chunks; whoever waits to hand over an item is woken. */
  #stop(): void {
    for (const { gate } of this.#members) {
      Atomics.store(gate, 1, 1);
      Atomics.notify(gate, 0);
    }
  }
}
