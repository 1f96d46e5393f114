// Limits that hold without a control group, as arguments of prlimit(1).
import { readFileSync } from "node:fs";
import { type Limits, OPEN_FILES_DEFAULT, PROCESSES_DEFAULT } from "./limits.ts";
import { OWN_PROCESSES } from "./settings.ts";

/**
 * For a command, within its sandbox. Nobody may raise a hard limit (setrlimit(2)), so each is the smaller of ours and
 * the host's.
 *
 * `diskBytes` is the size of the volume, and so of the largest file.
 *
 * @param memory what a single process may have, where memory is not counted for all of them together
 * @param hostLimits text of `/proc/self/limits`
 */
export function limitArguments(
  { limits, diskBytes }: { readonly limits: Limits; readonly diskBytes: number },
  memory: number | undefined,
  hostLimits = readFileSync("/proc/self/limits", "utf8"),
): string[] {
  const within = (limit: number, name: string) => String(Math.min(limit, hardLimit(hostLimits, name)));
  return [
    `--nproc=${within(limits.processes ?? PROCESSES_DEFAULT, "Max processes")}`,
    `--nofile=${String(openFilesOf(limits, hostLimits))}`,
    `--fsize=${within(diskBytes, "Max file size")}`,
    // Private writable memory. The whole address space (--as) would not do: V8 reserves much more than it uses.
    ...(memory === undefined ? [] : [`--data=${within(memory, "Max data size")}`]),
    "--core=0",
  ];
}

/**
 * For whoever makes the sandbox, in the workspace's own user namespace: since Linux 5.14 a namespace made under a limit
 * carries it, and all commands of the workspace together count against it, and nothing else of the user.
 */
export function workspaceLimitArguments(
  limits: Limits,
  hostLimits = readFileSync("/proc/self/limits", "utf8"),
): string[] {
  const wanted = (limits.processes ?? PROCESSES_DEFAULT) + OWN_PROCESSES;
  return [`--nproc=${String(Math.min(wanted, hardLimit(hostLimits, "Max processes")))}`];
}

/** Open files that a process may have: no more than the host allows. */
export function openFilesOf(
  { openFiles = OPEN_FILES_DEFAULT }: Limits,
  hostLimits = readFileSync("/proc/self/limits", "utf8"),
): number {
  return Math.min(openFiles, hardLimit(hostLimits, "Max open files"));
}

/** Each line is a name, the soft limit, the hard limit and a unit (proc_pid_limits(5)). */
function hardLimit(hostLimits: string, name: string): number {
  const line = hostLimits.split("\n").find((candidate) => candidate.startsWith(name));
  const hard = Number(line?.slice(name.length).trim().split(/\s+/)[1]);
  return Number.isNaN(hard) ? Number.POSITIVE_INFINITY : hard;
}
