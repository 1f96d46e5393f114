// The exit codes, as data: the command line ends with them and `help exit-codes` prints them.
import type { ErrorCode } from "../base/errors.ts";

export interface ExitCode {
  readonly exit: number;
  readonly code: ErrorCode | undefined;
  readonly meaning: string;
}

/** `run`, `shell` and `exec` end with this where Cloister itself failed, as docker does; 126 and 127 come from starting the command. */
export const RUN_FAILED = 125;

export const EXIT_CODES: readonly ExitCode[] = [
  { exit: 0, code: undefined, meaning: "done (an empty list is success)" },
  { exit: 1, code: "FAILURE", meaning: "anything else" },
  { exit: 2, code: "USAGE", meaning: "flags, arguments, configuration, a prompt that cannot be shown" },
  { exit: 3, code: "POLICY_DENIED", meaning: "the policy forbids it" },
  { exit: 4, code: "NOT_AUTHENTICATED", meaning: "no identity, or credentials absent or expired" },
  { exit: 5, code: "APPROVAL_PENDING", meaning: "asked for, not yet approved" },
  { exit: 6, code: "INTEGRITY", meaning: "damage, tampering, bad signature, broken log; never retry, discard output" },
  { exit: 7, code: "NOT_FOUND", meaning: "no such artifact, workspace, member or project" },
  { exit: 8, code: "UNAVAILABLE", meaning: "network, contention, throttling; retry" },
  { exit: 9, code: "UNSUPPORTED_HOST", meaning: "no sandbox or no keychain where one is required" },
  { exit: 124, code: undefined, meaning: "run only: the time of --time or --run-time was over, and ended the command" },
  { exit: RUN_FAILED, code: undefined, meaning: "run, shell and exec only: cloister itself failed" },
  { exit: 126, code: undefined, meaning: "run, shell and exec only: the command cannot be executed" },
  { exit: 127, code: undefined, meaning: "run, shell and exec only: the command was not found" },
  { exit: 130, code: "INTERRUPTED", meaning: "interrupted (SIGINT, Ctrl-C)" },
  { exit: 143, code: "INTERRUPTED", meaning: "terminated (SIGTERM)" },
  { exit: 129, code: "INTERRUPTED", meaning: "hung up (SIGHUP): the terminal is gone" },
];

/** The exit code of a kind of failure; an unknown kind is an ordinary failure. */
export function exitOf(code: ErrorCode): number {
  return EXIT_CODES.find((row) => row.code === code)?.exit ?? 1;
}
