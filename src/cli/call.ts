// One command line, parsed: what a command is given and what it asks of the library.

import { resolve } from "node:path";
import { printableJson } from "../base/terminal.ts";
import type { Host, Project } from "../index.ts";
import type { Context, Library } from "./context.ts";
import type { Flags } from "./flags.ts";
import { ProgressLine, type ProgressMode } from "./progress.ts";

export interface Call {
  readonly context: Context;
  /** Positional arguments, those after `--` included. */
  readonly args: readonly string[];
  /** What stood after `--`, or undefined where there was none. */
  readonly rest: readonly string[] | undefined;
  readonly flags: Flags;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Folder where the project is looked for, upwards. */
  readonly folder: string;
  readonly host: Host;
  readonly progress: ProgressLine;
  library(): Promise<Library>;
  project(): Promise<Project>;
}

/** A command's code: prints its result and says with which exit code, 0 where it says nothing. */
export type Run = (call: Call) => Promise<number | undefined>;

/** Connects a parsed command line with the process around it. */
export async function makeCall(
  context: Context,
  args: readonly string[],
  rest: readonly string[] | undefined,
  flags: Flags,
): Promise<Call> {
  const { io } = context;
  const quiet = flags.on("quiet");
  const progress = new ProgressLine(io, context.now, progressMode(context, flags, quiet));
  // What is said then stands on the last line of the terminal.
  context.interruption.signal.addEventListener("abort", () => progress.stop(), { once: true });
  const folder = resolve(context.cwd, flags.text("C") ?? ".");
  const host = await makeHost(context, flags, progress, quiet);
  return {
    context,
    args,
    rest,
    flags,
    json: flags.on("json"),
    quiet,
    folder,
    host,
    progress,
    library: context.library,
    project: async () => (await context.library()).open(host, { folder }),
  };
}

/** Programs that ask for JSON read standard error for the error. A terminal that cannot clear a line gets lines. */
function progressMode({ io, env }: Context, flags: Flags, quiet: boolean): ProgressMode {
  if (quiet || flags.on("json") || flags.off("progress")) return "off";
  return io.errIsTty && env["TERM"] !== "dumb" ? "line" : "lines";
}

async function makeHost(context: Context, flags: Flags, progress: ProgressLine, quiet: boolean): Promise<Host> {
  const { io, env, cwd, now, interruption, prompter } = context;
  return {
    env,
    cwd,
    ...(await context.person()),
    now,
    signal: interruption.signal,
    ...(io.canPrompt && {
      askPassphrase: async (purpose: "new" | "unlock") => {
        progress.clear();
        return await (await import("./passphrase.ts")).askPassphrase(prompter, purpose);
      },
      askCode: async (serial: string) => {
        progress.clear();
        const message = `Code of your second factor ${serial}:`;
        return await prompter.input({ message, default: "", flag: "--mfa-token" });
      },
    }),
    passphraseFile: flags.text("passphraseFile", "CLOISTER_PASSPHRASE_FILE"),
    insecureStorage: flags.on("insecureStorage"),
    progress: (step) => progress.update(step),
    notice: (text) => {
      if (quiet) return;
      // Programs read standard error for the error document: a notice must not stand in the way of their parser.
      if (flags.on("json")) io.err(`${printableJson({ notice: text })}\n`);
      else progress.note(text);
    },
  };
}
