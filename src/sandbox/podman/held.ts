// Which limits podman's containers hold. A workspace is many containers, and no group of theirs counts them together.
import { type HeldLimit, type Limits, OPEN_FILES_DEFAULT, PROCESSES_DEFAULT } from "../limits/limits.ts";

const TOGETHER = "add --driver bubblewrap, which counts everything in a workspace together";

/** Every limit of a workspace, in the order of `LIMIT_NAMES`. */
export function heldByPodman(limits: Limits, diskBytes: number): readonly HeldLimit[] {
  const { cpus, memoryBytes, processes = PROCESSES_DEFAULT, openFiles = OPEN_FILES_DEFAULT, runMs } = limits;
  const every = (value: number | undefined, how: string) =>
    value === undefined ? { value, held: false, how: "no limit is set" } : { value, held: true, how };
  const none = (value: number | undefined, how: string) =>
    value === undefined ? { value, held: false, how: "no limit is set" } : { value, held: false, how, next: TOGETHER };
  return [
    { limit: "cpus", ...none(cpus, "by nothing") },
    { limit: "memory", ...none(memoryBytes, "only of each process by itself") },
    { limit: "processes", ...none(processes, "only with all others of podman's user") },
    { limit: "disk", ...every(diskBytes, "size of the volume") },
    { limit: "open-files", ...every(openFiles, "each process, by the kernel's limit for one") },
    { limit: "run-time", ...every(runMs, "each command, by the cloister that runs it") },
  ];
}
