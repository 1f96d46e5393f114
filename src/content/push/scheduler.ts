// Keeps the workers busy: each has one job to do and one that waits, so that none ever waits for this thread.
import { checkAborted } from "../abort.ts";

/** Work of one job from beginning to end, on a given worker. */
type Task = (worker: number) => Promise<void>;

const JOBS_PER_WORKER = 2;

export class Scheduler {
  readonly #workers: number;
  readonly #signal: AbortSignal;
  readonly #shared: Task[] = [];
  readonly #own: readonly Task[][];
  readonly #running: number[];
  readonly #underWay = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(workers: number, signal: AbortSignal) {
    this.#workers = workers;
    this.#signal = signal;
    this.#own = Array.from({ length: workers }, () => []);
    this.#running = Array.from({ length: workers }, () => 0);
  }

  /** Gives a task to whichever worker is free first; returns once there is room for one more. @throws what a task threw */
  async add(task: Task): Promise<void> {
    this.#check();
    this.#shared.push(task);
    this.#pump();
    await this.until(() => this.#shared.length < this.#workers);
  }

  /** Gives a task to one worker, before all that is for any worker. Its tasks are done in this order. */
  addTo(worker: number, task: Task): void {
    this.#own[worker]?.push(task);
    this.#pump();
  }

  /** Returns when all tasks are done, also those that tasks added. @throws what a task threw */
  async idle(): Promise<void> {
    await this.until(() => this.#underWay.size === 0 && this.#shared.length === 0);
  }

  /** Begins nothing more, and waits for what is under way, whatever becomes of it: for after an error. */
  async settle(error: unknown): Promise<void> {
    this.#fail(error);
    await Promise.all(this.#underWay);
  }

  #pump(): void {
    if (this.#failure) return;
    // Round by round, so that no worker gets a second job while another has none.
    for (let round = 0; round < JOBS_PER_WORKER; round++) {
      for (let worker = 0; worker < this.#workers; worker++) {
        if ((this.#running[worker] ?? 0) > round) continue;
        const task = this.#own[worker]?.shift() ?? this.#shared.shift();
        if (task) this.#start(worker, task);
      }
    }
  }

  #start(worker: number, task: Task): void {
    this.#running[worker] = (this.#running[worker] ?? 0) + 1;
    const done = task(worker)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running[worker] = (this.#running[worker] ?? 0) - 1;
        this.#underWay.delete(done);
        this.#pump();
        this.#wake();
      });
    this.#underWay.add(done);
  }

  /** Returns once `reached`, which is asked whenever a task has ended. @throws what a task threw */
  async until(reached: () => boolean): Promise<void> {
    for (;;) {
      this.#check();
      if (reached()) return;
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#shared.length = 0;
    for (const own of this.#own) own.length = 0;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
    checkAborted(this.#signal);
  }
}
