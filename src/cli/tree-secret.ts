// Commands about secrets: passwords and API keys that a run needs.
import type { Choice, Leaf, Noun } from "./tree.ts";

const NAME = ["<name>", "[domain/]name of the secret"] as const;
const domain: Choice = { flags: "--domain <name>", text: "data domain it belongs to" };
const env: Choice = { flags: "--env <variable>", text: "variable that programs expect it in" };
const note: Choice = { flags: "--note <text>", text: "what it is, for colleagues (sealed)" };
const every: Choice = {
  flags: "--rotate-every <time>",
  text: "age at which it is overdue: 30d (the policy may ask for less)",
};
const keepNewline: Choice = {
  flags: "--keep-newline",
  text: "the line feed at the end of a single line belongs to it",
};
const purpose: Choice = { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" };
const why: Choice = { flags: "--why <text>", text: "justification, kept in the log" };
const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };

const set: Leaf = {
  name: "set",
  summary: "seal a new secret in the store",
  args: [NAME],
  options: [
    domain,
    { flags: "--class <class>", text: "classification (default: the highest you may set)" },
    env,
    note,
    every,
    keepNewline,
    purpose,
    why,
    dryRun,
  ],
  examples: [
    "cloister secret set db-password --class internal --env PGPASSWORD",
    "pass show db | cloister secret set db-password --rotate-every 30d",
    "cloister secret set gcs-key --class internal < gcs-key.json",
  ],
  notes:
    "The value comes from a hidden prompt or from standard input, never from the\ncommand line, which every user of this machine can read.",
  load: async () => (await import("./commands/secret.ts")).set,
};

const rotate: Leaf = {
  name: "rotate",
  summary: "give a secret a new value, by hand or by a hook",
  args: [NAME, ["[hook...]", "after --, a program: old value on its stdin, new one on its stdout"]],
  usage: "[options] <name> [-- <hook> [args...]]",
  options: [
    domain,
    { flags: "--kept", text: "store the value that an earlier hook gave and that was not stored" },
    { flags: "--timeout <time>", text: "how long the hook may take (default: 60s)" },
    env,
    note,
    every,
    keepNewline,
    purpose,
    why,
    dryRun,
  ],
  examples: [
    "cloister secret rotate db-password",
    "cloister secret rotate db-password -- ./rotate-db-password",
    "cloister secret rotate db-password --kept",
  ],
  notes:
    "The hook runs on this machine, without a shell and with your environment. If\n" +
    "the store cannot be reached when it ends, its value is kept here (--kept).",
  load: async () => (await import("./commands/secret.ts")).rotate,
};

const secret: Noun = {
  name: "secret",
  summary: "passwords and API keys that runs need, sealed in the store",
  examples: [
    "cloister secret set db-password --class internal --env PGPASSWORD",
    "cloister secret list",
    "cloister run t1 --secret db-password -- python load.py",
    "cloister secret rotate db-password -- ./rotate-db-password",
  ],
  leaves: [
    set,
    {
      name: "list",
      aliases: ["ls"],
      summary: "list secrets, their age and when they are due; never a value",
      examples: ["cloister secret list", "cloister secret ls --json | jq '.secrets[] | select(.overdue)'"],
      load: async () => (await import("./commands/secret.ts")).list,
    },
    {
      name: "show",
      summary: "everything about a secret but its value",
      args: [NAME],
      options: [domain],
      examples: ["cloister secret show db-password"],
      load: async () => (await import("./commands/secret.ts")).show,
    },
    rotate,
    {
      name: "lease",
      summary: "write a secret's value to a pipe or file, on record",
      args: [NAME],
      options: [domain, { flags: "--ttl <time>", text: "how long it will be used (default: 1h)" }, purpose, why],
      examples: ["cloister secret lease db-password | psql-login", "cloister secret lease gcs-key > /dev/shm/key.json"],
      notes:
        "Needs creds.issue beside secret.read, because here the value leaves the sandbox.\n" +
        "In a workspace: cloister run NAME --secret SECRET -- COMMAND.",
      load: async () => (await import("./commands/secret.ts")).lease,
    },
    {
      name: "remove",
      aliases: ["rm"],
      summary: "erase a secret for everybody",
      args: [NAME],
      options: [domain, purpose, why, { flags: "-y, --yes", text: "do not ask" }, dryRun],
      examples: ["cloister secret remove db-password", "cloister secret rm db-password --yes"],
      load: async () => (await import("./commands/secret.ts")).remove,
    },
  ],
};

export const secretCommands: readonly Noun[] = [secret];
