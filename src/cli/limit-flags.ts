// The flags that limit what a workspace may use.
import { CloisterError } from "../base/errors.ts";
import { durationFlagMs, parseBytes } from "../base/units.ts";
import type { WorkspaceOptions } from "../index.ts";
import type { Flags } from "./flags.ts";

/** A memory limit below this keeps even a shell from starting. */
const MEMORY_BYTES_MIN = 16_000_000;
/** An interpreter alone has about ten threads. */
const PROCESSES_MIN = 8;
const OPEN_FILES_MIN = 16;

/** @throws {@link CloisterError} USAGE for a flag that is no number, size or duration, or too small to work with */
export function limitFlags(flags: Flags): NonNullable<WorkspaceOptions["use"]> {
  const memoryBytes = sizeFlag(flags, "memory");
  if (memoryBytes !== undefined && memoryBytes < MEMORY_BYTES_MIN) {
    throw new CloisterError("USAGE", `--memory ${flags.text("memory") ?? ""} is too little for any program`, {
      next: "write it like --memory 4GB; the least is 16MB",
    });
  }
  const runTime = flags.text("runTime");
  return {
    cpus: flags.count("cpus", 1),
    memoryBytes,
    processes: flags.count("processes", PROCESSES_MIN),
    openFiles: flags.count("openFiles", OPEN_FILES_MIN),
    runMs: runTime === undefined ? undefined : durationFlagMs(runTime, "--run-time"),
  };
}

/** A size in bytes. @throws {@link CloisterError} USAGE naming the flag */
export function sizeFlag(flags: Flags, name: "disk" | "memory"): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  const bytes = parseBytes(text);
  if (bytes) return bytes;
  throw new CloisterError("USAGE", `--${name} ${text} is no size`, {
    next: `write it like --${name} 4GB (MB, GB, TB)`,
  });
}
