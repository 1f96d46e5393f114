// People of the project: who they are, their devices, and whether they may still act.
import type { Choice, Noun } from "./tree.ts";
import { review } from "./tree-review.ts";

const WHY: Choice = { flags: "--why <text>", text: "justification, kept in the log" };

const SIGNING: readonly Choice[] = [
  { flags: "-y, --yes", text: "do not ask" },
  { flags: "--dry-run", text: "say what would change, change nothing" },
];

/** `cloister member`. */
export const memberCommand: Noun = {
  name: "member",
  summary: "people of the project and their roles",
  examples: ["cloister member list", "cloister member add 'LINE' --role ROLE"],
  leaves: [
    {
      name: "add",
      summary: "add the person who sent you a join line",
      args: [["<line>", "what `cloister join` printed, in quotes"]],
      options: [
        { flags: "--id <member>", text: "member id (default: the one the line suggests)" },
        { flags: "--name <name>", text: "display name (default: from the line)" },
        { flags: "--role <role[@domain]>", text: "role (repeatable)", many: true },
        { flags: "--why <text>", text: "justification, kept in the log" },
        { flags: "-y, --yes", text: "the fingerprint was compared: do not ask" },
        { flags: "--dry-run", text: "say what would change, change nothing" },
      ],
      examples: [
        "cloister member add 'LINE' --role data-scientist",
        "cloister member add 'LINE' --id bo --role data-owner@churn --yes",
      ],
      notes:
        "Roles are those of your policy: cloister policy show. Compare the fingerprint\n" +
        "with the person, by voice or face to face: whoever can change the line on its\n" +
        "way could put their own key into it.",
      load: async () => (await import("./commands/member.ts")).add,
    },
    {
      name: "invite",
      summary: "print a line with which somebody asks to join safely",
      options: [{ flags: "--role <role[@domain]>", text: "role you have in mind (repeatable)", many: true }],
      examples: ["cloister member invite --role data-scientist", "cloister member invite > invitation.txt"],
      notes:
        "It lets nobody in: whoever has it asks to join, and a steward approves. It pins\n" +
        "the project, its newest policy and its log, so that nobody can show the joiner\n" +
        "another store, or an older state of this one.",
      load: async () => (await import("./commands/member.ts")).invite,
    },
    {
      name: "list",
      aliases: ["ls"],
      summary: "list members, roles and key fingerprints",
      examples: ["cloister member list", "cloister member ls --json | jq -r '.members[].id'"],
      load: async () => (await import("./commands/member.ts")).list,
    },
    {
      name: "suspend",
      summary: "take a member's roles away, with new keys for all they could read",
      args: [["<member>", "member id"]],
      options: [{ flags: "--why <text>", text: "reason; it stands in the policy and in the log" }, ...SIGNING],
      examples: ["cloister member suspend zed --why 'left on 2026-06-30'"],
      notes:
        "Nothing they sign counts from then on, and what is pushed goes under keys that\n" +
        "they were not given. What they read stays read: the list of it is printed.",
      load: async () => (await import("./commands/member-change.ts")).suspend,
    },
    {
      name: "restore",
      summary: "let a suspended member back in, with the roles that they had",
      args: [["<member>", "member id"]],
      options: [WHY, ...SIGNING],
      examples: ["cloister member restore zed --why 'back from leave'"],
      load: async () => (await import("./commands/member-change.ts")).restore,
    },
    {
      name: "add-device",
      summary: "add another device of a member",
      args: [["<line>", "what `cloister join` printed on that device, in quotes"]],
      options: [
        { flags: "--id <member>", text: "whose it is (default: the member that the line names)" },
        { flags: "--name <name>", text: "what to call the device, e.g. laptop" },
        WHY,
        ...SIGNING,
      ],
      examples: ["cloister member add-device 'LINE' --name laptop", "cloister member add-device 'LINE' --id bo --yes"],
      notes:
        "Compare the fingerprint with the device's own: cloister whoami. One person stays\n" +
        "one person, with however many devices.",
      load: async () => (await import("./commands/member-change.ts")).addDevice,
    },
    {
      name: "remove-device",
      summary: "take a device away, with new keys for all it could read",
      args: [
        ["<member>", "member id"],
        ["<device>", "its name, or how its fingerprint begins"],
      ],
      options: [WHY, ...SIGNING],
      examples: ["cloister member remove-device bo laptop --why 'lost on a train'"],
      load: async () => (await import("./commands/member-change.ts")).removeDevice,
    },
    review,
  ],
};
