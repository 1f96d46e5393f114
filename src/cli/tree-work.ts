// Everyday commands: artifacts.

import type { Choice, Leaf, Noun } from "./tree.ts";
import { exportLeaves } from "./tree-export.ts";
import { retentionLeaves } from "./tree-retention.ts";
import { stageLeaves } from "./tree-stage.ts";

export const purpose: Choice = { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" };
export const why: Choice = { flags: "--why <text>", text: "justification, kept in the log" };
export const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };

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
    { flags: "--base <ref>", text: "a version to find content in, besides earlier ones (repeatable)", many: true },
    { flags: "--reread", text: "read every file, even one that looks unchanged, and what is found again in the store" },
    dryRun,
  ],
  examples: [
    "cloister push data/cohort --name cohort --class internal",
    "cloister push out/model --name tuned --kind model --from t1 --base risk:1.2",
    "tar c data | cloister push - --name raw:d1 --json | jq -r .digest",
  ],
  load: async () => (await import("./commands/artifact.ts")).push,
};

const include: Choice = {
  flags: "--include <glob>",
  text: "only files that fit, e.g. '*.json'; repeatable",
  many: true,
};
const exclude: Choice = { flags: "--exclude <glob>", text: "no files that fit; repeatable", many: true };

const GLOBS = `Globs: * and ? within a name, ** for any folders, [a-z], {a,b}. Without a / they
are looked for in every folder, else from the top (/*.csv: there only). What
fits a folder means all that is in it.`;

const pull: Leaf = {
  name: "pull",
  summary: "fetch an artifact or parts of it, checked and decrypted",
  args: [
    ["<ref>", "[domain/]name[:version], [domain/]name@sha256:…, or the file of a share"],
    ["[paths...]", "only these files and folders of it"],
  ],
  options: [
    include,
    exclude,
    {
      flags: "-o, --output <place>",
      text: "folder, or for one path a file (default: its name); - is stdout, for one file",
    },
    purpose,
    why,
    { flags: "--identity <file>", text: "of a share: age key to open it with (default: this device's)" },
    { flags: "--signer <fingerprint>", text: "of a share: refuse it from anybody else" },
    dryRun,
  ],
  examples: [
    "cloister pull risk:1.2 -o ./model --purpose modelling",
    "cloister pull risk:1.2 --include '*.json' --purpose modelling",
    "cloister pull risk:1.2 eval/auc.json -o - --purpose modelling | jq .auc",
  ],
  notes: `${GLOBS}

Exit codes (all: cloister help exit-codes): 6 if anything is damaged; a folder
or file then does not appear. With -o - every block is checked before it is
written, and the last waits for the digest of the whole: after any exit but 0
the output is cut short and must be thrown away (set -o pipefail).`,
  load: async () => (await import("./commands/artifact-pull.ts")).pull,
};

const list: Leaf = {
  name: "list",
  aliases: ["ls"],
  summary: "list the artifacts you can read, or the files of a version",
  args: [
    ["[name]", "versions of this artifact; files of name:1.2 or name:latest"],
    ["[paths...]", "of a version: only these files and folders"],
  ],
  options: [
    { flags: "--all", text: "retired versions and destroyed ones, too" },
    { ...include, text: "of a version: only files that fit; repeatable" },
    { ...exclude, text: "of a version: no files that fit; repeatable" },
  ],
  examples: ["cloister list cohort --all", "cloister list cohort:latest", "cloister list | cut -f1"],
  notes: GLOBS,
  load: async () => (await import("./commands/artifact-list.ts")).list,
};

const show: Leaf = {
  name: "show",
  summary: "where an artifact comes from: inputs, run, code, signer, files",
  args: [["<ref>", "[domain/]name[:version] or [domain/]name@sha256:…"]],
  options: [
    { flags: "--patch", text: "only what its code had that was not committed, for git apply" },
    { flags: "--statement <digest>", text: "only the document behind this statement" },
  ],
  examples: [
    "cloister show risk:1.2",
    "cloister show risk --json | jq .inputs",
    "cloister show risk:1.2 --patch | git apply",
  ],
  load: async () => (await import("./commands/artifact.ts")).show,
};

const verify: Leaf = {
  name: "verify",
  summary: "check files, signature, signer, label and log (exit 6 if bad)",
  args: [["<target>", "a pulled folder, or an artifact reference"]],
  options: [{ flags: "--partial", text: "of a folder: files may be absent, as after a pull of some" }],
  examples: ["cloister verify ./model", "cloister verify risk:1.2", "cloister verify ./some --partial"],
  load: async () => (await import("./commands/artifact.ts")).verify,
};

const artifact: Noun = {
  name: "artifact",
  aliases: ["a"],
  summary: "sealed, versioned data, models, code and reports",
  examples: ["cloister artifact push out/model --name risk:1.2", "cloister a ls", "cloister a show risk:1.2"],
  leaves: [push, pull, list, show, verify, ...stageLeaves, ...exportLeaves, ...retentionLeaves],
};

export const artifactCommands: readonly (Leaf | Noun)[] = [push, pull, list, show, verify, artifact];
