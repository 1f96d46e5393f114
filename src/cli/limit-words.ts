// Limits of a workspace in words.
import { formatBytes, formatDuration } from "../base/units.ts";
import type { HeldLimit, RunResult } from "../index.ts";
import type { Cell, Page, Row } from "./output.ts";

/** One row per limit: what it is, and whether and how it is held. In a pipe the value is a plain number. */
export function showLimits(page: Page, limits: readonly HeldLimit[]): void {
  if (!page.tty) {
    const state = ({ held, value }: HeldLimit) => (value === undefined ? "none" : held ? "held" : "not held");
    const rows = limits.map((each) => ["limit", each.limit, String(each.value ?? "-"), state(each), each.how]);
    page.table([], rows);
    return;
  }
  page.heading("Limits");
  page.fields(limits.map((each): Row => [each.limit, limitCell(page, each)]));
}

function limitCell(page: Page, each: HeldLimit): Cell {
  if (each.value === undefined) return { text: each.how, paint: page.paint.dim };
  if (each.held) return `${limitValue(each)}, held: ${each.how}`;
  return { text: `${limitValue(each)}, not held: ${each.how}`, paint: page.paint.yellow };
}

/** Limits that are there only where a role or a flag sets them: `memory 4 GB`. */
export function chosenLimits(limits: readonly HeldLimit[]): readonly string[] {
  return limits
    .filter(({ limit, value }) => value !== undefined && ["cpus", "memory", "run-time"].includes(limit))
    .map((each) => `${each.limit} ${limitValue(each)}`);
}

/** A line for a limit that nothing holds. */
export function notHeld({ held, value, limit, how }: HeldLimit): readonly string[] {
  return held || value === undefined ? [] : [`${limit} is not held: ${how}`];
}

/** `2`, `4 GB`, `2 h`: in the unit that the limit is given in. */
function limitValue({ limit, value = 0 }: HeldLimit): string {
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
