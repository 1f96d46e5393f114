import { Readable } from "node:stream";
import { CloisterError } from "../../base/errors.ts";
import { durationFlagMs } from "../../base/units.ts";
import type { Project, RunResult, Streams } from "../../index.ts";
import type { Call } from "../call.ts";
import { stoppedText } from "../limit-words.ts";
import { onlyHosts } from "../network-words.ts";
import { print } from "../output.ts";
import { resetTerminal, showEnd } from "../run-end.ts";
import { secretUse } from "../secret-words.ts";
import { signalExit } from "../signals.ts";
import { shellLine } from "../words.ts";

/** Runs a command and ends with its exit code. */
export async function run(call: Call): Promise<number> {
  const { context, rest, args, flags } = call;
  const { io, interruption } = context;
  const words = rest === undefined ? args : args.slice(0, args.length - rest.length);
  if (rest === undefined || rest.length === 0 || words.length > 1) throw noCommand(words, rest);
  const project = await call.project();
  const workspace = words[0] ?? (await onlyWorkspace(project, (name) => `cloister run ${name} -- ${shellLine(rest)}`));
  const seed = flags.count("seed", 0);
  const streams = streamsOf(call);
  const work = async (): Promise<RunResult> => {
    const secrets = flags.list("secret").map(secretUse);
    const creds = flags.choice("creds", ["token", "aws"]);
    const time = flags.text("time");
    const runMs = time === undefined ? undefined : durationFlagMs(time, "--time");
    const network = onlyHosts(flags.list("network"));
    const trace = flags.on("trace");
    const kept = flags.on("keepOutput");
    const options = { workspace, argv: rest, seed, secrets, keepOutput: kept, creds, runMs, network, trace };
    return await project.run(options, streams);
  };
  // A child on the terminal gets Ctrl-C from the terminal itself.
  const onTerminal = io.inIsTty && io.inForeground && io.outIsTty && io.errIsTty && !call.json;
  const result = await (onTerminal ? interruption.leaveToChild(work).finally(() => resetTerminal(io)) : work());
  call.progress.clear();
  if (result.stoppedBy) call.progress.note(stoppedText(result.stoppedBy));
  if (call.json) print(call, "run", result, () => {});
  else showEnd(call, result, "command");
  const caught = interruption.caught();
  return caught ? signalExit(caught) : result.exit;
}

function streamsOf({ context, json }: Call): Streams {
  const { io } = context;
  // A job in the background is stopped by reading from the terminal, whether its command reads or not.
  const stdin = io.inIsTty && !io.inForeground ? Readable.from([]) : io.stdin;
  if (json) return { stdin, stdout: io.stderr, stderr: io.stderr };
  return { stdin, stdout: io.stdout, stderr: io.outIsErr ? io.stdout : io.stderr };
}

function noCommand(words: readonly string[], rest: readonly string[] | undefined): CloisterError {
  const [workspace = "WORKSPACE", ...command] = rest === undefined ? words : words.slice(0, 1);
  const shown = shellLine(rest?.length ? rest : command) || "COMMAND";
  const why = words.length > 1 && rest?.length ? "before -- stands one workspace" : "a command comes after --";
  return new CloisterError("USAGE", "run needs a command", { why, next: `cloister run ${workspace} -- ${shown}` });
}

/** The workspace that is meant where none is named. @param line what is typed with a name in it */
export async function onlyWorkspace(project: Project, line: (name: string) => string): Promise<string> {
  const running = (await project.listWorkspaces()).filter(({ state }) => state === "running");
  const [first, second] = running;
  if (first && !second) return first.name;
  throw new CloisterError("USAGE", "which workspace?", {
    why: first ? `several are running: ${running.map(({ name }) => name).join(", ")}` : "none is running",
    next: first ? line(first.name) : "cloister ws create NAME --input REF --purpose PURPOSE",
  });
}
