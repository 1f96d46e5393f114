// What tells one start of the machine, and the time since, from another.
import { readFileSync } from "node:fs";

/** Drawn by the kernel when it starts (random(4)). */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/**
 * Milliseconds since the machine was started, time in suspend included; nobody can set this clock (CLOCK_BOOTTIME, which
 * Node does not offer; proc_uptime(5)). Undefined where there is no such file.
 */
export function bootTimeMs(): number | undefined {
  try {
    const seconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    return Number.isFinite(seconds) ? seconds * 1000 : undefined;
  } catch {
    return undefined;
  }
}
