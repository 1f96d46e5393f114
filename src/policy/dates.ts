// Days as the policy writes them. A day given is the last one, and it ends at midnight UTC.
import type { Problems } from "./problem.ts";
import type { Dated } from "./schema.ts";
import { scalar } from "./section.ts";
import type { Tree } from "./yaml-tree.ts";

export const DAY_MS = 86_400_000;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Start of the day after `YYYY-MM-DD` in ms since 1970, or undefined where there is no such day. */
function endOfDayMs(date: string): number | undefined {
  if (!DATE.test(date)) return undefined;
  const startMs = Date.parse(`${date}T00:00:00Z`);
  // Date.parse reads 2026-02-30 as March in some engines: the day must come out again.
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== date) return undefined;
  return startMs + DAY_MS;
}

/** A day of the file; 1970 where it is wrong, so that reading can go on. */
export function readDate(tree: Tree | undefined, what: string, problems: Problems): Dated {
  const value = tree ? scalar(tree) : undefined;
  const endMs = typeof value === "string" ? endOfDayMs(value) : undefined;
  if (typeof value === "string" && endMs !== undefined) return { line: tree?.place.line ?? 1, date: value, endMs };
  if (tree) problems.error(tree.place, `${what} must be a day that exists, like 2027-03-31`);
  return { line: 1, date: "1970-01-01", endMs: DAY_MS };
}
