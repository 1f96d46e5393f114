// One process, measured: wall seconds, CPU seconds, peak memory.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** GNU time. It also keeps this program's own memory out of the figures: a child starts as large as whoever forked it. */
const TIME = "/usr/bin/time";
export const canMeasure = existsSync(TIME);

let running;
let interrupted = false;

/** Ends the command that runs, with all that it started; {@link measure} then throws. */
export function interrupt() {
  interrupted = true;
  if (running) process.kill(-running.pid, "SIGTERM");
}

/**
 * Runs a program to its end.
 *
 * @returns `{seconds, cpu, memory}`: wall and CPU seconds, and the peak resident bytes of the largest process it started;
 *   without GNU time only the first
 * @throws if it fails, or was interrupted
 */
export async function measure(argv, { cwd, env, log }) {
  const full = canMeasure ? [TIME, "-o", log, "-f", "%U %S %M", ...argv] : argv;
  const began = performance.now();
  running = spawn(full[0], full.slice(1), { cwd, env, stdio: ["ignore", "ignore", "pipe"], detached: true });
  let said = "";
  running.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  const [status] = await once(running, "close");
  const seconds = (performance.now() - began) / 1000;
  running = undefined;
  if (interrupted) throw new Error("interrupted");
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${String(status)}: ${said}`);
  if (!canMeasure) return { seconds };
  const [user, system, kib] = readFileSync(log, "utf8").trim().split("\n").at(-1).split(" ").map(Number);
  return { seconds, cpu: user + system, memory: kib * 1024 };
}

/** Bytes of all files below a folder, or of one file. */
export function bytesIn(path) {
  const found = lstatSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}
