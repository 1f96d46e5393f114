// The shape of the command tree: data, from which the parser and every help page are built.
import type { Run } from "./call.ts";
import { credentialCommands } from "./tree-credentials.ts";
import { shareCommands } from "./tree-export.ts";
import { governanceCommands } from "./tree-governance.ts";
import { projectCommands } from "./tree-project.ts";
import { secretCommands } from "./tree-secret.ts";
import { artifactCommands } from "./tree-work.ts";
import { workspaceCommands } from "./tree-workspace.ts";

export interface Choice {
  /** As commander writes it: `--name <name>`, `-o, --output <place>`, `--yes`. */
  readonly flags: string;
  readonly text: string;
  /** May be given several times. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  /** Another spelling that means the same. */
  readonly also?: string;
}

/** A command that does something. Its code is loaded when it runs, never before. */
export interface Leaf {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Arguments and what they are: `["<path>", "file or folder"]`. */
  readonly args?: readonly (readonly [string, string])[];
  /** The usage line after the command's name, where the parser's own would mislead. */
  readonly usage?: string;
  readonly options?: readonly Choice[];
  readonly examples: readonly string[];
  /** What a person should know besides, one paragraph. */
  readonly notes?: string;
  readonly load: () => Promise<Run>;
}

/** A noun: on its own it shows its help. */
export interface Noun {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly examples: readonly string[];
  readonly leaves: readonly Leaf[];
}

/** Commands as they are grouped in the help of `cloister`. */
export interface Group {
  readonly heading: string;
  readonly commands: readonly (Leaf | Noun)[];
}

export const GLOBALS: readonly Choice[] = [
  { flags: "--json", text: "print one JSON document" },
  { flags: "--quiet", text: "no progress, notices or hints" },
  { flags: "--no-progress", text: "no progress" },
  { flags: "--passphrase-file <file>", text: "read the passphrase from a file" },
  { flags: "--insecure-storage", text: "allow the identity in a plain file" },
  { flags: "-C <dir>", text: "project folder (default: the nearest parent)" },
];

/** The whole tree. */
export const TREE: readonly Group[] = [
  { heading: "Start here:", commands: projectCommands },
  {
    heading: "Every day:",
    commands: [...workspaceCommands, ...artifactCommands, ...shareCommands, ...credentialCommands, ...secretCommands],
  },
  { heading: "Govern:", commands: governanceCommands },
];
