// Asking others for their consent, and answering.
import type { Choice, Noun } from "./tree.ts";

const ID = ["<id>", "r-19, or the first digits of its SHA-256"] as const;
const ID_OR_JOIN = ["<id>", "r-19, or j-… for somebody who asks to join"] as const;
const why: Choice = {
  flags: "--why <text>",
  text: "why: sealed to those who decide, and logged",
  also: "--justification <text>",
};
const yes: Choice = { flags: "-y, --yes", text: "it was read: do not ask" };
const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };
const timeout: Choice = { flags: "--timeout <time>", text: "how long to wait at most: 30m, 8h" };

/** `cloister request`. */
export const requestCommand: Noun = {
  name: "request",
  summary: "ask others for access, an export, a promotion; approve it",
  examples: [
    "cloister request create export risk:1.2 --to s3://partner-acme/in --why 'DPA-114 evaluation copy'",
    "cloister request list --to-approve",
    "cloister request show r-19 && cloister request approve r-19",
  ],
  leaves: [
    {
      name: "create",
      summary: "ask for access, an export, a promotion or a lower class",
      args: [
        ["<kind>", "access, export, promote or declassify"],
        ["<ref>", "[domain/]name[:version]"],
      ],
      options: [
        { flags: "--to <place>", text: "destination, stage or class" },
        { flags: "--purpose <name>", text: "what access is for (also: CLOISTER_PURPOSE)" },
        why,
        { flags: "--expires <time>", text: "how long it can be answered and used (default: 72h)" },
        { flags: "--wait", text: "wait until it is decided" },
        timeout,
        dryRun,
      ],
      examples: [
        "cloister request create access cohort:v3 --purpose modelling --why Q3",
        "cloister request create export risk:1.2 --to s3://acme/in --why '…' --wait",
        "cloister request create declassify cohort:v3 --to internal --why 'no ids'",
      ],
      notes:
        "It is bound to this version, and to the purpose, destination, stage or class\n" +
        "that it names: a newer version needs a request of its own. An export, a\n" +
        "promotion and a declassification use it up; access lasts as long as granted.",
      load: async () => (await import("./commands/request.ts")).create,
    },
    {
      name: "list",
      aliases: ["ls"],
      summary: "list open requests",
      options: [
        { flags: "--mine", text: "yours, also those that are decided" },
        { flags: "--to-approve", text: "those that wait for you" },
        { flags: "--all", text: "all that were ever made" },
      ],
      examples: ["cloister request list --to-approve", "cloister request ls --all --json | jq '.requests[].state'"],
      load: async () => (await import("./commands/request.ts")).list,
    },
    {
      name: "show",
      summary: "what is asked, who approved, and who still can",
      args: [ID_OR_JOIN],
      examples: ["cloister request show r-19", "cloister request show r-19 --json | jq '.wanted'"],
      load: async () => (await import("./commands/request.ts")).show,
    },
    {
      name: "approve",
      summary: "approve a request, once it was shown to you",
      args: [ID_OR_JOIN],
      options: [
        why,
        { flags: "--expires <time>", text: "for how long, if shorter than the request" },
        { flags: "--role <role[@domain]>", text: "of somebody who asks to join (repeatable)", many: true },
        { flags: "--id <member>", text: "their member id (default: the one they ask for)" },
        yes,
        dryRun,
      ],
      examples: ["cloister request approve r-19", "cloister request approve j-3f9a0c1d --role data-scientist"],
      notes: "Off a terminal, --yes says that it was read, or that fingerprints were compared.",
      load: async () => (await import("./commands/request.ts")).approve,
    },
    {
      name: "deny",
      summary: "refuse a request; it cannot be approved any more",
      args: [ID_OR_JOIN],
      options: [why, dryRun],
      examples: ["cloister request deny r-19 --why 'not before the contract is signed'"],
      load: async () => (await import("./commands/request.ts")).deny,
    },
    {
      name: "withdraw",
      summary: "take your own request back",
      args: [ID],
      options: [why, dryRun],
      examples: ["cloister request withdraw r-19"],
      load: async () => (await import("./commands/request.ts")).withdraw,
    },
    {
      name: "revoke",
      summary: "take an approved request back",
      args: [ID],
      options: [why, dryRun],
      examples: ["cloister request revoke r-19 --why 'the contract ended'"],
      notes: "Whoever may approve it may do so. What was read or sent stays read and sent.",
      load: async () => (await import("./commands/request.ts")).revoke,
    },
    {
      name: "wait",
      summary: "wait until a request is decided (exit 5 if the time is over)",
      args: [ID],
      options: [timeout],
      examples: ["cloister request wait r-19", "cloister request wait r-19 --timeout 30m"],
      load: async () => (await import("./commands/request.ts")).wait,
    },
  ],
};
