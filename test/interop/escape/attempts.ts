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
export const ATTEMPTS: readonly Attempt[] = [
  ...HOST_FILES,
  ...KERNEL,
  ...PROCESSES,
  ...NEIGHBOURS,
  ...NETWORK,
  ...WAY_OUT,
  ...OUTPUTS,
  ...RESOURCES,
];
