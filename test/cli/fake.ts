// A terminal, a person and a library that tests hand to the command line.
import { PassThrough, Readable } from "node:stream";
import { CloisterError } from "../../src/base/errors.ts";
import type { Context, Library } from "../../src/cli/context.ts";
import { run } from "../../src/cli/main.ts";
import type { Prompter } from "../../src/cli/prompter.ts";
import type { Interruption } from "../../src/cli/signals.ts";
import type { Host, Project, VersionSummary } from "../../src/index.ts";

export interface Setting {
  readonly tty?: boolean;
  readonly columns?: number;
  readonly env?: Record<string, string>;
  /** What a person answers, by flag. Without answers no one can be asked. */
  readonly answers?: Readonly<Record<string, string | boolean>>;
  readonly project?: Partial<Project>;
  readonly library?: Partial<Library>;
  readonly interruption?: Partial<Interruption>;
  readonly stdin?: Readable;
  readonly now?: () => number;
}

export interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  /** Flags of the questions that were asked, in order. */
  readonly asked: readonly string[];
  readonly host: Host | undefined;
  readonly folder: string | undefined;
}

/** Runs one command line against fakes. */
export async function cloister(argv: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const seen = { out: "", err: "", asked: [] as string[], host: undefined as Host | undefined, folder: "" };
  const { tty = false, answers, env = {} } = setting;
  const context: Context = {
    io: {
      outIsTty: tty,
      errIsTty: tty,
      inIsTty: tty,
      outIsErr: false,
      inForeground: true,
      canPrompt: answers !== undefined,
      outColor: false,
      errColor: false,
      columns: setting.columns ?? 80,
      stdin: setting.stdin ?? Readable.from([]),
      stdout: new PassThrough().on("data", (chunk) => {
        seen.out += String(chunk);
      }),
      stderr: new PassThrough().on("data", (chunk) => {
        seen.err += String(chunk);
      }),
      out: (text) => {
        seen.out += text;
      },
      err: (text) => {
        seen.err += text;
      },
      readerGone: () => false,
      flush: async () => {},
      close: () => {},
    },
    prompter: scripted(answers, seen.asked),
    cwd: "/home/ana/churn",
    env,
    person: async () => ({ home: env["HOME"] ?? "/home/ana", userName: "ana" }),
    now: setting.now ?? (() => 0),
    interruption: {
      signal: new AbortController().signal,
      caught: () => undefined,
      leaveToChild: async (work) => await work(),
      ...setting.interruption,
    },
    library: async () =>
      ({
        open: async (host: Host, options: { readonly folder: string }) => {
          seen.host = host;
          seen.folder = options.folder;
          return setting.project;
        },
        isShareFile: async () => false,
        ...setting.library,
      }) as unknown as Library,
  };
  const exit = await run(argv, context);
  return { exit, ...seen };
}

function scripted(answers: Setting["answers"], asked: string[]): Prompter {
  const answer = (flag: string, initial: unknown): unknown => {
    if (!answers) throw new CloisterError("USAGE", `${flag} is required when no one can be asked`);
    asked.push(flag);
    return answers[flag] ?? initial;
  };
  return {
    input: async ({ flag, default: initial }) => String(answer(flag, initial)),
    select: async ({ flag, choices }) => String(answer(flag, choices[0]?.value)),
    confirm: async ({ flag, default: initial }) => answer(flag, initial) === true,
    hidden: async ({ flag }) => String(answer(flag, "")),
  };
}

export const version: VersionSummary = {
  reference: "churn/risk:1.2",
  domain: "churn",
  name: "risk",
  number: 3,
  label: "1.2",
  class: "internal",
  kind: "model",
  versionId: "00112233445566778899aabbccddeeff",
  digest: `9c1e${"0".repeat(60)}`,
  bytes: 412_000_000,
  files: 12,
  pushedBy: "bo",
  pushedAt: "2026-03-01T10:20:30.000Z",
  logEntry: 481,
};
