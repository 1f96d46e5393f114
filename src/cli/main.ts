// From a command line to an exit code.
import { homedir, userInfo } from "node:os";
import type { Context } from "./context.ts";
import { RUN_FAILED } from "./exit-codes.ts";
import { type Failure, failureJson, isBrokenPipe, toFailure, UsageError } from "./failure.ts";
import { withWayOn } from "./go-on.ts";
import { processIo } from "./io.ts";
import { HelpShown, type OnLeaf, program } from "./program.ts";
import type { ProgressLine } from "./progress.ts";
import { inquirerPrompter } from "./prompter.ts";
import { type Caught, listenToSignals, signalExit } from "./signals.ts";
import type { Leaf } from "./tree.ts";

/** Runs the command line of a process and says with which code the process should end. */
export async function main(argv: readonly string[], host: NodeJS.Process): Promise<number> {
  // As the person set it: what is set below is not for the programs that we start with their environment.
  const env = { ...host.env };
  // Which Node versions the AWS SDK will support one day is for us to know, not for everyone who pulls a file.
  host.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  const io = processIo(host);
  const interruption = listenToSignals(host, io);
  const context: Context = {
    io,
    interruption,
    prompter: inquirerPrompter({
      canPrompt: io.canPrompt,
      input: () => io.stdin,
      output: () => io.stderr,
      signal: interruption.signal,
    }),
    cwd: host.cwd(),
    env,
    person: async () => ({ home: homedir(), userName: loginName(env, () => userInfo().username) }),
    now: Date.now,
    library: async () => await import("../index.ts"),
  };
  // A stray rejection in a dependency must not print a stack, nor end with a code that is not ours.
  const onStray = (error: unknown): void => {
    void report(error, argv, context, undefined).then((exit) => host.exit(exit));
  };
  host.on("uncaughtException", onStray);
  try {
    return await run(argv, context);
  } finally {
    host.off("uncaughtException", onStray);
    interruption.release();
    io.close();
  }
}

function loginName(env: NodeJS.ProcessEnv, lookUp: () => string): string {
  const said = env["USER"] || env["LOGNAME"];
  if (said) return said;
  try {
    return lookUp();
  } catch {
    // A container may run under a uid that has no entry in passwd(5).
    return "me";
  }
}

/** {@link main} without the process: what tests call. Every failure is reported, none is thrown. */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  let exit = 0;
  let started: Leaf | undefined;
  let progress: ProgressLine | undefined;
  const onLeaf: OnLeaf = async (leaf, args, flags) => {
    started = leaf;
    const { makeCall } = await import("./call.ts");
    const command = await leaf.load();
    const call = await makeCall(context, args, afterDashes(argv), flags);
    progress = call.progress;
    try {
      exit = (await command(call)) ?? 0;
    } finally {
      call.progress.clear();
    }
  };
  const parser = program(context.io, context.env, onLeaf, argv[0]);
  try {
    await parser.parseAsync([...argv], { from: "user" }).catch((error: unknown) => {
      if (!(error instanceof HelpShown)) throw error;
    });
    await context.io.flush();
    return exit;
  } catch (error) {
    if (context.io.readerGone() && isBrokenPipe(error)) return 0;
    return await report(error, argv, context, started, progress);
  }
}

function afterDashes(argv: readonly string[]): readonly string[] | undefined {
  const at = argv.indexOf("--");
  return at < 0 ? undefined : argv.slice(at + 1);
}

/** Prints what went wrong on standard error and returns the exit code. */
async function report(
  error: unknown,
  argv: readonly string[],
  context: Context,
  leaf: Leaf | undefined,
  progress?: ProgressLine,
): Promise<number> {
  const { io, env, interruption } = context;
  const isRun = RUNS.has(leaf?.name ?? "") || (error instanceof UsageError && / (run|exec|shell)$/.test(error.command));
  const settled = settleExit(toFailure(error), isRun, interruption.caught());
  const failure = withWayOn(settled, leaf?.name, argv, progress?.last);
  const dashes = argv.indexOf("--");
  const ours = dashes < 0 ? argv : argv.slice(0, dashes);
  if (ours.includes("--json")) io.err(failureJson(failure));
  else {
    const { failureText } = await import("./failure-text.ts");
    io.err(failureText(failure, io.errColor, io.errIsTty ? io.columns : Number.POSITIVE_INFINITY));
  }
  if (env["CLOISTER_DEBUG"] && error instanceof Error) io.err(`${error.stack ?? ""}\n`);
  return failure.exit;
}

/** Commands whose exit code is that of the command they run. */
const RUNS: ReadonlySet<string> = new Set(["run", "exec", "shell"]);

/** A signal explains whatever failed because of it; `run` keeps 1 to 124 for the command it runs. */
function settleExit(failure: Failure, isRun: boolean, caught: Caught | undefined): Failure {
  if (caught && (failure.code === "INTERRUPTED" || failure.code === "FAILURE")) {
    const exit = signalExit(caught);
    // What was interrupted knows best how to go on.
    if (failure.code === "INTERRUPTED" && failure.next !== undefined) return { ...failure, exit };
    return { code: "INTERRUPTED", message: "interrupted", exit };
  }
  if (isRun && failure.code !== "INTERRUPTED") return { ...failure, exit: RUN_FAILED };
  return failure;
}
