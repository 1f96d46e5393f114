// Which limits podman's containers hold. A workspace is many containers, and no group of podman's counts them together.
import { formatBytes } from "../../base/units.ts";
import type { Controller } from "../limits/hierarchy.ts";
import { type HeldLimit, type Limits, OPEN_FILES_DEFAULT, PROCESSES_DEFAULT } from "../limits/limits.ts";

const TOGETHER = "add --driver bubblewrap, which counts everything in a workspace together";

/**
 * Every limit of a workspace, in the order of `LIMIT_NAMES`.
 *
 * @param holds what a control group of ours counts for all containers together
 */
export function heldByPodman(limits: Limits, diskBytes: number, holds: readonly Controller[]): readonly HeldLimit[] {
  const { cpus, memoryBytes, processes, openFiles = OPEN_FILES_DEFAULT, runMs } = limits;
  const every = (value: number | undefined, how: string) =>
    value === undefined ? { value, held: false, how: "no limit is set" } : { value, held: true, how };
  const together = (controller: Controller, value: number | undefined, how: string, otherwise: string) =>
    value === undefined || holds.includes(controller)
      ? every(value, how)
      : { value, held: false, how: otherwise, next: TOGETHER };
  const withVolume = `${formatBytes((memoryBytes ?? 0) + diskBytes)} with the volume, by its control group; no swap`;
  const ofUser = "only with all others of podman's user";
  return [
    { limit: "cpus", ...together("cpu", cpus, "time of all together, by its control group", "by nothing") },
    { limit: "memory", ...together("memory", memoryBytes, withVolume, "only of each process by itself") },
    processes === undefined
      ? { limit: "processes", value: PROCESSES_DEFAULT, held: false, how: ofUser, next: TOGETHER }
      : { limit: "processes", ...together("pids", processes, "by its control group", ofUser) },
    { limit: "disk", ...every(diskBytes, "size of the volume") },
    { limit: "open-files", ...every(openFiles, "each process, by the kernel's limit for one") },
    { limit: "run-time", ...every(runMs, "each command, by the cloister that runs it") },
  ];
}
