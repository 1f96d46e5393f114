// A policy version that needs several signatures, from its proposal to its place in the history.
import type { Leaf } from "./tree.ts";

const PROPOSAL = ["[proposal]", "first digits of its digest, or its version (default: the only one)"] as const;

/** Leaves of `cloister policy`. */
export const signing: readonly Leaf[] = [
  {
    name: "sign",
    summary: "sign what another owner proposed (exit 5 while more must)",
    args: [PROPOSAL],
    options: [
      { flags: "--why <text>", text: "a reason of your own (default: the one that was given)" },
      { flags: "-y, --yes", text: "the changes were read: do not ask" },
      { flags: "--dry-run", text: "say what would happen, sign nothing" },
    ],
    examples: ["cloister policy sign", "cloister policy sign 3f0c --why 'agreed in the review of 2 March'"],
    notes:
      "It takes force when as many owners of the version in force have signed as that\n" +
      "version asks for, and as many of its own owners as it asks for itself. People\n" +
      "count, not devices. Whoever completes that publishes it.",
    load: async () => (await import("./commands/policy-sign.ts")).sign,
  },
  {
    name: "list",
    aliases: ["ls"],
    summary: "list proposals, and who still has to sign",
    options: [{ flags: "--all", text: "those that came too late, too" }],
    examples: ["cloister policy list", "cloister policy ls --json | jq '.proposals[].next'"],
    load: async () => (await import("./commands/policy-sign.ts")).list,
  },
  {
    name: "withdraw",
    summary: "take your signature back",
    args: [PROPOSAL],
    examples: ["cloister policy withdraw", "cloister policy withdraw 3f0c"],
    notes: "Whoever copied the signature has it still, until another version takes force in\n" + "this one's place.",
    load: async () => (await import("./commands/policy-sign.ts")).withdraw,
  },
  {
    name: "log",
    summary: "every version that took force: when, signed by whom, what it changed",
    examples: ["cloister policy log", "cloister policy log --json | jq '.versions[-1].signed'"],
    notes: "Each step is verified on the way: digests, signatures and thresholds.",
    load: async () => (await import("./commands/policy-sign.ts")).history,
  },
];
