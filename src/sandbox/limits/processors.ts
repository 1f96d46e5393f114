// Processors that a workspace is pinned to, where no control group can count its time. Whoever has N processors uses no
// more time than N have; the system call filter refuses to ask for others.
import { textOf } from "./hierarchy.ts";

/** The processors that this process may run on. */
export function allowedProcessors(status = textOf("/proc/self/status")): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    if (first === undefined || last === undefined || Number.isNaN(first) || Number.isNaN(last)) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/**
 * Some of the processors, other ones for other workspaces.
 *
 * @returns undefined where there are no more than that
 */
export function chooseProcessors(
  count: number,
  id: string,
  allowed = allowedProcessors(),
): readonly number[] | undefined {
  if (allowed.length <= count) return undefined;
  const start = Number.parseInt(id.slice(0, 8), 16) || 0;
  return Array.from({ length: count }, (_, index) => allowed[(start + index) % allowed.length] ?? 0).sort(
    (a, b) => a - b,
  );
}
