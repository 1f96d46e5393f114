import type { Call } from "../call.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { print } from "../output.ts";
import { HelpShown, program } from "../program.ts";
import { type Leaf, type Noun, TREE } from "../tree.ts";

/** `help`, `help COMMAND…`, `help exit-codes`. */
export async function help(call: Call): Promise<undefined> {
  const { context, args } = call;
  if (args.length === 1 && args[0] === "exit-codes") return exitCodes(call);
  // The parser itself refuses what is no command, and suggests one.
  const parser = program(context.io, context.env, async () => {});
  try {
    await parser.parseAsync(isCommand(args) ? [...args, "--help"] : [...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof HelpShown)) throw error;
  }
  return undefined;
}

function isCommand(words: readonly string[]): boolean {
  let level: readonly (Leaf | Noun)[] = TREE.flatMap(({ commands }) => commands);
  for (const word of words) {
    const found = level.find(({ name, aliases = [] }) => name === word || aliases.includes(word));
    if (!found) return false;
    level = "leaves" in found ? found.leaves : [];
  }
  return true;
}

function exitCodes(call: Call): undefined {
  print(call, "exit-codes", { exitCodes: EXIT_CODES }, (page) => {
    page.table(
      ["EXIT", "CODE", "MEANING"],
      EXIT_CODES.map(({ exit, code, meaning }) => [String(exit), code ?? "-", meaning]),
    );
  });
}
