// Everyday commands: artifacts and workspaces.
import type { Choice, Leaf, Noun } from "./tree.ts";

const purpose: Choice = { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" };
const why: Choice = { flags: "--why <text>", text: "justification, kept in the log" };
const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };

const push: Leaf = {
  name: "push",
  summary: "seal a file or folder and store it as a new version",
  args: [["<path>", "file or folder; - stores standard input as one file"]],
  options: [
    { flags: "--name <name>", text: "[domain/]name[:label]" },
    { flags: "--kind <kind>", text: "what it is (default: dataset)", choices: ["dataset", "model", "code", "report"] },
    { flags: "--class <class>", text: "classification (default: inherited, else lowest)" },
    purpose,
    { flags: "--owner <member>", text: "who answers for it" },
    { flags: "--licence <id>", text: "licence, e.g. CC-BY-4.0", also: "--license <id>" },
    why,
    { flags: "--from <workspace>", text: "take <path> from inside this workspace" },
    dryRun,
  ],
  examples: [
    "cloister push data/cohort --name cohort --class internal",
    "cloister push out/model --name risk:1.2 --kind model --from t1",
    "tar c data | cloister push - --name raw:d1 --json | jq -r .digest",
  ],
  load: async () => (await import("./commands/artifact.ts")).push,
};

const pull: Leaf = {
  name: "pull",
  summary: "fetch an artifact, checked and decrypted, into a folder",
  args: [["<ref>", "[domain/]name[:version] or [domain/]name@sha256:…"]],
  options: [
    { flags: "-o, --output <place>", text: "folder (default: ./name); - writes its only file to stdout" },
    purpose,
    why,
    dryRun,
  ],
  examples: [
    "cloister pull risk:1.2 -o ./model --purpose modelling",
    "cloister pull raw:d1 -o - --purpose modelling | tar x",
  ],
  load: async () => (await import("./commands/artifact.ts")).pull,
};

const list: Leaf = {
  name: "list",
  aliases: ["ls"],
  summary: "list the artifacts you can read, by name and version",
  args: [["[name]", "only the versions of this artifact"]],
  examples: ["cloister list", "cloister list cohort", "cloister list | cut -f1"],
  load: async () => (await import("./commands/artifact.ts")).list,
};

const show: Leaf = {
  name: "show",
  summary: "where an artifact comes from: inputs, run, code, signer, files",
  args: [["<ref>", "[domain/]name[:version] or [domain/]name@sha256:…"]],
  examples: ["cloister show risk:1.2", "cloister show risk --json | jq .inputs"],
  load: async () => (await import("./commands/artifact.ts")).show,
};

const verify: Leaf = {
  name: "verify",
  summary: "check files, signature, signer, label and log (exit 6 if bad)",
  args: [["<target>", "a pulled folder, or an artifact reference"]],
  examples: ["cloister verify ./model", "cloister verify risk:1.2"],
  load: async () => (await import("./commands/artifact.ts")).verify,
};

const run: Leaf = {
  name: "run",
  summary: "run a command inside a workspace; its exit code is ours",
  args: [
    ["[workspace]", "workspace (default: the only one that is running)"],
    ["[command...]", "after --, the command and its arguments"],
  ],
  usage: "[options] [workspace] -- <command> [args...]",
  options: [
    { flags: "--seed <n>", text: "sets PYTHONHASHSEED and CLOISTER_SEED, recorded" },
    {
      flags: "--secret <secret>",
      text: "NAME, NAME=VARIABLE or NAME:/run/secrets/FILE (repeatable)",
      many: true,
    },
    { flags: "--keep-output", text: "keep the output in a file inside the workspace" },
    {
      flags: "--creds <provider>",
      text: "offer it credentials, read-only, up to the label",
      choices: ["token", "aws"],
    },
  ],
  examples: [
    "cloister run t1 -- python train.py --seed 7",
    "cloister run t1 --seed 7 -- python train.py",
    "cloister run t1 --secret db-password=PGPASSWORD -- python load.py",
  ],
  notes:
    "Exits with the command's code, or with 125 where cloister itself failed.\n" +
    "With --json, what the command prints goes to standard error.",
  load: async () => (await import("./commands/workspace.ts")).run,
};

const create: Leaf = {
  name: "create",
  summary: "make a sandboxed workspace with inputs mounted read-only",
  args: [["<name>", "name of the workspace"]],
  options: [
    { flags: "--input <ref[:/path]>", text: "artifact to mount in /inputs (repeatable)", many: true },
    purpose,
    why,
    { flags: "--ttl <time>", text: "how long it lives: 30m, 8h (default: policy, <= 8h)" },
    { flags: "--code <dir>", text: "copy this folder's files to /workspace" },
    { flags: "--domain <name>", text: "data domain" },
    { flags: "--disk <size>", text: "size of the volume: 500MB, 4GB (default: 1GB)" },
    dryRun,
  ],
  examples: [
    "cloister ws create t1 --input cohort --purpose modelling --ttl 8h",
    "cloister ws create t2 --input cohort:v3:/inputs/old --purpose modelling",
  ],
  load: async () => (await import("./commands/workspace.ts")).create,
};

const workspace: Noun = {
  name: "workspace",
  aliases: ["ws"],
  summary: "sandboxed, short-lived places to work in",
  examples: [
    "cloister ws create t1 --input cohort --purpose modelling --ttl 8h",
    "cloister ws list",
    "cloister run t1 -- python train.py",
    "cloister ws destroy t1",
  ],
  leaves: [
    create,
    {
      name: "list",
      aliases: ["ls"],
      summary: "list workspaces, their label and the time they have left",
      examples: ["cloister ws list"],
      load: async () => (await import("./commands/workspace.ts")).list,
    },
    {
      name: "show",
      summary: "label, inputs, runs, and what the sandbox enforces",
      args: [["<name>", "name of the workspace"]],
      examples: ["cloister ws show t1"],
      load: async () => (await import("./commands/workspace.ts")).show,
    },
    run,
    {
      name: "destroy",
      aliases: ["rm"],
      summary: "erase a workspace and print the receipt",
      args: [["<name>", "name of the workspace"]],
      options: [{ flags: "-y, --yes", text: "do not ask" }],
      examples: ["cloister ws destroy t1", "cloister ws rm t1 --yes"],
      load: async () => (await import("./commands/workspace.ts")).destroy,
    },
  ],
};

const artifact: Noun = {
  name: "artifact",
  aliases: ["a"],
  summary: "sealed, versioned data, models, code and reports",
  examples: ["cloister artifact push out/model --name risk:1.2", "cloister a ls", "cloister a show risk:1.2"],
  leaves: [push, pull, list, show, verify],
};

export const artifactCommands: readonly (Leaf | Noun)[] = [push, pull, list, show, verify, artifact];
export const workspaceCommands: readonly (Leaf | Noun)[] = [workspace, run];
