// Commands for owners, reviewers and security officers, and the help command.
import type { Leaf, Noun } from "./tree.ts";
import { breakGlassCommand } from "./tree-break-glass.ts";
import { memberCommand } from "./tree-member.ts";
import { policyCommand } from "./tree-policy.ts";
import { requestCommand } from "./tree-request.ts";
import { storeCommand } from "./tree-store.ts";

const key: Noun = {
  name: "key",
  summary: "keys of classes: where they are kept, and new ones",
  examples: ["cloister key list", "cloister key rotate --domain churn --why 'bo left'"],
  leaves: [
    {
      name: "list",
      aliases: ["ls"],
      summary: "list keys, since when, where kept, and which open for you",
      examples: ["cloister key list", "cloister key ls --json | jq '.keys[] | select(.inUse)'"],
      notes: "Keys in AWS KMS are tried there: the answer is what KMS says to you now.",
      load: async () => (await import("./commands/key.ts")).list,
    },
    {
      name: "rotate",
      summary: "make new keys for what is pushed from now on",
      options: [
        { flags: "--domain <name>", text: "only in this data domain" },
        { flags: "--class <class>", text: "only for this classification" },
        { flags: "--why <text>", text: "justification, kept in the log" },
        { flags: "-y, --yes", text: "do not ask" },
        { flags: "--dry-run", text: "say what would change, change nothing" },
      ],
      examples: ["cloister key rotate --dry-run", "cloister key rotate --domain churn --class confidential --yes"],
      notes:
        "Whoever held a key keeps what it opens; new keys go to those the policy names\n" +
        "now, in AWS KMS where the policy says so. Rotation of key material inside of KMS\n" +
        "(aws kms enable-key-rotation) needs nothing here.",
      load: async () => (await import("./commands/key.ts")).rotate,
    },
    {
      name: "hand-on",
      summary: "give keys that you hold to those who may have them and have none",
      examples: ["cloister key hand-on", "cloister key hand-on --json | jq '.given[]'"],
      notes:
        "Whoever publishes a policy hands on the keys that they hold; where those are\n" +
        "not all, it says who has the others, and each of them runs this. Keys of\n" +
        "classes under release: keys are in halves, sealed to those who could approve at\n" +
        "the push: who holds one passes it on to those who may approve now, and removes\n" +
        "the files of those who may not any more.",
      load: async () => (await import("./commands/key.ts")).handOn,
    },
  ],
};

const audit: Noun = {
  name: "audit",
  summary: "the log of everything that was done or refused",
  examples: ["cloister audit list --last 20", "cloister audit list --refused", "cloister audit verify"],
  leaves: [
    {
      name: "list",
      aliases: ["ls"],
      summary: "list log entries, newest last",
      options: [
        { flags: "--refused", text: "only what was refused" },
        { flags: "--action <action>", text: "only this action, e.g. artifact.pull" },
        { flags: "--member <member>", text: "only what this member did" },
        { flags: "--last <n>", text: "only the newest n" },
      ],
      examples: ["cloister audit list --last 20", "cloister audit list --refused --json | jq '.entries[].member'"],
      load: async () => (await import("./commands/audit.ts")).list,
    },
    {
      name: "verify",
      summary: "check that the whole log is unbroken (exit 6 if not)",
      examples: ["cloister audit verify"],
      load: async () => (await import("./commands/audit.ts")).verify,
    },
  ],
};

const help: Leaf = {
  name: "help",
  summary: "help on a command, or the table of exit codes",
  args: [["[command...]", "a command, or exit-codes"]],
  examples: ["cloister help push", "cloister help ws create", "cloister help exit-codes"],
  load: async () => (await import("./commands/help.ts")).help,
};

export const governanceCommands: readonly (Leaf | Noun)[] = [
  requestCommand,
  memberCommand,
  breakGlassCommand,
  policyCommand,
  key,
  audit,
  storeCommand,
  help,
];
