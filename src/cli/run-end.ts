// What is said after a command that had the terminal, and the terminal as it should be again.
import type { RunResult } from "../index.ts";
import type { Call } from "./call.ts";
import type { Io } from "./io.ts";
import { stoppedText } from "./limit-words.ts";
import { refusedLines } from "./network-words.ts";
import { warn } from "./output.ts";
import { log, took } from "./words.ts";

/** How a command in a workspace ended, on standard error. @param what the subject, as the workspace itself goes on */
export function showEnd(call: Call, result: RunResult, what: "command" | "shell"): void {
  const { workspace, exit, seconds, output, over, network, logEntry, stoppedBy } = result;
  const { io } = call.context;
  if (io.errIsTty) io.err(freshLine(io.columns));
  if (stoppedBy) call.progress.note(stoppedText(stoppedBy));
  if (over) warn(call, `the time of workspace ${workspace} is over, or it was destroyed: everything in it is erased`);
  if (call.quiet) return;
  if (output) call.progress.note(`the output is kept in the workspace, in ${output}`);
  for (const line of refusedLines(workspace, network)) call.progress.note(line);
  if (!io.errIsTty) return;
  call.progress.note(
    `the ${what} in ${workspace} ended with ${String(exit)} after ${took(seconds)}   ${log(logEntry)}`,
    "dim",
  );
}

/**
 * Undoes what a program that was killed, or meant harm, left a terminal doing: colours, a hidden cursor, reports of the
 * mouse, keys and pastes in other forms, the other screen (xterm's control sequences).
 */
export function resetTerminal(io: Pick<Io, "err" | "errIsTty">): void {
  if (!io.errIsTty) return;
  const off = [1, 1000, 1002, 1003, 1004, 1006, 2004, 47].map((mode) => `\u001b[?${String(mode)}l`).join("");
  io.err(`\u001b[0m\u001b(B\u000f\u001b[?7h\u001b[?25h${off}\u001b>`);
}

/**
 * Goes to the start of a line that holds nothing, wherever the cursor was left: spaces to the last column wrap unless
 * it stood at the first one.
 */
function freshLine(columns: number): string {
  return `${" ".repeat(columns - 1)}\r`;
}
