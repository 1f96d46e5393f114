// Limits of one command, as arguments of prlimit(1).
import { readFileSync } from "node:fs";

/** Processes and threads; since Linux 5.14 counted per user namespace, so that nothing else of the user counts. */
const TASKS_MAX = 4096;
const OPEN_FILES_MAX = 65_536;

/**
 * Nobody may raise a hard limit (setrlimit(2)), so each is the smaller of ours and the host's.
 *
 * @param diskBytes size of the volume, and so of the largest file
 * @param hostLimits text of `/proc/self/limits`
 */
export function limitArguments(diskBytes: number, hostLimits = readFileSync("/proc/self/limits", "utf8")): string[] {
  const within = (limit: number, name: string) => String(Math.min(limit, hardLimit(hostLimits, name)));
  return [
    `--nproc=${within(TASKS_MAX, "Max processes")}`,
    `--nofile=${within(OPEN_FILES_MAX, "Max open files")}`,
    `--fsize=${within(diskBytes, "Max file size")}`,
    "--core=0",
  ];
}

/** Each line is a name, the soft limit, the hard limit and a unit (proc_pid_limits(5)). */
function hardLimit(hostLimits: string, name: string): number {
  const line = hostLimits.split("\n").find((candidate) => candidate.startsWith(name));
  const hard = Number(line?.slice(name.length).trim().split(/\s+/)[1]);
  return Number.isNaN(hard) ? Number.POSITIVE_INFINITY : hard;
}
