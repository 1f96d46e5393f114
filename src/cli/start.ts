// Where the program starts. What needs no parser does not wait for one: importing it is half of a start.
import { readFileSync, writeSync } from "node:fs";
import { wantsColor } from "./color.ts";

/** Runs the command line of a process and says with which code the process should end. */
export async function start(argv: readonly string[], host: NodeJS.Process): Promise<number> {
  const text = argv[0] === "creds" ? await warmAnswer(argv, host) : await quickAnswer(argv, host);
  if (text !== undefined && write(text)) return 0;
  return (await import("./main.ts")).main(argv, host);
}

async function warmAnswer(argv: readonly string[], host: NodeJS.Process): Promise<string | undefined> {
  if (argv[1] !== "process" && argv[1] !== "status") return undefined;
  return (await import("./warm.ts")).warmAnswer(argv, host);
}

async function quickAnswer([word, another]: readonly string[], host: NodeJS.Process): Promise<string | undefined> {
  if (another !== undefined) return undefined;
  if (word === "--version" || word === "-V") return `${version()}\n`;
  if (word !== undefined && word !== "--help" && word !== "-h" && word !== "help") return undefined;
  // Asked for here: importing it would load the network's streams for every command.
  const colored = wantsColor(host.env, host.getBuiltinModule("node:tty").isatty(1));
  return (await import("./root-help.ts")).rootHelp(colored);
}

/** False where standard output does not take it at once; the slower way copes with that. */
function write(text: string): boolean {
  try {
    return writeSync(1, text) === Buffer.byteLength(text);
  } catch {
    return false;
  }
}

/** From package.json. */
export function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
