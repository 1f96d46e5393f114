// What a worker does, whether in a thread of its own or, for small work, in the thread that asks.
import { PullWorker } from "./pull/pull-worker.ts";
import { PushWorker } from "./push/push-worker.ts";

/** Does jobs one after the other, synchronously: it blocks the thread it runs in. */
export interface Worker<Job, Item, Result> {
  /**
   * Does one job. What it yields is given to the side that asked, in order. A buffer of an item may be used again once
   * `itemsAhead` (see `PoolOptions`) more items were asked for.
   */
  run(job: Job): Generator<Item, Result, void>;
}

/** Makes a worker from what `openPool` was given; `setup` reaches a thread as a structured clone. */
export const CREWS = {
  push: PushWorker.from,
  pull: PullWorker.from,
} as const satisfies Record<string, (setup: never, stop: () => void) => Worker<never, unknown, unknown>>;

export type CrewName = keyof typeof CREWS;
