// Lists with one entry changed, and approvals with one person less.
import type { Approvals } from "../governance.ts";

/** One approval less of each role; undefined where none is left. */
export function fewerApprovals(approvals: Approvals): readonly { role: string; rest: Approvals | undefined }[] {
  return approvals.needs.map((need) => {
    const fewer = { ...need, count: need.count - 1 };
    const needs = swapped(approvals.needs, need, fewer).filter(({ count }) => count > 0);
    return { role: need.role, rest: needs.length === 0 ? undefined : { ...approvals, needs } };
  });
}

/** The list with one entry in the place of another. */
export function swapped<T>(list: readonly T[], old: T, replacement: T): readonly T[] {
  return list.map((each) => (each === old ? replacement : each));
}
