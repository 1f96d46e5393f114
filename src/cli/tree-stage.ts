// What becomes of a version after its push: statements about it, the stages it goes through, its tags, its class.
import type { Leaf } from "./tree.ts";

const purpose = { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" };
const why = { flags: "--why <text>", text: "justification, kept in the log" };
const dryRun = { flags: "--dry-run", text: "ask the policy, change nothing" };
const ref = ["<ref>", "[domain/]name[:version] or [domain/]name@sha256:…"] as const;

const attest: Leaf = {
  name: "attest",
  summary: "state something about a version, with the document behind it",
  args: [ref, ["<file>", "the report: signed, and stored with the statement"]],
  options: [
    { flags: "--type <kind>", text: "a kind of evidence that the policy declares" },
    { flags: "--result <result>", text: "what came of it", choices: ["pass", "fail"] },
    why,
    dryRun,
  ],
  examples: [
    "cloister artifact attest risk:1.2 --type bias-review --result pass it.pdf",
    "cloister artifact attest risk:1.2 --type bias-review --result fail it.pdf",
  ],
  notes:
    "Your last word on a kind counts as what you say of it. One standing `fail`\n" +
    "blocks what needs that kind, however many others say `pass`. The policy's\n" +
    "evidence: says who may state what. To read it: cloister show REF --statement ID",
  load: async () => (await import("./commands/attest.ts")).attest,
};

const promote: Leaf = {
  name: "promote",
  summary: "move a version one stage on, through the policy's gate",
  args: [ref],
  options: [{ flags: "--to <stage>", text: "the next stage (default)" }, why, dryRun],
  examples: ["cloister artifact promote risk:1.2", "cloister artifact promote risk:1.2 --to production --dry-run"],
  notes: "Stages lead one way. risk:production means the version that came there last.",
  load: async () => (await import("./commands/promote.ts")).promote,
};

const tag: Leaf = {
  name: "tag",
  summary: "let a word lead to a version, wherever it led before",
  args: [ref, ["<tag>", "a word that is no stage, and no label of the artifact"]],
  options: [dryRun],
  examples: ["cloister artifact tag risk:v3 champion", "cloister a tag risk:v3 champion --json"],
  notes:
    "Whoever may push there may tag. What must not be moved so easily goes through\nstages. Then: cloister pull risk:champion",
  load: async () => (await import("./commands/promote.ts")).tag,
};

const declassify: Leaf = {
  name: "declassify",
  summary: "write a version anew in a lower class, with the consent that the policy asks for",
  args: [ref],
  options: [{ flags: "--to <class>", text: "the lower class" }, purpose, why, dryRun],
  examples: [
    "cloister artifact declassify risk:1.2 --to internal --why 'aggregates only'",
    "cloister artifact declassify risk:1.2 --to internal --dry-run",
  ],
  notes:
    "The old version keeps its class, and whoever could read it still can. The new\none begins in the first stage. Ask first: cloister request create declassify",
  load: async () => (await import("./commands/promote.ts")).declassify,
};

export const stageLeaves: readonly Leaf[] = [attest, promote, tag, declassify];
