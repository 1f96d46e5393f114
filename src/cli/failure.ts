// What went wrong, as data: every exception becomes one of these, and every one has an exit code.

import { CloisterError, type ErrorCode, type Refusal } from "../base/errors.ts";
import { printableJson } from "../base/terminal.ts";
import { exitOf } from "./exit-codes.ts";

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly exit: number;
  readonly why?: string | undefined;
  readonly next?: string | undefined;
  /** What was done already and is not done again, and how to go on from there. */
  readonly kept?: string | undefined;
  readonly refusals?: readonly Refusal[] | undefined;
  readonly policyVersion?: number | undefined;
  readonly logEntry?: number | undefined;
}

/** Thrown by the parser of the command line; `command` says what to ask for help about. */
export class UsageError extends Error {
  readonly why: string | undefined;
  readonly command: string;

  constructor(message: string, why: string | undefined, command: string) {
    super(message);
    this.why = why;
    this.command = command;
  }
}

/** Any exception as a failure. What nobody foresaw is a plain FAILURE, without a stack. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CloisterError) {
    const { code, message, why, next, refusals, policyVersion, logEntry } = error;
    return { code, message, exit: exitOf(code), why, next, refusals, policyVersion, logEntry };
  }
  if (error instanceof UsageError) {
    const { message, why, command } = error;
    return { code: "USAGE", message, exit: exitOf("USAGE"), why, next: `${command} --help` };
  }
  const name = error instanceof Error ? error.name : "";
  if (CANCELLED.has(name)) return { ...interrupted("cancelled"), why: "nothing was written" };
  if (name === "AbortError") return interrupted("interrupted");
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "FAILURE",
    message,
    exit: exitOf("FAILURE"),
    next: "run it again with CLOISTER_DEBUG=1 set to see where",
  };
}

/** What inquirer throws when a person leaves a question, or its signal aborts. */
const CANCELLED: ReadonlySet<string> = new Set(["ExitPromptError", "AbortPromptError"]);

function interrupted(message: string): Failure {
  return { code: "INTERRUPTED", message, exit: exitOf("INTERRUPTED") };
}

/** One line of JSON for `--json`. */
export function failureJson(failure: Failure): string {
  const { code, message, why, next, kept, exit, refusals, policyVersion, logEntry } = failure;
  const error = { code, message, why, next, kept, exit, refusals, policyVersion, logEntry };
  return `${printableJson({ error })}\n`;
}

/** Whether the error only says that the reader of our standard output has gone. */
export function isBrokenPipe(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    if ("code" in cause && typeof cause.code === "string" && PIPE_CODES.has(cause.code)) return true;
  }
  return false;
}

const PIPE_CODES: ReadonlySet<string> = new Set(["EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED"]);
