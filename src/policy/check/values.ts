// Values as a test file writes them: ages, sizes, times.
import { parseBytes, parseDurationMs } from "../../base/units.ts";
import type { Problems } from "../problem.ts";
import { scalar } from "../section.ts";
import type { Tree } from "../yaml-tree.ts";

/** `15m`, `90d`, or `0` in ms. */
export function duration(tree: Tree, what: string, problems: Problems): number | undefined {
  return amount(tree, what, parseDurationMs, "15m (s, m, h, d, y)", problems);
}

/** `3GB`, or `0` in bytes. */
export function size(tree: Tree, what: string, problems: Problems): number | undefined {
  return amount(tree, what, parseBytes, "3GB (B, KB, MB, GB, TB)", problems);
}

function amount(
  tree: Tree,
  what: string,
  parse: (text: string) => number | undefined,
  example: string,
  problems: Problems,
): number | undefined {
  const value = scalar(tree);
  const number = value === 0 ? 0 : typeof value === "string" ? parse(value) : undefined;
  if (number === undefined) problems.error(tree.place, `${what} must look like ${example}`);
  return number;
}

/** A whole number from 0 on. */
export function count(tree: Tree, what: string, problems: Problems): number | undefined {
  const value = scalar(tree);
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  problems.error(tree.place, `${what} must be a whole number from 0 on`);
  return undefined;
}

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z)?$/;

/** `2026-12-01` (its first moment) or `2026-12-01T09:30Z`, in ms since 1970. */
export function readTime(tree: Tree, what: string, problems: Problems): number | undefined {
  const value = scalar(tree);
  const ms = typeof value === "string" && TIME.test(value) ? Date.parse(value) : Number.NaN;
  // Some days that do not exist are read as days of the next month: what was written must come out again.
  if (typeof value === "string" && !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(value.slice(0, 10)))
    return ms;
  problems.error(tree.place, `${what} must be a time in UTC like 2026-12-01T00:00Z`);
  return undefined;
}
