// Where a workspace's files are to lie: in memory as long as they leave half of it to everything else.
import { totalmem } from "node:os";
import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { Problem } from "../host/programs.ts";
import type { VolumeKind } from "../sandbox.ts";

/** Half of what there is, as the kernel's own default for memory file systems (tmpfs(5)). */
const MEMORY_PART = 0.5;

/** The largest volume that is put in memory unasked: half of the memory, and no more than is free now. */
export function memoryRoom({ total, available } = machineMemory()): number {
  return Math.floor(Math.min(available, total * MEMORY_PART));
}

/**
 * @param asked `--volume`; without it, memory where the volume fits there, otherwise encrypted. Never anything else
 * @param room see {@link memoryRoom}
 * @param encryptedProblem why there can be no encrypted volume here
 * @throws {@link CloisterError} UNSUPPORTED_HOST where what it takes is not there
 */
export function chooseVolume(
  asked: VolumeKind | undefined,
  diskBytes: number,
  room: number,
  encryptedProblem: () => Problem | undefined,
): VolumeKind {
  if (asked === "memory" || (asked === undefined && diskBytes <= room)) return "memory";
  const problem = encryptedProblem();
  if (!problem) return "encrypted";
  if (asked === "encrypted") {
    throw new CloisterError("UNSUPPORTED_HOST", "this host cannot hold an encrypted volume", problem);
  }
  throw new CloisterError("UNSUPPORTED_HOST", `a volume of ${formatBytes(diskBytes)} has no place on this host`, {
    why: `memory has room for ${formatBytes(room)}, and it cannot be encrypted on disk: ${problem.why}`,
    next: `${problem.next}   (or a smaller --disk)`,
  });
}

/** What a control group leaves us counts, where one limits us. */
function machineMemory(): { total: number; available: number } {
  const limit = process.constrainedMemory();
  const total = totalmem();
  return { total: limit > 0 && limit < total ? limit : total, available: process.availableMemory() };
}
