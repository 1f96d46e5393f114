// Commands about workspaces.
import type { Leaf, Noun } from "./tree.ts";
import { dryRun, purpose, why } from "./tree-work.ts";

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
  load: async () => (await import("./commands/run.ts")).run,
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
    { flags: "--driver <driver>", text: "what isolates it (default: bubblewrap)", choices: ["bubblewrap", "podman"] },
    { flags: "--image <image>", text: "with podman: NAME@sha256:… (default: the policy's only one)" },
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
      load: async () => (await import("./commands/workspace-end.ts")).destroy,
    },
  ],
};

export const workspaceCommands: readonly (Leaf | Noun)[] = [workspace, run];
