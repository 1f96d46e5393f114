// The terminal, as far as a command may know it. Standard input is opened only when a command reads it.
import { fstatSync, readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { isatty } from "node:tty";
import { CloisterError, systemCode } from "../base/errors.ts";
import { isOn, wantsColor } from "./color.ts";

export interface Io {
  /** Whether a person reads standard output. */
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  readonly inIsTty: boolean;
  /** Whether standard output and error go to the same file, pipe or terminal. */
  readonly outIsErr: boolean;
  /** Whether the terminal's keys are ours: not so for a job in the background, which reading or setting it would stop. */
  readonly inForeground: boolean;
  /** Whether a person can be asked. */
  readonly canPrompt: boolean;
  readonly outColor: boolean;
  readonly errColor: boolean;
  /** Width of the terminal in columns. */
  readonly columns: number;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  out(text: string): void;
  err(text: string): void;
  /** Whether the program that read our standard output has gone (EPIPE), as `head` does. */
  readerGone(): boolean;
  /** Waits until standard output is written. Rejects where it could not be (a full disk), but not for a gone reader. */
  flush(): Promise<void>;
  /** Lets go of standard input, so that an unread pipe cannot keep the process alive. */
  close(): void;
}

/** The terminal of a process. Its streams are opened when they are first used: opening each costs start-up time. */
export function processIo(host: NodeJS.Process): Io {
  const { env } = host;
  const [inIsTty, outIsTty, errIsTty] = [isatty(0), isatty(1), isatty(2)];
  let stdinUsed = false;
  let stdoutUsed = false;
  let failed: Error | undefined;
  const stdout = once(() => {
    stdoutUsed = true;
    return host.stdout.on("error", (error) => {
      failed ??= error;
    });
  });
  const readerGone = (): boolean => systemCode(failed) === "EPIPE";
  // Nobody is left to tell that standard error is closed.
  const stderr = once(() => host.stderr.on("error", () => {}));
  return {
    outIsTty,
    errIsTty,
    inIsTty,
    canPrompt: inIsTty && errIsTty && !isOn(env["CI"]) && !isOn(env["CLOISTER_NO_INPUT"]),
    outColor: wantsColor(env, outIsTty),
    errColor: wantsColor(env, errIsTty),
    get outIsErr() {
      return sameFile(1, 2);
    },
    get inForeground() {
      return isForeground();
    },
    get columns() {
      return (outIsTty && stdout().columns) || (errIsTty && stderr().columns) || 80;
    },
    get stdin() {
      stdinUsed = true;
      return host.stdin;
    },
    get stdout() {
      return stdout();
    },
    get stderr() {
      return stderr();
    },
    out: (text) => {
      if (!failed) stdout().write(text);
    },
    err: (text) => void stderr().write(text),
    readerGone,
    flush: async () => {
      if (!stdoutUsed) return;
      await new Promise<void>((resolve) => {
        // The empty write is answered after all earlier ones, or at once where one of them has failed.
        stdout().write("", () => resolve());
      });
      if (!failed || readerGone()) return;
      throw new CloisterError("FAILURE", "the output could not be written", {
        why: failed.message,
        next: "make room where it goes, or send it elsewhere",
        cause: failed,
      });
    },
    close: () => {
      if (stdinUsed) host.stdin.destroy();
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function sameFile(one: number, other: number): boolean {
  try {
    const [a, b] = [fstatSync(one), fstatSync(other)];
    return a.dev === b.dev && a.ino === b.ino && a.rdev === b.rdev;
  } catch {
    return false;
  }
}

/** By the terminal's foreground group in proc_pid_stat(5), where there is a /proc. */
function isForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    return true;
  }
}
