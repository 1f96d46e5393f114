// Asks a person, on standard error. Every question names the flag that answers it without asking.
import type { Readable, Writable } from "node:stream";
import { CloisterError } from "../base/errors.ts";
import { shellWord } from "./words.ts";

export interface Question {
  readonly message: string;
  /** What to pass where no one can be asked, e.g. `--store`. */
  readonly flag: string;
}

export interface Prompter {
  input(question: Question & { default: string; check?: (text: string) => string | undefined }): Promise<string>;
  select(question: Question & { choices: readonly { value: string; name: string }[] }): Promise<string>;
  confirm(question: Question & { default: boolean }): Promise<boolean>;
  /** Shows a star for each character. It checks nothing: inquirer would keep a refused answer and add to it, unseen. */
  hidden(question: Question): Promise<string>;
}

/** Where questions are shown and answered. Standard output stays free for results. */
export interface PrompterOptions {
  readonly canPrompt: boolean;
  readonly input: () => Readable;
  readonly output: () => Writable;
  readonly signal: AbortSignal;
}

/**
 * A prompter on inquirer, which is loaded at the first question.
 * Its questions throw {@link CloisterError} USAGE naming the flag where no one can be asked, and inquirer's
 * `ExitPromptError` where the person leaves.
 */
export function inquirerPrompter(options: PrompterOptions): Prompter {
  const ask = async (flag: string, question: object, such = ""): Promise<unknown> => {
    if (options.canPrompt) return await askOne(options, question);
    throw new CloisterError("USAGE", `${flag} is required when no one can be asked`, {
      why: "standard input or standard error is no terminal (or CI or CLOISTER_NO_INPUT is set)",
      next: `pass ${flag}${such}`,
    });
  };
  return {
    input: async ({ message, default: initial, check, flag }) => {
      const question = { type: "input", message, default: initial, ...(check && { validate: valid(check) }) };
      return String(await ask(flag, question, `, e.g. ${flag} ${shellWord(initial)}`));
    },
    select: async ({ message, choices, flag }) => {
      const question = { type: "select", message, choices: choices.map((item) => ({ ...item, short: item.value })) };
      return String(await ask(flag, question, `, one of: ${choices.map(({ value }) => value).join(", ")}`));
    },
    confirm: async ({ message, default: initial, flag }) =>
      (await ask(flag, { type: "confirm", message, default: initial })) === true,
    hidden: async ({ message, flag }) =>
      String(await ask(flag, { type: "password", message, mask: "*", toggleMask: false })),
  };
}

function valid(check: (text: string) => string | undefined): (text: string) => string | true {
  return (text) => check(text) ?? true;
}

async function askOne(options: PrompterOptions, question: object): Promise<unknown> {
  const { createPromptModule } = (await import("inquirer")).default;
  const input = options.input();
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  // A raw terminal reports Ctrl-D as a key: readline closes, and inquirer would never settle.
  const onKey = (_text: unknown, key?: { readonly ctrl?: boolean; readonly name?: string }): void => {
    if (key?.ctrl && key.name === "d") leave();
  };
  // Nor would a question settle whose input has ended.
  input.once("end", leave).once("close", leave).on("keypress", onKey);
  try {
    const prompt = createPromptModule({
      input: input as NodeJS.ReadableStream,
      output: options.output() as NodeJS.WritableStream,
      signal: AbortSignal.any([options.signal, leaving.signal]),
      skipTTYChecks: true,
    });
    const answers: Record<string, unknown> = await prompt([{ ...question, name: "answer" }] as never);
    return answers["answer"];
  } finally {
    input.off("end", leave).off("close", leave).off("keypress", onKey);
  }
}
