import type { Io } from "./io.ts";
import type { Prompter } from "./prompter.ts";
import type { Interruption } from "./signals.ts";

/** The public library, loaded when a command first needs it. */
export type Library = typeof import("../index.ts");

/** What the command line is given. Tests build one by hand; main builds the real one. */
export interface Context {
  readonly io: Io;
  readonly prompter: Prompter;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Home folder and login name, looked up when they are needed. */
  readonly person: () => Promise<{ readonly home: string; readonly userName: string }>;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  readonly interruption: Interruption;
  readonly library: () => Promise<Library>;
}
