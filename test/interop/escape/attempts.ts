import type { VolumeKind } from "../../../src/sandbox/sandbox.ts";
import { HOST_FILES } from "./host-files.ts";
import { KERNEL } from "./kernel.ts";
import { NEIGHBOURS } from "./neighbours.ts";
import { NETWORK } from "./network.ts";
import { OUTPUTS } from "./outputs.ts";
import { PROCESSES } from "./processes.ts";
import { RESOURCES } from "./resources.ts";
import { WAY_OUT } from "./way-out.ts";
import type { Attempt } from "./world.ts";

/** Every way out that is tried, in order; the last ones end or fill things. */
const ATTEMPTS: readonly Attempt[] = [
  ...HOST_FILES,
  ...KERNEL,
  ...PROCESSES,
  ...NEIGHBOURS,
  ...NETWORK,
  ...WAY_OUT,
  ...OUTPUTS,
  ...RESOURCES,
];

/** Those that are made in a volume of this kind. */
export function attemptsOn(volume: VolumeKind): readonly Attempt[] {
  return ATTEMPTS.filter((attempt) => (attempt.volume ?? volume) === volume);
}
