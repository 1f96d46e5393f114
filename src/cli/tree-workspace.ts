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
    { flags: "--time <time>", text: "end it after this time, as timeout does: 90s, 2h" },
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
    "cloister run t1 --time 2h -- python train.py",
    "cloister run t1 --secret db-password=PGPASSWORD -- python load.py",
  ],
  notes:
    "Exits with the command's code, with 124 where its time was over, or with 125\n" +
    "where cloister itself failed.\n" +
    "With --json, what the command prints goes to standard error.",
  load: async () => (await import("./commands/run.ts")).run,
};

/** For everything in a workspace together, but for open files and time. */
const limits: NonNullable<Leaf["options"]> = [
  { flags: "--cpus <n>", text: "processors" },
  { flags: "--memory <size>", text: "memory of all processes, beside the volume: 16GB" },
  { flags: "--processes <n>", text: "processes and threads at once (default: 4096)" },
  { flags: "--open-files <n>", text: "open files of each process (default: 65536)" },
  { flags: "--run-time <time>", text: "longest time of one command: 90s, 2h" },
];

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
    ...limits,
    dryRun,
  ],
  examples: [
    "cloister ws create t1 --input cohort --purpose modelling --ttl 8h",
    "cloister ws create t2 --input cohort:v3:/inputs/old --purpose modelling",
    "cloister ws create t3 --purpose modelling --cpus 4 --memory 16GB --run-time 6h",
  ],
  notes:
    "Limits are those of your role; flags make them smaller, never larger.\n" +
    "Which of them this machine can hold: cloister doctor, cloister ws show NAME",
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
      options: [{ flags: "-y, --yes", text: "lose what was not pushed, without asking" }, dryRun],
      examples: ["cloister ws destroy t1", "cloister ws destroy t1 --dry-run", "cloister ws rm t1 --yes"],
      load: async () => (await import("./commands/workspace-end.ts")).destroy,
    },
    {
      name: "extend",
      summary: "give a workspace more time, within the role's limit",
      args: [["<name>", "name of the workspace"]],
      options: [{ flags: "--ttl <time>", text: "time from now: 30m, 4h" }, why, dryRun],
      examples: ["cloister ws extend t1 --ttl 4h"],
      notes: "What the policy allows a workspace to live counts from its creation.",
      load: async () => (await import("./commands/workspace-end.ts")).extend,
    },
    {
      name: "prune",
      summary: "forget workspaces that are over, and end idle ones",
      options: [
        { flags: "--idle <time>", text: "end those too that nobody used so long" },
        { flags: "-y, --yes", text: "lose what was not pushed, without asking" },
        dryRun,
      ],
      examples: ["cloister ws prune", "cloister ws prune --idle 2h --dry-run"],
      load: async () => (await import("./commands/workspace-end.ts")).prune,
    },
  ],
};

export const workspaceCommands: readonly (Leaf | Noun)[] = [workspace, run];
