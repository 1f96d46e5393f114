import { CloisterError } from "../../base/errors.ts";
import { durationFlagMs } from "../../base/units.ts";
import type { Project, RunResult, Streams } from "../../index.ts";
import type { Call } from "../call.ts";
import { stoppedText } from "../limit-words.ts";
import { print } from "../output.ts";
import { secretUse } from "../secret-words.ts";
import { signalExit } from "../signals.ts";
import { log, shellLine, took } from "../words.ts";

/** Runs a command and ends with its exit code. */
export async function run(call: Call): Promise<number> {
  const { context, rest, args, flags } = call;
  const { io, interruption } = context;
  const words = rest === undefined ? args : args.slice(0, args.length - rest.length);
  if (rest === undefined || rest.length === 0 || words.length > 1) throw noCommand(words, rest);
  const project = await call.project();
  const workspace = words[0] ?? (await onlyWorkspace(project, rest));
  const seed = flags.count("seed", 0);
  const streams: Streams = { stdin: io.stdin, stdout: call.json ? io.stderr : io.stdout, stderr: io.stderr };
  const work = async (): Promise<RunResult> => {
    const secrets = flags.list("secret").map(secretUse);
    const creds = flags.choice("creds", ["token", "aws"]);
    const time = flags.text("time");
    const runMs = time === undefined ? undefined : durationFlagMs(time, "--time");
    const options = { workspace, argv: rest, seed, secrets, keepOutput: flags.on("keepOutput"), creds, runMs };
    return await project.run(options, streams);
  };
  // A child on the terminal gets Ctrl-C from the terminal itself.
  const result = await (io.inIsTty && io.outIsTty && !call.json ? interruption.leaveToChild(work) : work());
  call.progress.clear();
  if (result.stoppedBy) call.progress.note(stoppedText(result.stoppedBy));
  if (call.json) print(call, "run", result, () => {});
  else if (!call.quiet) showEnd(call, result);
  const caught = interruption.caught();
  return caught ? signalExit(caught) : result.exit;
}

function showEnd(call: Call, { workspace, exit, seconds, output, logEntry }: RunResult): void {
  const { io } = call.context;
  if (io.errIsTty) io.err(freshLine(io.columns));
  if (output) call.progress.note(`the output is kept in the workspace, in ${output}`);
  if (!io.errIsTty) return;
  call.progress.note(`${workspace} ended with ${String(exit)} after ${took(seconds)}   ${log(logEntry)}`, "dim");
}

/**
 * Goes to the start of a line that holds nothing, wherever the cursor was left: spaces to the last column wrap unless
 * it stood at the first one.
 */
function freshLine(columns: number): string {
  return `${" ".repeat(columns - 1)}\r`;
}

function noCommand(words: readonly string[], rest: readonly string[] | undefined): CloisterError {
  const [workspace = "WORKSPACE", ...command] = rest === undefined ? words : words.slice(0, 1);
  const shown = shellLine(rest?.length ? rest : command) || "COMMAND";
  const why = words.length > 1 && rest?.length ? "before -- stands one workspace" : "a command comes after --";
  return new CloisterError("USAGE", "run needs a command", { why, next: `cloister run ${workspace} -- ${shown}` });
}

async function onlyWorkspace(project: Project, command: readonly string[]): Promise<string> {
  const running = (await project.listWorkspaces()).filter(({ state }) => state === "running");
  const [first, second] = running;
  if (first && !second) return first.name;
  throw new CloisterError("USAGE", "run needs the name of a workspace", {
    why: first ? `several are running: ${running.map(({ name }) => name).join(", ")}` : "none is running",
    next: first
      ? `cloister run ${first.name} -- ${shellLine(command)}`
      : "cloister ws create NAME --input REF --purpose PURPOSE",
  });
}
