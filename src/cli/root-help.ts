// The first page of help, drawn from the command tree alone: it is what people wait for first, so nothing else is loaded.
import { TREE } from "./tree.ts";

export const DESCRIPTION = `Governed ML workspaces: one signed policy, sandboxed workspaces, sealed
artifacts, and a log nobody can quietly edit.`;
export const USAGE = "<command> [arguments] [options]";
const OPTIONS = [
  ["-V, --version", "print the version"],
  ["-h, --help", "show this help"],
] as const;
const EXAMPLES = ["cloister init", "cloister push data --name cohort", "cloister help exit-codes"];

/** Fits 80 columns; the same on every terminal. */
export function rootHelp(color: boolean): string {
  const groups = TREE.map(({ heading, commands }) => ({
    heading,
    rows: commands.map(({ name, aliases = [], summary }) => [[name, ...aliases].join(", "), summary] as const),
  }));
  const all = [{ heading: "Options:", rows: OPTIONS }, ...groups];
  const width = Math.max(...all.flatMap(({ rows }) => rows.map(([term]) => term.length)));
  const sections = all.map(({ heading, rows }) => [
    title(heading, color),
    ...rows.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`),
    "",
  ]);
  const examples = [title("Examples:", color), ...EXAMPLES.map((example) => `  $ ${example}`), ""];
  const usage = `${title("Usage:", color)} cloister ${USAGE}`;
  return [usage, "", DESCRIPTION, "", ...sections.flat(), ...examples].join("\n");
}

function title(text: string, color: boolean): string {
  return color ? `\u001b[1m${text}\u001b[22m` : text;
}
