// Starts the programs that isolation is made of.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { inheritableDescriptors, type Stdio, sealedStdio } from "./descriptors.ts";

/** @throws {@link CloisterError} FAILURE where the system starts none */
export function startProgram(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [program = "", ...args] = command;
  let child: ChildProcess;
  try {
    child = spawn(program, args, options);
  } catch (cause) {
    if (systemCode(cause) === "E2BIG") throw tooLong(program, cause);
    throw notStarted(program, `the system says ${systemCode(cause) ?? String(cause)}`, cause);
  }
  if (child.pid !== undefined) return child;
  // The event comes later, and says no more to anybody than this does.
  child.on("error", () => undefined);
  throw notStarted(program, "you may have too many processes or open files by now (ulimit -u, ulimit -n)");
}

/**
 * {@link startProgram} with these standard streams, and nothing of what our own parent left open.
 *
 * @throws {@link CloisterError} FAILURE
 */
export function startSealed(
  command: readonly string[],
  stdio: readonly Stdio[],
  options: Omit<SpawnOptions, "stdio">,
): ChildProcess {
  const harmless = openSync("/dev/null", "r");
  try {
    return startProgram(command, { ...options, stdio: sealedStdio(stdio, inheritableDescriptors(), harmless) });
  } finally {
    closeSync(harmless);
  }
}

function notStarted(program: string, why: string, cause?: unknown): CloisterError {
  const next = "end what you do not need, then try again";
  return new CloisterError("FAILURE", `${program} could not be started`, { why, next, cause });
}

function tooLong(program: string, cause: unknown): CloisterError {
  const why = "a word of its command line, or all of them together, are longer than the system takes";
  return new CloisterError("FAILURE", `${program} could not be started`, { why, next: "put it in a file", cause });
}

/** Reads a stream to its end, and keeps the beginning of what it says. A stream that breaks off has ended. */
export function beginningOf(stream: Readable | null | undefined, charsMax: number): () => string {
  let text = "";
  stream?.on("error", () => undefined);
  stream?.on("data", (chunk) => {
    if (text.length < charsMax) text = `${text}${String(chunk)}`.slice(0, charsMax);
  });
  return () => text;
}
