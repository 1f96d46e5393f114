// Emergencies: opening one version together with somebody in escrow, and looking at it afterwards.
import type { Choice, Noun } from "./tree.ts";

const ID = ["<id>", "bg-41, as cloister break-glass list prints it"] as const;
const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };
const yes: Choice = { flags: "-y, --yes", text: "it was read: do not ask" };
const why = (text: string): Choice => ({ flags: "--why <text>", text, also: "--justification <text>" });

/** `cloister break-glass`. */
export const breakGlassCommand: Noun = {
  name: "break-glass",
  summary: "open one version in an emergency, with escrow and on record",
  examples: [
    "cloister break-glass invoke cohort:v3 --why 'INC-204: wrong answers'",
    "cloister break-glass approve bg-41",
    "cloister break-glass review bg-41 --outcome justified --why 'INC-204'",
  ],
  leaves: [
    {
      name: "invoke",
      summary: "ask an escrow holder to open a version with you",
      args: [["<ref>", "[domain/]name[:version]"]],
      options: [
        why("what happened: sealed to those who are told, and logged"),
        { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" },
        dryRun,
      ],
      examples: ["cloister break-glass invoke cohort:v3 --why 'INC-204: wrong answers'"],
      notes:
        "Once an escrow holder approves it, you can do what the policy says\n" +
        "(break-glass.can) with this version for as long as it says (max). Others are\n" +
        "told. Until somebody else reviewed it, you are granted nothing else.",
      load: async () => (await import("./commands/break-glass.ts")).invoke,
    },
    {
      name: "approve",
      summary: "consent, as an escrow holder",
      args: [ID],
      options: [yes, dryRun],
      examples: ["cloister break-glass approve bg-41", "cloister break-glass approve bg-41 --yes --json"],
      notes: "Your half of the key goes to the invoker's devices: they have it for good.",
      load: async () => (await import("./commands/break-glass.ts")).approve,
    },
    {
      name: "review",
      summary: "say what an emergency looks like to somebody else",
      args: [ID],
      options: [
        { flags: "--outcome <word>", text: "justified or unjustified", choices: ["justified", "unjustified"] },
        why("what you looked at and found, kept in the log"),
        dryRun,
      ],
      examples: ["cloister break-glass review bg-41 --outcome justified --why 'INC-204'"],
      notes: "By somebody who is told of it, or an owner, and had no part in it.",
      load: async () => (await import("./commands/break-glass.ts")).review,
    },
    {
      name: "list",
      aliases: ["ls"],
      summary: "list emergencies, newest last",
      examples: ["cloister break-glass list", "cloister break-glass ls --json | jq '.emergencies[].review'"],
      load: async () => (await import("./commands/break-glass.ts")).list,
    },
    {
      name: "show",
      summary: "who, what for, until when, and what was done",
      args: [ID],
      examples: ["cloister break-glass show bg-41", "cloister break-glass show bg-41 --json | jq '.used'"],
      load: async () => (await import("./commands/break-glass.ts")).show,
    },
  ],
};
