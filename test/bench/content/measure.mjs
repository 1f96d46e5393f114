// One process, measured: wall seconds, CPU seconds, peak memory.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** GNU time. It also keeps this program's own memory out of the figures: a child starts as large as whoever forked it. */
const TIME = "/usr/bin/time";
export const canMeasure = existsSync(TIME);

/**
 * Runs a program to its end.
 *
 * @returns `{seconds, cpu, memory}`: wall and CPU seconds, and the peak resident bytes of the largest process it started;
 *   without GNU time only the first
 * @throws if it fails
 */
export function measure(argv, { cwd, env, log }) {
  const full = canMeasure ? [TIME, "-o", log, "-f", "%U %S %M", ...argv] : argv;
  const began = performance.now();
  const { status, stderr } = spawnSync(full[0], full.slice(1), { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${String(status)}: ${stderr.toString()}`);
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
