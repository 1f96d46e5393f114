// Opens chunks and writes what they hold.
import type { Worker } from "../crew.ts";

export class PullWorker implements Worker<unknown, never, unknown> {
  static from(_setup: unknown, _stop: () => void): PullWorker {
    return new PullWorker();
  }

  // biome-ignore lint/correctness/useYield: not built yet
  *run(_job: unknown): Generator<never, unknown, void> {
    throw new Error("not built yet");
  }
}
