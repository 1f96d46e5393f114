// How each limit is written in a group, and read back: the files of both versions (Documentation/admin-guide/cgroup-*).
import { type Controller, type Place, placeOf, textOf, upwards } from "./hierarchy.ts";
import type { Limits } from "./limits.ts";

/** Of Cloister's own processes around commands, so many beside what the limit is for. */
export const OWN_PROCESSES = 16;
/** Time over which processor time is counted, in µs; the kernel's default. */
const PERIOD_US = 100_000;

/** One file of a group. */
export interface Setting {
  readonly file: string;
  readonly text: string;
  /** Left out where the kernel has no such file: it was built without swap, or for fewer controllers. */
  readonly optional?: boolean;
}

/**
 * What each controller is to allow all processes of a workspace together, in its own unit.
 *
 * @param volumeBytes size of the files that may be in memory. They have room beside the programs: else a full volume
 *   would leave none for the command that empties it, or takes out what is in it.
 */
export function amountsOf(
  { cpus, memoryBytes, processes }: Limits,
  volumeBytes: number,
): ReadonlyMap<Controller, number> {
  const amounts = new Map<Controller, number>();
  if (cpus !== undefined) amounts.set("cpu", cpus);
  if (memoryBytes !== undefined) amounts.set("memory", memoryBytes + volumeBytes);
  if (processes !== undefined) amounts.set("pids", processes + OWN_PROCESSES);
  return amounts;
}

/** In the order in which they have to be written. */
export function settingsOf(controller: Controller, version: 1 | 2, amount: number): readonly Setting[] {
  const text = String(amount);
  const quota = String(amount * PERIOD_US);
  switch (controller) {
    case "cpu":
      return version === 2
        ? [{ file: "cpu.max", text: `${quota} ${String(PERIOD_US)}` }]
        : [
            { file: "cpu.cfs_period_us", text: String(PERIOD_US) },
            { file: "cpu.cfs_quota_us", text: quota },
          ];
    case "memory":
      // Swap would let a workspace have more than its limit, and leave its files on the host's disk.
      return version === 2
        ? [
            { file: "memory.max", text },
            { file: "memory.swap.max", text: "0", optional: true },
          ]
        : [
            { file: "memory.swappiness", text: "0", optional: true },
            { file: "memory.limit_in_bytes", text },
            { file: "memory.memsw.limit_in_bytes", text, optional: true },
          ];
    case "pids":
      return [{ file: "pids.max", text }];
  }
}

/** What a group allows by itself; infinite where it sets no limit. */
export function allowedIn(folder: string, controller: Controller, version: 1 | 2): number {
  switch (controller) {
    case "cpu": {
      const [quota = "", period = ""] =
        version === 2
          ? textOf(`${folder}/cpu.max`).split(" ")
          : [textOf(`${folder}/cpu.cfs_quota_us`), textOf(`${folder}/cpu.cfs_period_us`)];
      return limitIn(quota) / (Number(period) || PERIOD_US);
    }
    case "memory":
      return limitIn(textOf(`${folder}/${version === 2 ? "memory.max" : "memory.limit_in_bytes"}`));
    case "pids":
      return limitIn(textOf(`${folder}/pids.max`));
  }
}

/** "max", -1, and in version 1 the largest number of pages stand for no limit, a missing file for the root. */
function limitIn(text: string): number {
  const limit = /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  return limit >= 2 ** 62 ? Number.POSITIVE_INFINITY : limit;
}

/** What the kernel allows a process, by its own group and all above. */
export function allowedFor(pid: number, controller: Controller): number {
  const place = placeOf(controller, pid);
  return place === undefined ? Number.POSITIVE_INFINITY : leastOf(place, controller);
}

function leastOf(place: Place, controller: Controller): number {
  return Math.min(...upwards(place).map((folder) => allowedIn(folder, controller, place.version)));
}

/** How many processes the kernel has killed because a process's group had no memory left; 0 where it does not say. */
export function memoryKills(pid: number): number {
  const place = placeOf("memory", pid);
  if (place === undefined) return 0;
  const counters = textOf(`${place.folder}/${place.version === 2 ? "memory.events" : "memory.oom_control"}`);
  return Number(/^oom_kill (\d+)$/m.exec(counters)?.[1] ?? 0);
}
