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

/** A little memory of the holder's own, in its own view of the file system; it hides what the host has there. */
export const HOLDER_FOLDER = "/mnt";

/** Where the volume lies in that view. */
export const VOLUME = `${HOLDER_FOLDER}/volume`;
