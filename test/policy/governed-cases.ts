// Named questions to the example policy about consent, stages and what happened before, and their answers: the table that
// the mutation run must not survive.
import type { DecisionRequest } from "../../src/policy/decide.ts";
import type { GovernanceFacts, Stated } from "../../src/policy/facts.ts";
import type { Case } from "./cases.ts";
import { EXAMPLE } from "./example.ts";
import { NOW } from "./sample.ts";

/** The example, where a service also holds a role that approves, and tests what is confidential. */
export const GOVERNED = EXAMPLE.replace("roles: [pipeline@churn]", "roles: [pipeline@churn, reviewer@churn]").replace(
  "up-to: internal\n",
  "up-to: confidential\n",
);

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const version = {
  ...{ domain: "churn", class: "internal", kind: "model", purpose: "churn-modelling", mfaAgeMs: 0, now: NOW },
  ...{ justification: "for the evaluation under DPA-114", reference: "risk:1.2" },
};

function ask(
  title: string,
  member: string,
  action: DecisionRequest["action"],
  governance: GovernanceFacts,
  ...refusedBy: string[]
): Case {
  return { title, request: { ...version, action, member, governance }, refusedBy };
}

/** The same about a version of another class, or otherwise different. */
function about({ title, request, refusedBy }: Case, change: Partial<DecisionRequest>): Case {
  return { title, request: { ...request, ...change }, refusedBy };
}

function stated(...pairs: readonly (readonly [kind: string, by: string])[]): readonly Stated[] {
  return pairs.map(([kind, by]) => ({ kind, by }));
}

const both = ["omar", "ana"];
const out: GovernanceFacts = { pushedBy: "bo", destination: "s3://partner-acme/in", approvals: both, exports: 0 };
const early: GovernanceFacts = {
  ...{ pushedBy: "bo", toStage: "candidate" },
  evidence: stated(["tests-passed", "ci"], ["dependencies-approved", "priya"]),
};
const late: GovernanceFacts = {
  ...{ pushedBy: "bo", stage: "candidate", toStage: "production", approvals: ["priya", "ana"] },
  evidence: stated(
    ...([
      ["tests-passed", "ci"],
      ["dependencies-approved", "priya"],
      ["bias-review", "priya"],
    ] as const),
    ["privacy-risk-signoff", "omar"],
  ),
};
const lower: GovernanceFacts = {
  ...{ pushedBy: "bo", toClass: "public", approvals: ["omar"] },
  evidence: stated(["privacy-risk-signoff", "omar"]),
};
const granted: GovernanceFacts = { pushedBy: "dee", grant: { approvals: both, ageMs: HOUR } };
const restricted = { class: "restricted" };
const incident = { ...restricted, purpose: "incident-response" };

export const GOVERNED_CASES: readonly Case[] = [
  // Approvals.
  ask("an export that two approved", "bo", "artifact.export", out),
  ask("an export that nobody approved", "bo", "artifact.export", { ...out, approvals: [] }, "export-needs-two"),
  ask(
    "an export whose approvals are not said",
    "bo",
    "artifact.export",
    { ...out, approvals: undefined },
    "export-needs-two",
  ),
  ask("an export that one approved", "bo", "artifact.export", { ...out, approvals: ["ana"] }, "export-needs-two"),
  ask(
    "one person who approved twice",
    "bo",
    "artifact.export",
    { ...out, approvals: ["omar", "omar"] },
    "export-needs-two",
  ),
  ask(
    "an approval in another domain",
    "bo",
    "artifact.export",
    { ...out, approvals: ["mei", "ana"] },
    "export-needs-two",
  ),
  ask("an approval by a stranger", "bo", "artifact.export", { ...out, approvals: ["eve", "ana"] }, "export-needs-two"),
  ask(
    "an approval in a role that is not asked for",
    "bo",
    "artifact.export",
    { ...out, approvals: ["priya", "ana"] },
    "export-needs-two",
  ),
  ask("more approvals than are needed", "bo", "artifact.export", { ...out, approvals: ["priya", ...both] }),
  ask("an approval by whoever pushed it", "bo", "artifact.export", { ...out, pushedBy: "omar" }, "export-needs-two"),
  ask(
    "approvals where nobody knows who pushed",
    "bo",
    "artifact.export",
    { ...out, pushedBy: undefined },
    "export-needs-two",
  ),
  about(ask("public data needs no approval", "bo", "artifact.export", { ...out, approvals: [] }), { class: "public" }),
  ask("a share that two approved", "bo", "share.create", { ...out, destination: "share:age1q" }),
  ask(
    "a share that nobody approved",
    "bo",
    "share.create",
    { ...out, destination: "share:age1q", approvals: [] },
    "export-needs-two",
  ),
  about(
    ask("no approval lets restricted data out", "bo", "artifact.export", out, "never-export-restricted"),
    restricted,
  ),
  // Destinations.
  ask("an export into another domain", "bo", "artifact.export", { ...out, destination: "domain:marketing" }),
  ask(
    "an export to somewhere else",
    "bo",
    "artifact.export",
    { ...out, destination: "s3://evil/in" },
    "export-destinations",
  ),
  ask(
    "a bucket whose name begins the same",
    "bo",
    "artifact.export",
    { ...out, destination: "s3://partner-acme-evil/in" },
    "export-destinations",
  ),
  ask("a folder", "bo", "artifact.export", { ...out, destination: "file:/tmp/out" }, "export-destinations"),
  ask("an export to nowhere", "bo", "artifact.export", { ...out, destination: undefined }, "export-destinations"),
  ...[
    "s3://partner-acme/../evil/in",
    "s3://partner-acme//in",
    "s3://partner-acme/%2e%2e/in",
    "ftp://partner-acme/in",
  ].map((destination) =>
    ask(`the destination ${destination}`, "bo", "artifact.export", { ...out, destination }, "builtin:request"),
  ),
  ask(
    "a destination with a control character",
    "bo",
    "artifact.export",
    { ...out, destination: "s3://partner-acme/\u0000in" },
    "builtin:request",
  ),
  // Grants.
  about(ask("restricted data with a grant", "bo", "artifact.pull", granted), restricted),
  about(
    ask("restricted data without one", "bo", "artifact.pull", { pushedBy: "dee" }, "restricted-needs-grant"),
    restricted,
  ),
  about(
    ask("at the last moment of it", "bo", "artifact.pull", { ...granted, grant: { approvals: both, ageMs: 4 * HOUR } }),
    restricted,
  ),
  ...[4 * HOUR + 1, -1, Number.NaN].map((ageMs) =>
    about(
      ask(
        `a grant that is ${String(ageMs)} ms old`,
        "bo",
        "artifact.pull",
        { ...granted, grant: { approvals: both, ageMs } },
        "restricted-needs-grant",
      ),
      restricted,
    ),
  ),
  about(
    ask(
      "a grant of one of the two",
      "bo",
      "artifact.pull",
      { ...granted, grant: { approvals: ["omar"], ageMs: 0 } },
      "restricted-needs-grant",
    ),
    restricted,
  ),
  about(
    ask(
      "approvals of something else are no grant",
      "bo",
      "artifact.pull",
      { pushedBy: "dee", approvals: both },
      "restricted-needs-grant",
    ),
    restricted,
  ),
  about(
    ask("a mount needs it too", "bo", "workspace.mount", { pushedBy: "dee" }, "restricted-needs-grant"),
    restricted,
  ),
  about(ask("and credentials", "bo", "creds.issue", {}, "restricted-needs-grant"), restricted),
  about(
    ask(
      "a dataset stays in a workspace, granted or not",
      "bo",
      "artifact.pull",
      granted,
      "confidential-stays-in-workspaces",
    ),
    { ...restricted, kind: "dataset" },
  ),
  // Break-glass.
  about(
    ask("an officer in an emergency", "ana", "artifact.pull", { pushedBy: "dee", breakGlass: true, unreviewed: true }),
    incident,
  ),
  about(
    ask(
      "an officer without one",
      "ana",
      "artifact.pull",
      { pushedBy: "dee" },
      "role:security-officer",
      "restricted-needs-grant",
    ),
    incident,
  ),
  about(
    ask(
      "an emergency is the officer's",
      "bo",
      "artifact.pull",
      { pushedBy: "dee", breakGlass: true },
      "restricted-needs-grant",
    ),
    restricted,
  ),
  about(
    ask(
      "an emergency is for its purpose",
      "ana",
      "artifact.pull",
      { pushedBy: "dee", breakGlass: true },
      "role:security-officer",
    ),
    restricted,
  ),
  about(
    ask(
      "an emergency hands nothing on",
      "ana",
      "artifact.export",
      { ...out, breakGlass: true, approvals: ["omar"] },
      "role",
      "export-needs-two",
    ),
    { purpose: "incident-response" },
  ),
  about(
    ask(
      "a dataset stays in a workspace in an emergency",
      "ana",
      "artifact.pull",
      { pushedBy: "dee", breakGlass: true },
      "confidential-stays-in-workspaces",
    ),
    { ...incident, kind: "dataset" },
  ),
  about(
    ask(
      "no grant counts before the review",
      "bo",
      "artifact.pull",
      { ...granted, unreviewed: true },
      "builtin:unreviewed",
    ),
    restricted,
  ),
  ask("what needs no grant goes on before the review", "bo", "artifact.pull", { pushedBy: "dee", unreviewed: true }),
  about(ask("an officer invokes it", "ana", "break-glass.invoke", {}), { purpose: "incident-response" }),
  about(ask("not twice before the review", "ana", "break-glass.invoke", { unreviewed: true }, "builtin:unreviewed"), {
    purpose: "incident-response",
  }),
  // Gates and evidence.
  ask("a promotion with everything", "bo", "artifact.promote", early),
  ask("the second promotion with everything", "bo", "artifact.promote", late),
  ...["tests-passed", "dependencies-approved"].map((kind) =>
    ask(
      `a promotion without ${kind}`,
      "bo",
      "artifact.promote",
      { ...early, evidence: early.evidence?.filter((each) => each.kind !== kind) },
      "gate:candidate",
    ),
  ),
  ...["tests-passed", "dependencies-approved", "bias-review", "privacy-risk-signoff"].map((kind) =>
    ask(
      `the second promotion without ${kind}`,
      "bo",
      "artifact.promote",
      { ...late, evidence: late.evidence?.filter((each) => each.kind !== kind) },
      "gate:production",
    ),
  ),
  ...["priya", "ana"].map((missing) =>
    ask(
      `the second promotion without the approval of ${missing}`,
      "bo",
      "artifact.promote",
      { ...late, approvals: late.approvals?.filter((each) => each !== missing) },
      "gate:production",
    ),
  ),
  ask("evidence by whoever pushed it", "bo", "artifact.promote", { ...early, pushedBy: "priya" }, "gate:candidate"),
  ask(
    "evidence where nobody knows who pushed",
    "bo",
    "artifact.promote",
    { ...early, pushedBy: undefined },
    "gate:candidate",
  ),
  ask("tests by whoever pushed it", "bo", "artifact.promote", { ...early, pushedBy: "ci" }),
  ask(
    "evidence in a role that may not state it",
    "bo",
    "artifact.promote",
    { ...early, evidence: stated(["tests-passed", "priya"], ["dependencies-approved", "priya"]) },
    "gate:candidate",
  ),
  ask(
    "evidence by the reviewer of another domain",
    "bo",
    "artifact.promote",
    { ...early, evidence: stated(["tests-passed", "ci"], ["dependencies-approved", "dee"]) },
    "gate:candidate",
  ),
  ask(
    "evidence by somebody suspended",
    "bo",
    "artifact.promote",
    { ...early, evidence: stated(["tests-passed", "zed"], ["dependencies-approved", "priya"]) },
    "gate:candidate",
  ),
  ask("a stage that is skipped", "bo", "artifact.promote", { ...late, stage: "dev" }, "builtin:gate"),
  ask(
    "a version that was never promoted skips none",
    "bo",
    "artifact.promote",
    { ...late, stage: undefined },
    "builtin:gate",
  ),
  ask("a way back", "bo", "artifact.promote", { ...early, stage: "candidate", toStage: "dev" }, "builtin:gate"),
  ask("a stage that is none", "bo", "artifact.promote", { ...early, toStage: "staging" }, "builtin:gate"),
  ask("no stage", "bo", "artifact.promote", { ...early, toStage: undefined }, "builtin:gate"),
  // Segregation of duties.
  ask("a pusher promotes where it is not sensitive", "bo", "artifact.promote", { ...early, did: ["artifact.push"] }),
  about(
    ask(
      "a pusher does not promote above",
      "bo",
      "artifact.promote",
      { ...early, did: ["artifact.push"] },
      "separate:artifact.push:artifact.promote",
    ),
    { class: "confidential" },
  ),
  ask("an officer approves", "ana", "request.approve", { pushedBy: "bo" }),
  ask(
    "nobody approves what they pushed",
    "ana",
    "request.approve",
    { pushedBy: "ana" },
    "separate:artifact.push:request.approve",
  ),
  ask(
    "with whichever fact it shows",
    "ana",
    "request.approve",
    { pushedBy: "bo", did: ["artifact.push"] },
    "separate:artifact.push:request.approve",
  ),
  ask(
    "nobody approves what they asked for",
    "ana",
    "request.approve",
    { pushedBy: "bo", did: ["request.create"] },
    "separate:request.create:request.approve",
  ),
  about(ask("who approves judges the purpose of others", "priya", "request.approve", { pushedBy: "bo" }), {
    purpose: "fraud-research",
  }),
  // Declassification.
  ask("a declassification with everything", "bo", "artifact.declassify", lower),
  ask(
    "one that the owner did not approve",
    "bo",
    "artifact.declassify",
    { ...lower, approvals: ["ana"] },
    "declassify-needs-owner",
  ),
  ask("one that nobody signed off", "bo", "artifact.declassify", { ...lower, evidence: [] }, "declassify-needs-owner"),
  ...["internal", "restricted", "secret"].map((toClass) =>
    ask(`one to ${toClass}`, "bo", "artifact.declassify", { ...lower, toClass }, "builtin:request"),
  ),
  // Stages and quotas.
  ask("a scientist pulls a candidate", "bo", "artifact.pull", { stage: "candidate" }),
  ask("a scientist pulls nothing in production", "bo", "artifact.pull", { stage: "production" }, "role:data-scientist"),
  ask("a stage that the policy does not know", "priya", "artifact.pull", { stage: "staging" }, "role:reviewer"),
  ask("a reviewer pulls in production", "priya", "artifact.pull", { stage: "production" }),
  ask("the last byte of a day", "bo", "artifact.pull", { pulledBytes: 50e9 }),
  ask("a byte too many", "bo", "artifact.pull", { pulledBytes: 50e9 + 1 }, "role:data-scientist"),
  ask("the last export of a week", "bo", "artifact.export", { ...out, exports: 4 }),
  ask("an export too many", "bo", "artifact.export", { ...out, exports: 5 }, "role:data-scientist"),
  ask(
    "a share too many",
    "bo",
    "share.create",
    { ...out, destination: "share:age1q", exports: 5 },
    "role:data-scientist",
  ),
  // Retired, held, lapsed, services.
  ...(["artifact.pull", "artifact.attest"] as const).map((action) =>
    ask(`${action} of what is retired`, "omar", action, { retired: true }, "builtin:retired"),
  ),
  ask("what is retired is restored", "omar", "artifact.restore", { retired: true }),
  ask("and seen", "omar", "artifact.read-metadata", { retired: true }),
  ask("keys are destroyed", "omar", "artifact.retire", { retired: true, retire: "shred" }),
  ask(
    "not while it is held",
    "omar",
    "artifact.retire",
    { retired: true, held: true, retire: "shred" },
    "builtin:hold",
  ),
  ask("nor when it is not said what is meant", "omar", "artifact.retire", { held: true }, "builtin:hold"),
  ...(["retire", "hold", "release"] as const).map((retire) =>
    ask(`what is held: ${retire}`, "omar", "artifact.retire", { held: true, retire }),
  ),
  ask("access that was confirmed in time", "bo", "artifact.push", { reviewAgeMs: 90 * DAY }),
  ask("access that was not", "bo", "artifact.push", { reviewAgeMs: 90 * DAY + 1 }, "builtin:review-lapsed"),
  ask("an age that is none", "bo", "artifact.push", { reviewAgeMs: Number.NaN }, "builtin:review-lapsed"),
  ask("reading goes on", "bo", "artifact.pull", { reviewAgeMs: 91 * DAY }),
  about(ask("so does the review", "ana", "member.review", { reviewAgeMs: 91 * DAY }), { purpose: undefined }),
  ask("a service states", "ci", "artifact.attest", { pushedBy: "bo" }),
  ask("a service approves nothing", "ci", "request.approve", { pushedBy: "bo" }, "builtin:service"),
].map((each) =>
  each.request.action === "artifact.push"
    ? about(each, { epoch: 2, fields: ["owner", "licence"], provenance: "run" })
    : each,
);
