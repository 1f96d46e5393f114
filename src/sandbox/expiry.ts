// Whether a workspace's time is over, told from its state alone.
import { CloisterError } from "../base/errors.ts";
import { bootTimeMs } from "./host/boot-time.ts";
import type { HolderState } from "./sandbox.ts";

/** The clocks that a workspace lives by. */
export interface Clocks {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** ms since boot, suspended time included; default: this machine's. */
  readonly bootTime?: (() => number | undefined) | undefined;
}

/** Over by the wall clock or by the time since boot, whichever is first: either may have been set, or stood still. */
export function isPast(state: Pick<HolderState, "expiresMs" | "expiresBootMs">, clocks: Clocks): boolean {
  const { bootTime = bootTimeMs } = clocks;
  const { expiresMs, expiresBootMs = Number.POSITIVE_INFINITY } = state;
  return clocks.now() >= expiresMs || (bootTime() ?? 0) >= expiresBootMs;
}

/** The two ends of a workspace that lives this long from now. */
export function expiry(ttlMs: number, clocks: Clocks): Pick<HolderState, "expiresMs" | "expiresBootMs"> {
  const { bootTime = bootTimeMs } = clocks;
  const bootMs = bootTime();
  return { expiresMs: clocks.now() + ttlMs, expiresBootMs: bootMs === undefined ? undefined : bootMs + ttlMs };
}

/** The error of whoever wants something in a workspace that is over. */
export function isOver(why = "its time ran out, it was destroyed, or the machine was started anew"): CloisterError {
  return new CloisterError("NOT_FOUND", "the workspace is over", { why, next: "cloister ws create NAME" });
}
