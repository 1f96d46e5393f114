// Commands about what leaves the project.
import type { Choice, Leaf, Noun } from "./tree.ts";

const purpose: Choice = { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" };
const why: Choice = { flags: "--why <text>", text: "justification, kept in the log" };
const dryRun: Choice = { flags: "--dry-run", text: "ask the policy, change nothing" };

const exportLeaf: Leaf = {
  name: "export",
  summary: "write an artifact to a folder, a bucket or another domain",
  args: [["<ref>", "[domain/]name[:version] or [domain/]name@sha256:…"]],
  options: [
    { flags: "--to <destination>", text: "folder, s3://bucket/prefix or domain:NAME" },
    purpose,
    why,
    { flags: "--name <name>", text: "to a domain: name[:label] there (default: the same)" },
    { flags: "--class <class>", text: "to a domain: class there (default: the same)" },
    { flags: "--endpoint <url>", text: "to a bucket: server other than AWS" },
    { flags: "--region <region>", text: "to a bucket: its region" },
    { flags: "--profile <name>", text: "to a bucket: AWS profile of yours to use" },
    dryRun,
  ],
  examples: [
    "cloister artifact export risk:1.2 --to s3://partner-acme/in --why 'DPA-114'",
    "cloister artifact export risk:1.2 --to domain:marketing --why 'DPA-120'",
    "cloister artifact export risk:1.2 --to ./handover --dry-run",
  ],
  notes:
    "The policy decides about the very destination. To a bucket it goes with your\n" +
    "own AWS credentials, the manifest last. What left, nothing governs any more.",
  load: async () => (await import("./commands/export.ts")).exportVersion,
};

/** Commands of `artifact` that are written here. */
export const exportLeaves: readonly Leaf[] = [exportLeaf];

const share: Noun = {
  name: "share",
  summary: "one encrypted file of an artifact for one outside recipient",
  examples: [
    "cloister share create risk:1.2 --to age1… --ttl 72h --why 'review by the partner, DPA-114'",
    "cloister share list",
    "cloister pull risk-1.2.cloister.age -o ./risk",
  ],
  leaves: [
    {
      name: "create",
      summary: "write the file, which only the recipient can open",
      args: [["<ref>", "[domain/]name[:version] or [domain/]name@sha256:…"]],
      options: [
        { flags: "--to <recipient>", text: "age1…, as cloister whoami or age-keygen prints it" },
        { flags: "--ttl <time>", text: "how long our reader opens it: 72h, 14d" },
        { flags: "-o, --output <file>", text: "new file (default: ./name-version.cloister.age)" },
        purpose,
        why,
        dryRun,
      ],
      examples: ["cloister share create risk:1.2 --to age1… --ttl 72h --why 'DPA-114'"],
      notes:
        "Opened by: cloister pull FILE -o DIR, or by age -d -i KEY FILE | tar x. The end\n" +
        "of its time is advisory: whoever has the key and another program can read on.",
      load: async () => (await import("./commands/share.ts")).create,
    },
    {
      name: "list",
      aliases: ["ls"],
      summary: "list what was shared, by whom, and until when",
      examples: ["cloister share list", "cloister share ls --json | jq '.shares[] | select(.state == \"open\")'"],
      load: async () => (await import("./commands/share.ts")).list,
    },
    {
      name: "revoke",
      summary: "record that a share is not to be opened any more",
      args: [["<id>", "of cloister share list, or its beginning"]],
      options: [why],
      examples: ["cloister share revoke 3f0c12ab --why 'sent to the wrong address'"],
      notes:
        "What was handed out cannot be taken back. Only readers who have the project at\n" + "hand come to know of it.",
      load: async () => (await import("./commands/share.ts")).revoke,
    },
  ],
};

export const shareCommands: readonly Noun[] = [share];
