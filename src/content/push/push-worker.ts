// Reads, cuts, digests, compresses and seals what is pushed.
import type { Worker } from "../crew.ts";
import type { PushJob, PushResult, PushSetup, SealedSection } from "./job.ts";

export class PushWorker implements Worker<PushJob, SealedSection, PushResult> {
  static from(_setup: PushSetup, _stop: () => void): PushWorker {
    return new PushWorker();
  }

  // biome-ignore lint/correctness/useYield: not built yet
  *run(_job: PushJob): Generator<SealedSection, PushResult, void> {
    throw new Error("not built yet");
  }
}
