// Commands about what leaves the project.
import type { Choice, Leaf } from "./tree.ts";

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
    "cloister artifact export risk:1.2 --to s3://partner-acme/in --why 'DPA-114 evaluation copy'",
    "cloister artifact export risk:1.2 --to domain:marketing --why 'campaign model, DPA-120'",
    "cloister artifact export risk:1.2 --to ./handover --why 'audit of 2026-03' --dry-run",
  ],
  notes:
    "The policy decides about the very destination. To a bucket it goes with your own\n" +
    "AWS credentials, the manifest last. What left the project nothing governs any more.",
  load: async () => (await import("./commands/export.ts")).exportVersion,
};

/** Commands of `artifact` that are written here. */
export const exportLeaves: readonly Leaf[] = [exportLeaf];
