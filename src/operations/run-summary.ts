// A recorded run as it is shown.

import type { RecordedRun } from "../provenance/made-by.ts";
import { signalName } from "./signal-name.ts";
import type { RunSummary } from "./types.ts";

export function runSummary(run: RecordedRun): RunSummary {
  const { id, argv, seeds, startedOn, finishedOn, exitCode, network, part, details } = run;
  const seconds = finishedOn === undefined ? undefined : (Date.parse(finishedOn) - Date.parse(startedOn)) / 1000;
  // Earlier releases recorded the exit code alone.
  const signal = details?.signal ?? (exitCode === undefined ? undefined : signalName(exitCode));
  return { ...details, signal, id, argv, seeds, exit: exitCode, startedAt: startedOn, seconds, network, part };
}
