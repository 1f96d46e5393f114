// Limits of a workspace in words.
import { formatBytes, formatDuration } from "../base/units.ts";
import type { HeldLimit, RunResult } from "../index.ts";
import type { Page, Row } from "./output.ts";

/** One row per limit: what it is, and whether and how it is held. */
export function limitRows(page: Page, limits: readonly HeldLimit[]): readonly Row[] {
  return limits.map((held): Row => {
    const { limit, value, how } = held;
    if (value === undefined) return [limit, { text: "no limit", paint: page.paint.dim }];
    if (held.held) return [limit, `${limitValue(held)}   held: ${how}`];
    return [limit, { text: `${limitValue(held)}   not held: ${how}`, paint: page.paint.yellow }];
  });
}

/** A line for a limit that nothing holds. */
export function notHeld({ held, value, limit, how }: HeldLimit): readonly string[] {
  return held || value === undefined ? [] : [`${limit} is not held: ${how}`];
}

/** `2`, `4 GB`, `2 h`: in the unit that the limit is given in. */
export function limitValue({ limit, value = 0 }: HeldLimit): string {
  if (limit === "memory" || limit === "disk") return formatBytes(value);
  return limit === "run-time" ? formatDuration(value) : String(value);
}

/** Why a command ended, where a limit ended it. */
export function stoppedText({ limit, value }: NonNullable<RunResult["stoppedBy"]>): string {
  if (limit === "run-time") return `ended: its time of ${formatDuration(value)} was over (exit 124)`;
  return (
    `killed: the workspace's memory limit of ${formatBytes(value)} was reached; ` +
    "for more: cloister ws create NAME --memory SIZE"
  );
}
