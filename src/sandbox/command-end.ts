// How a command comes to its end: by itself, or asked to and killed where it does not. The same with every driver.
import type { ExecSpec } from "./exec-spec.ts";
import { childrenOf, sendSignal } from "./host/process.ts";
import { startTime } from "./limits/run-time.ts";

/** Exit code of a command whose time was over, as timeout(1) has it. */
export const TIME_OVER = 124;
/** How long a command may take to end after it was asked to. */
const KILL_AFTER_MS = 5000;
const ASK_AGAIN_MS = 10;

/** A command that was started, as its driver knows it. */
export interface Started<End> {
  readonly ended: Promise<End>;
  /** Pid on the host of the first process in its sandbox, whose child it is; undefined where that is not there yet. */
  first(): number | undefined | Promise<number | undefined>;
  kill(): void;
}

/**
 * Waits for a command, ending it where the signal says so or its time is over.
 *
 * @param runMs the workspace's own limit
 */
export async function endOf<End>(
  started: Started<End>,
  spec: ExecSpec,
  runMs = Number.POSITIVE_INFINITY,
): Promise<{ readonly end: End; readonly timeOver: boolean }> {
  const timers: NodeJS.Timeout[] = [];
  let over = false;
  const ask = async () => {
    // A sandbox that is still being set up is asked again until there is a command to hear it.
    while (!over && !terminate(await started.first(), spec)) {
      await new Promise((resolve) => timers.push(setTimeout(resolve, ASK_AGAIN_MS)));
    }
  };
  const end = () => {
    if (timers.length > 0) return;
    timers.push(setTimeout(() => started.kill(), KILL_AFTER_MS));
    // Where it cannot be asked, it is killed all the same.
    ask().catch(() => undefined);
  };
  if (spec.signal.aborted) end();
  else spec.signal.addEventListener("abort", end, { once: true });
  const time = startTime(Math.min(spec.runMs ?? Number.POSITIVE_INFINITY, runMs), end);
  try {
    return { end: await started.ended, timeOver: time.isOver() };
  } finally {
    over = true;
    time.stop();
    for (const timer of timers) clearTimeout(timer);
    spec.signal.removeEventListener("abort", end);
  }
}

/**
 * SIGTERM or SIGHUP for the command; the processes around it would not hear it, or only die and take it along at once.
 *
 * @param first as {@link Started.first} has it
 * @returns false where there is no command yet
 */
function terminate(first: number | undefined, { tty, endsBy = "SIGTERM" }: ExecSpec): boolean {
  const command = first === undefined ? [] : childrenOf(first);
  if (first === undefined || command.length === 0) return false;
  // Off a terminal the first process leads the command's group.
  for (const target of tty ? command : [-first]) sendSignal(target, endsBy);
  return true;
}
