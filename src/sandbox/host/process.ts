// Which process a stored pid means. Pids are reused; pid, start time and boot together are not (proc_pid_stat(5)).
import { readFileSync } from "node:fs";
import { systemCode } from "../../base/errors.ts";
import { bootId } from "./boot-time.ts";

/** A process that is told apart from later ones with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: clock ticks since boot. */
  readonly startTime: string;
  readonly bootId: string;
}

/** The identity of a running process, or undefined where there is none under this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return { pid, startTime, bootId: bootId() };
}

/** True where exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const found = identify(identity.pid);
  return found?.startTime === identity.startTime && found.bootId === identity.bootId;
}

/** Pids of the children of a process; empty where it has ended. */
export function childrenOf(pid: number): readonly number[] {
  const list = readProcess(pid, `task/${String(pid)}/children`) ?? "";
  return list.split(" ").filter(Boolean).map(Number);
}

/** Pid of the parent of a process; undefined where it has ended. */
export function parentOf(pid: number): number | undefined {
  const parent = statFields(pid)[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Uid that a process runs under, as this process's user namespace has it; undefined where it has ended. */
export function uidOf(pid: number): number | undefined {
  const uid = /^Uid:\s+(\d+)/m.exec(readProcess(pid, "status") ?? "")?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** Whether a process is the first of a namespace of its own, as every holder is (proc_pid_status(5), NSpid). */
export function isFirstInside(pid: number): boolean {
  return /^NSpid:\s+\d+\s(?:\d+\s)*1$/m.test(readProcess(pid, "status") ?? "");
}

/** Signals a process, or its group where the number is negative; nothing happens where it has ended. */
export function sendSignal(target: number, signal: "SIGTERM" | "SIGHUP" | "SIGKILL"): void {
  try {
    process.kill(target, signal);
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}

/** Fields 3 and on of /proc/PID/stat; empty where there is no such process. */
function statFields(pid: number): readonly string[] {
  const stat = readProcess(pid, "stat");
  // The command name in field 2 may hold spaces and brackets: count from the last bracket, where field 3 follows.
  return stat === undefined ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readProcess(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}
