// Commands about workspaces.
import type { Choice, Leaf, Noun } from "./tree.ts";
import { dryRun, purpose, why } from "./tree-work.ts";

const secret: Choice = {
  flags: "--secret <secret>",
  text: "NAME, NAME=VARIABLE or NAME:/run/secrets/FILE (repeatable)",
  many: true,
};
const creds: Choice = {
  flags: "--creds <provider>",
  text: "offer it credentials, read-only, up to the label",
  choices: ["token", "aws"],
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
    { flags: "--time <time>", text: "end it after this time, as timeout does: 90s, 2h" },
    { flags: "--seed <n>", text: "sets PYTHONHASHSEED and CLOISTER_SEED, recorded" },
    { flags: "--trace", text: "record which files it opens; what nobody declared is named" },
    secret,
    { flags: "--keep-output", text: "keep the output in a file inside the workspace" },
    creds,
    { flags: "--network <host>", text: "only these hosts of its list; none: no network", many: true },
  ],
  examples: [
    "cloister run t1 -- python train.py",
    "cloister run t1 --seed 7 --time 2h -- python train.py",
    "cloister run t1 --secret db-password=PGPASSWORD -- python load.py",
  ],
  notes:
    "Exits with the command's code, with 124 where its time was over, or with 125\n" +
    "where cloister itself failed. What it wrote, what --trace saw and which hosts it\n" +
    "was refused: cloister ws show NAME\n" +
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

const shell: Leaf = {
  name: "shell",
  summary: "open a shell inside a workspace, on this terminal",
  args: [["[workspace]", "workspace (default: the only one that is running)"]],
  options: [secret, creds],
  examples: ["cloister shell t1", "cloister shell t1 --secret db-password=PGPASSWORD"],
  notes:
    "Ends with the shell's code. Its history stays in the workspace and goes with it.\n" +
    "Settings of your own: ~/.bashrc in the workspace.",
  load: async () => (await import("./commands/shell.ts")).shell,
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
    { flags: "--template <name>", text: "environment: plain, python, node, your own (ws templates)" },
    { flags: "--mount-ro <dir[:/path]>", text: "show a folder of the host, read-only (repeatable)", many: true },
    { flags: "--gpu", text: "show the host's GPUs; weakens the sandbox" },
    { flags: "--disk <size>", text: "size of the volume: 500MB, 4GB (default: 1GB)" },
    {
      flags: "--volume <kind>",
      text: "where its files lie (default: memory, where they fit)",
      choices: ["memory", "encrypted"],
    },
    { flags: "--volume-dir <dir>", text: "folder for an encrypted volume (CLOISTER_VOLUME_DIR)" },
    { flags: "--network <host:port>", text: "host to reach, by name (repeatable; default: none)", many: true },
    ...limits,
    { flags: "--driver <driver>", text: "what isolates it (default: bubblewrap)", choices: ["bubblewrap", "podman"] },
    { flags: "--image <image>", text: "with podman: NAME@sha256:… (default: the policy's only one)" },
    dryRun,
  ],
  examples: [
    "cloister ws create t1 --input cohort --purpose modelling --ttl 8h",
    "cloister ws create t2 --input cohort:v3:/inputs/old --cpus 4 --memory 16GB",
    "cloister ws create t3 --template python --mount-ro /opt/conda",
  ],
  notes:
    "Limits are those of your role; flags make them smaller, never larger.\n" +
    "Which of them this machine can hold: cloister doctor, cloister ws show NAME",
  load: async () => (await import("./commands/workspace.ts")).create,
};

const sync: Leaf = {
  name: "sync",
  summary: "bring newer code into /workspace; only what differs is sent",
  args: [["[workspace]", "workspace (default: the only one that is running)"]],
  options: [
    { flags: "--code <dir>", text: "folder of the code (default: where it came from)" },
    { flags: "--delete", text: "remove what is gone from the folder" },
    { flags: "--force", text: "also what was changed inside the workspace" },
    dryRun,
  ],
  examples: [
    "cloister ws sync t1",
    "cloister ws sync t1 --delete --dry-run",
    "cloister ws sync t1 --code ~/src/training",
  ],
  notes: "Files that the workspace changed since they were sent are left alone, and named.",
  load: async () => (await import("./commands/workspace-files.ts")).sync,
};

const copy: Leaf = {
  name: "cp",
  summary: "copy a file or folder into a workspace, or out of it",
  args: [
    ["<from>", "a path of this machine, or WORKSPACE:PATH in /workspace"],
    ["<to>", "the other; - writes one file to standard output"],
  ],
  options: [{ flags: "--force", text: "overwrite files that are there" }],
  examples: [
    "cloister ws cp notes.txt t1:data/",
    "cloister ws cp t1:out/report.html .",
    "cloister ws cp t1:log.txt - | less",
  ],
  notes:
    "Copying out is governed as pulling each of the workspace's inputs is. What\n" +
    "leaves carries its class along, in .cloister-class.json beside it.",
  load: async () => (await import("./commands/workspace-files.ts")).copy,
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
      examples: ["cloister ws list", "cloister ws list --json | jq -r '.workspaces[].name'"],
      notes: "In a pipe, a line has: name, state, domain, label, seconds left, seconds idle,\n" + "inputs.",
      load: async () => (await import("./commands/workspace.ts")).list,
    },
    {
      name: "show",
      summary: "label, inputs, runs, and what the sandbox enforces",
      args: [["<name>", "name of the workspace"]],
      options: [{ flags: "--network", text: "what each run reached, and what was refused" }],
      examples: ["cloister ws show t1", "cloister ws show t1 --network"],
      load: async () => (await import("./commands/workspace.ts")).show,
    },
    {
      name: "templates",
      summary: "list environments that a workspace can be made from",
      notes:
        "A project's own are .cloister/workspace/NAME.yaml. A template only asks: what\n" +
        "it wants beyond the sandbox, the policy has to allow, as it does for --network,\n" +
        "--mount-ro and --gpu. To use one: cloister ws create t1 --template python",
      examples: ["cloister ws templates"],
      load: async () => (await import("./commands/workspace.ts")).templates,
    },
    run,
    shell,
    sync,
    copy,
    {
      name: "notebook",
      summary: "start Jupyter in a workspace, for a browser on this machine",
      args: [["<name>", "name of the workspace"]],
      options: [
        { flags: "--port <n>", text: "port of 127.0.0.1 (default: any that is free)" },
        { flags: "--secret <secret>", text: "as for run (repeatable)", many: true },
        { flags: "--creds <provider>", text: "as for run", choices: ["token", "aws"] },
      ],
      notes:
        "Needs jupyter-lab, jupyter-notebook or jupyter-server inside. The address holds\n" +
        "a token: whoever has it can use the notebook. It ends with Ctrl-C and with the\n" +
        "workspace. What a browser shows has left the workspace, so this needs what a\n" +
        "pull of every input needs.",
      examples: ["cloister ws notebook t1", "cloister ws notebook t1 --port 8888"],
      load: async () => (await import("./commands/notebook.ts")).notebook,
    },
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

export const workspaceCommands: readonly (Leaf | Noun)[] = [workspace, run, shell];
