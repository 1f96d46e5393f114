import { CloisterError } from "../base/errors.ts";

/** @throws CloisterError INTERRUPTED once the signal is aborted */
export function checkAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
}
