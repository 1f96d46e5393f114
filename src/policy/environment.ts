// Reads environment templates for workspaces: what a kind of work wants set up. Like the policy they are YAML that is read
// strictly, and their hosts and folders are written as the policy writes them. They only ask; the policy decides.
import { CloisterError } from "../base/errors.ts";
import { pathEntry, portEntry } from "./host-entry.ts";
import { Problems } from "./problem.ts";
import { entriesOf, Section, textList, textOf } from "./section.ts";
import { parseTree, type Tree } from "./yaml-tree.ts";

export interface EnvironmentTemplate {
  readonly summary: string;
  /** Environment variables of every command. */
  readonly variables: Readonly<Record<string, string>>;
  /** The same, where the workspace has no network. */
  readonly offline: Readonly<Record<string, string>>;
  /** Folders before the others in PATH. */
  readonly path: readonly string[];
  /** Folders that are made at the start. */
  readonly folders: readonly string[];
  /** One command, run once at the start; empty where there is none. */
  readonly setup: readonly string[];
  /** Asked for, as `--network`, `--mount-ro` and `--gpu` ask. */
  readonly network: readonly string[];
  readonly mounts: readonly string[];
  readonly gpu: boolean;
  /** Hosts that are not asked for, and that a person may want to. */
  readonly suggestedNetwork: readonly string[];
}

const KNOWN = [
  ...["environment", "summary", "variables", "offline-variables", "path", "folders", "setup"],
  ...["network", "mounts", "gpu", "suggested-network"],
];
const VERSION = 1;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Set for every command by the sandbox. */
const FIXED = ["PATH", "HOME", "USER", "LOGNAME", "SHELL"];
/** Where a command can make folders that stay. */
const WRITABLE = ["/workspace/", "/home/user/", "/tmp/", "/var/tmp/"];

/** @param name of the template, for messages. @throws {@link CloisterError} USAGE with the first complaint and its place */
export function readEnvironmentTemplate(bytes: Uint8Array, name: string): EnvironmentTemplate {
  const problems = new Problems();
  const tree = parseTree(bytes, problems);
  const template = tree && readTree(tree, problems);
  const first = problems.list().find(({ severity }) => severity === "error");
  if (template && !first) return template;
  throw new CloisterError("USAGE", `environment template ${name} cannot be used`, {
    why: first ? `line ${String(first.line)}: ${first.message}` : "the file is empty",
    next: first?.hint ?? "cloister workspace templates   (shows those that come with Cloister)",
  });
}

function readTree(tree: Tree, problems: Problems): EnvironmentTemplate {
  const section = new Section(tree, "the template", KNOWN, [], problems);
  if (section.integer("environment", VERSION) !== VERSION) {
    problems.error(section.placeOf("environment"), `environment must be ${String(VERSION)}`);
  }
  const list = (key: string, check: (text: string) => boolean, example: string) =>
    textList(section.optional(key), key, problems).map(({ value, ...place }) => {
      if (!check(value)) problems.error(place, `${JSON.stringify(value)} cannot be in ${key}`, `write ${example}`);
      return value;
    });
  const isPath = (text: string) => pathEntry(text) !== undefined;
  const isHost = (text: string) => portEntry(text) !== undefined;
  const isMount = (text: string) => text.split(":", 2).every(isPath) && text.split(":").length <= 2;
  const isMade = (text: string) => isPath(text) && WRITABLE.some((folder) => text.startsWith(folder));
  return {
    summary: section.text("summary"),
    variables: readVariables(section.optional("variables"), problems),
    offline: readVariables(section.optional("offline-variables"), problems),
    path: list("path", (text) => isPath(text) && !text.includes(":"), "an absolute path such as /home/user/venv/bin"),
    folders: list("folders", isMade, "a path below /workspace, /home/user, /tmp or /var/tmp"),
    setup: readSetup(section.optional("setup"), problems),
    network: list("network", isHost, "host.example:443"),
    mounts: list("mounts", isMount, "/opt/tools or /srv/tools:/opt/tools"),
    gpu: section.boolean("gpu"),
    suggestedNetwork: list("suggested-network", isHost, "host.example:443"),
  };
}

function readVariables(tree: Tree | undefined, problems: Problems): Record<string, string> {
  if (!tree) return {};
  return Object.fromEntries(
    entriesOf(tree, "variables", problems).map(({ key, place, value }) => {
      if (!VARIABLE.test(key) || FIXED.includes(key)) {
        problems.error(
          place,
          `${JSON.stringify(key)} cannot be a variable here`,
          key === "PATH" ? "use path: […]" : undefined,
        );
      }
      return [key, textOf(value, `variable ${key}`, problems)];
    }),
  );
}

/** The words of one command; unlike other lists it may hold a word twice. */
function readSetup(tree: Tree | undefined, problems: Problems): readonly string[] {
  if (!tree) return [];
  if (tree.kind === "list" && tree.items.length > 0)
    return tree.items.map((item) => textOf(item, "a word of setup", problems));
  problems.error(
    tree.place,
    "setup must be a list of words",
    'write it as ["python3", "-m", "venv", "/home/user/venv"]',
  );
  return [];
}
