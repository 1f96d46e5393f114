// Commands that end versions, or keep them from it.
import type { Choice, Leaf } from "./tree.ts";

const REF = ["<ref>", "[domain/]name:version"] as const;
const why: Choice = { flags: "--why <text>", text: "justification, kept in the log" };
const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };
const yes: Choice = { flags: "-y, --yes", text: "do not ask" };

/** Commands of `artifact` that are written here. */
export const retentionLeaves: readonly Leaf[] = [
  {
    name: "retire",
    summary: "take a version out of use; it can be restored",
    args: [REF],
    options: [why, dryRun],
    examples: ["cloister artifact retire risk:1.1 --why 'replaced by 1.2, see TICKET-7'"],
    load: async () => (await import("./commands/retention.ts")).retire,
  },
  {
    name: "restore",
    summary: "bring a retired version back into use",
    args: [REF],
    options: [why, dryRun],
    examples: ["cloister artifact restore risk:1.1 --why 'needed for the audit of 2026'"],
    load: async () => (await import("./commands/retention.ts")).restore,
  },
  {
    name: "hold",
    summary: "put a version under legal hold: its keys are not destroyed",
    args: [REF],
    options: [{ flags: "--release", text: "lift the hold" }, why, dryRun],
    examples: [
      "cloister artifact hold risk:1.1 --why 'litigation 2026-114'",
      "cloister artifact hold risk:1.1 --release --why '2026-114 settled'",
    ],
    load: async () => (await import("./commands/retention.ts")).hold,
  },
  {
    name: "prune",
    summary: "end the versions that are past the time the policy keeps",
    options: [yes, { flags: "--dry-run", text: "list them, change nothing" }],
    examples: ["cloister artifact prune --dry-run", "cloister artifact prune --yes --json | jq .left"],
    notes: "Retires them and, with `then: shred-keys` in the policy, destroys their keys.",
    load: async () => (await import("./commands/retention.ts")).prune,
  },
  {
    name: "shred-keys",
    summary: "destroy the keys of a retired version, for everybody and for good",
    args: [REF],
    options: [why, yes, dryRun],
    examples: ["cloister artifact shred-keys cohort:v3 --why 'erasure request 2026-31'"],
    notes:
      "Nobody can read that version from the store any more. Copies of what was pulled,\n" +
      "exported or shared stay, and so do backups of the store: see docs/retention.md.",
    load: async () => (await import("./commands/retention.ts")).shred,
  },
];
