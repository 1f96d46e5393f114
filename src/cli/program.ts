// Builds the parser from the command tree.
import { Command, type CommanderError, Option } from "commander";
import { UsageError } from "./failure.ts";
import { Flags } from "./flags.ts";
import type { Io } from "./io.ts";
import { DESCRIPTION, rootHelp, USAGE } from "./root-help.ts";
import { version } from "./start.ts";
import { type Choice, GLOBALS, type Leaf, type Noun, TREE } from "./tree.ts";

/** What the parser found: a command to run with its arguments. */
export type OnLeaf = (leaf: Leaf, args: readonly string[], flags: Flags) => Promise<void>;

/** The help or the version was printed, and there is nothing to run. */
export class HelpShown extends Error {}

const GLOBAL_HEADING = "Global options:";
const HELP = ["-h, --help", "show this help"] as const;
const HELP_COLUMNS_MAX = 100;

interface Building {
  readonly io: Io;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onLeaf: OnLeaf;
  /** What a command still lacks until it is the one that was asked for: building all of them costs start-up time. */
  readonly rest: Map<Command, () => void>;
}

/**
 * The parser. It throws {@link HelpShown} after help and version, and {@link UsageError} for what it cannot parse.
 *
 * @param first the first word of the command line: where that is a command, no other needs to be built
 */
export function program(
  io: Io,
  env: Readonly<Record<string, string | undefined>>,
  onLeaf: OnLeaf,
  first?: string,
): Command {
  const building: Building = { io, env, onLeaf, rest: new Map() };
  const root = settle(new Command("cloister"), building)
    .description(DESCRIPTION)
    .addOption(new Option("-V, --version", "print the version"))
    .usage(USAGE)
    .enablePositionalOptions()
    // Not by commander's own way, for which every command would have to read the version first.
    .on("option:version", () => {
      io.out(`${version()}\n`);
      throw new HelpShown();
    });
  // Every command lists the global options itself; here they would only push the commands down.
  for (const choice of GLOBALS) root.addOption(option(choice).hideHelp());
  const all = TREE.flatMap(({ heading, commands }) => commands.map((item) => ({ heading, item })));
  const asked = all.filter(({ item }) => item.name === first || item.aliases?.some((alias) => alias === first));
  for (const { heading, item } of asked.length > 0 ? asked : all) {
    addCommand(root, item, building).helpGroup(heading);
  }
  root.helpInformation = () => rootHelp(io.outColor);
  return root;
}

function addCommand(parent: Command, item: Leaf | Noun, building: Building): Command {
  const command = settle(parent.command(item.name), building)
    .summary(item.summary)
    .aliases(item.aliases ?? []);
  building.rest.set(command, () => {
    command.description(sentence(item.summary));
    if ("leaves" in item) for (const leaf of item.leaves) addCommand(command, leaf, building);
    else fillLeaf(command, item, building);
    addExamples(command, building.io, item.examples);
  });
  return command;
}

function fillLeaf(command: Command, leaf: Leaf, { env, onLeaf }: Building): void {
  for (const [name, text] of leaf.args ?? []) command.argument(name, text);
  if (leaf.usage) command.usage(leaf.usage);
  for (const choice of leaf.options ?? []) {
    command.addOption(option(choice));
    if (choice.also) command.addOption(option({ ...choice, flags: choice.also }).hideHelp());
  }
  for (const choice of GLOBALS) command.addOption(option(choice).helpGroup(GLOBAL_HEADING));
  command.addHelpOption(new Option(...HELP).helpGroup(GLOBAL_HEADING));
  if (leaf.notes) command.addHelpText("after", `\n${leaf.notes}`);
  command.action(async () => {
    await onLeaf(leaf, command.args, new Flags(given(command), env));
  });
}

/** Settings that commander does not inherit in the order we build: where it prints, how it fails, how help looks. */
function settle(command: Command, { io, rest }: Building): Command {
  const columns = (): number => Math.min(io.outIsTty ? io.columns : 80, HELP_COLUMNS_MAX);
  return (
    command
      .hook("preSubcommand", (_parent, asked) => {
        rest.get(asked)?.();
        rest.delete(asked);
      })
      .helpCommand(false)
      .helpOption(...HELP)
      // Help that commander takes for an error (a noun on its own) is a result to us.
      .configureOutput({
        writeOut: io.out,
        writeErr: io.out,
        outputError: () => {},
        getOutHelpWidth: columns,
        getErrHelpWidth: columns,
        getOutHasColors: () => io.outColor,
        getErrHasColors: () => io.outColor,
      })
      .configureHelp({ styleTitle: (text) => title(text, io), subcommandTerm })
      .exitOverride((error) => {
        throw error.exitCode === 0 || error.code === "commander.help" ? new HelpShown() : usageError(error, command);
      })
  );
}

function subcommandTerm(command: Command): string {
  return [command.name(), ...command.aliases()].join(", ");
}

function usageError(error: CommanderError, command: Command): UsageError {
  const [first = "", ...others] = error.message.replace(/^error: /, "").split("\n");
  const message = first.replace(/\.$/, "");
  if (message === "unknown command 'version'" && !command.parent) {
    return new UsageError(message, "Did you mean --version?", path(command));
  }
  const hint = others
    .join(" ")
    .replace(/^\(|\)$/g, "")
    .trim();
  // Where one command was meant, its help is more use than the help of what was typed.
  const meant = error.code === "commander.unknownCommand" ? /^Did you mean (\S+)\?$/.exec(hint)?.[1] : undefined;
  const about = [path(command), meant].filter((part) => part !== undefined).join(" ");
  return new UsageError(message, hint === "" ? undefined : hint, about);
}

function path(command: Command): string {
  return command.parent ? `${path(command.parent)} ${command.name()}` : command.name();
}

function option({ flags, text, many, choices }: Choice): Option {
  const made = new Option(flags, text);
  if (choices) made.choices(choices);
  if (many) made.argParser((value: string, earlier: readonly string[] = []) => [...earlier, value]);
  return made;
}

/** What was given on the command line, before or after the command's name; the nearest wins. */
function given(command: Command): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (let level: Command | null = command; level; level = level.parent) {
    for (const [key, value] of Object.entries(level.opts())) {
      if (level.getOptionValueSource(key) === "cli") values[key] ??= value;
    }
  }
  return values;
}

function addExamples(command: Command, io: Io, examples: readonly string[]): void {
  const lines = examples.map((example) => `  $ ${example}`);
  command.addHelpText("after", ["", title("Examples:", io), ...lines].join("\n"));
}

function title(text: string, io: Io): string {
  return io.outColor ? `\u001b[1m${text}\u001b[22m` : text;
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}
