// What every part of the driver needs from the process it runs in, and the places they agree on.
import type { Programs } from "../host/programs.ts";

export interface Runtime {
  readonly programs: Programs;
  /** Effective uid of this process. */
  readonly uid: number;
  /** As `process.arch` has it. */
  readonly arch: string;
  /** Folder of the host's device nodes. */
  readonly devices: string;
}

/** Where the volume lies in the holder's own view of the file system. */
export const VOLUME = "/mnt";

/** All that the programs on the way into a sandbox get to see of an environment. */
export const OUTER_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
