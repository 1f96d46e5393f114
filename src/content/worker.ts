// A thread that works: does the jobs it is sent, one after the other, with the worker of its crew.
import { parentPort, workerData } from "node:worker_threads";
import { CloisterError } from "../base/errors.ts";
import { CREWS, type Worker } from "./crew.ts";
import { type FromThread, sendable, type ThreadData } from "./worker-message.ts";

const { crew, setup, itemsAhead, gate } = workerData as ThreadData;
const make = CREWS[crew] as (setup: unknown, stop: () => void) => Worker<unknown, unknown, unknown>;
const worker = make(setup, checkStopped);

parentPort?.on("message", ({ id, job }: { readonly id: number; readonly job: unknown }) => {
  try {
    const steps = worker.run(job);
    for (;;) {
      const step = steps.next();
      if (step.done) return send({ id, result: step.value });
      hand({ id, item: step.value });
    }
  } catch (error) {
    send({ id, error: sendable(error) });
  }
});

/** Waits until there is room for one more item. */
function hand(message: FromThread): void {
  for (let ahead = Atomics.load(gate, 0); ahead >= itemsAhead; ahead = Atomics.load(gate, 0)) {
    checkStopped();
    // Not for ever: it may be told to stop between the look and the wait.
    Atomics.wait(gate, 0, ahead, 100);
  }
  checkStopped();
  Atomics.add(gate, 0, 1);
  send(message);
}

function checkStopped(): void {
  if (Atomics.load(gate, 1) !== 0)
    throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
}

function send(message: FromThread): void {
  parentPort?.postMessage(message);
}
