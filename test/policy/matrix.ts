// Hundreds of questions to the example policy, and the answers that its words give. The answers come from the small model
// below, which was written from what the policy is meant to say; it reads neither the file nor anything of src/.

/** Facts of a case, by the keys of a test file. Everything that is needed is there, until it is taken away. */
type Facts = Readonly<Record<string, unknown>>;

export interface MatrixCase {
  readonly name: string;
  readonly facts: Facts;
  /** Every rule that refuses; the role that allows, where none does. */
  readonly rules: readonly string[];
  readonly allow: boolean;
}

const CLASSES = ["public", "internal", "confidential", "restricted"] as const;
type Class = (typeof CLASSES)[number];
const STAGES = ["dev", "candidate", "production"] as const;
const MINUTES = { "15m": 15, "5m": 5 } as const;

interface Person {
  readonly id: string;
  readonly role: string;
  readonly can: readonly string[];
  readonly upTo: Class;
  readonly stages: readonly string[];
  /** What they act for; the first is what they usually do. */
  readonly purposes: readonly string[];
}

const WORK = ["workspace.mount", "workspace.run", "workspace.create", "creds.issue", "artifact.pull", "artifact.push"];
const GIVES = ["artifact.export", "share.create", "artifact.promote", "artifact.declassify", "request.create"];

/** One person of each role; all of them work in churn. */
const PEOPLE: readonly Person[] = [
  {
    ...{ id: "bo", role: "data-scientist", can: [...WORK, ...GIVES, "artifact.read-metadata"], upTo: "restricted" },
    ...{ stages: ["dev", "candidate"], purposes: ["churn-modelling", "fraud-research"] },
  },
  {
    ...{ id: "priya", role: "reviewer", can: ["artifact.pull", "artifact.attest", "request.approve", "audit.read"] },
    ...{ upTo: "confidential", stages: STAGES, purposes: ["churn-modelling"] },
  },
  {
    ...{ id: "omar", role: "data-owner", upTo: "restricted", stages: STAGES },
    purposes: ["churn-modelling", "fraud-research", "incident-response"],
    can: [
      ...["artifact.pull", "artifact.attest", "artifact.retire", "artifact.restore"],
      ...["request.approve", "audit.read", "secret.write", "member.add"],
    ],
  },
  {
    ...{ id: "ana", role: "security-officer", upTo: "restricted", stages: STAGES, purposes: ["incident-response"] },
    can: [
      ...["audit.read", "request.approve", "policy.change", "member.add", "member.review", "key.rotate", "store.gc"],
      "break-glass.invoke",
    ],
  },
  {
    ...{ id: "ci", role: "pipeline", can: [...WORK, "artifact.attest"], upTo: "internal" },
    ...{ stages: ["dev", "candidate"], purposes: ["churn-modelling"] },
  },
];

const PROJECT_WIDE = [
  ...["policy.change", "member.add", "member.review", "key.rotate", "audit.read", "store.gc", "break-glass.invoke"],
];
/** Not about one version in some stage. */
const UNSTAGED = [
  ...PROJECT_WIDE,
  "workspace.create",
  "workspace.run",
  "creds.issue",
  "secret.write",
  "artifact.read-metadata",
];
const NEEDS_MFA: Readonly<Record<string, keyof typeof MINUTES>> = {
  ...{ "artifact.export": "15m", "artifact.promote": "15m", "request.approve": "15m" },
  ...{ "policy.change": "5m", "break-glass.invoke": "5m" },
};
const NEEDS_PURPOSE = ["workspace.create", "creds.issue", "artifact.pull", "artifact.export"];
const NEEDS_JUSTIFICATION = ["artifact.export", "artifact.retire", "policy.change", "break-glass.invoke"];
const READS_WHEN_LAPSED = ["artifact.pull", "artifact.read-metadata", "audit.read", "member.review", "policy.change"];
const GATES: Readonly<Record<string, { to: string; evidence: readonly string[]; approvals: readonly string[] }>> = {
  dev: { to: "candidate", evidence: ["tests-passed", "dependencies-approved"], approvals: [] },
  candidate: {
    to: "production",
    evidence: ["tests-passed", "dependencies-approved", "bias-review", "privacy-risk-signoff"],
    approvals: ["reviewer", "security-officer"],
  },
};

/** Who states what, and who approves, where everything is in order. */
const EVIDENCE = {
  ...{ "tests-passed": "ci", "dependencies-approved": "priya", "bias-review": "priya" },
  "privacy-risk-signoff": "omar",
};

/** What every case says that does not say otherwise. */
const DEFAULTS: Facts = {
  ...{ domain: "churn", kind: "model", purpose: "churn-modelling", at: "2026-12-01", stage: "dev" },
  ...{ justification: "a weekly copy for evaluation", mfa: "1m", "pushed-by": "dee", "review-age": "1d" },
  ...{ approvals: ["omar", "ana", "priya"], grant: { approvals: ["omar", "ana"], age: "1h" }, evidence: EVIDENCE },
  ...{ destination: "s3://partner-acme/in", fields: ["owner", "licence"], provenance: "run" },
};

/** The rules that refuse, by what the policy is meant to say. */
function refusing(person: Person, facts: Facts): readonly string[] {
  const { action } = facts as { action: string };
  const rules: string[] = [];
  const add = (rule: string, when: boolean) => (when ? rules.push(rule) : 0);
  const at = String(facts["at"]);
  // What else is wrong does not help somebody who may do nothing.
  if (person.id === "zed") return ["builtin:suspended"];
  add(...ofRole(person, facts, action));
  add("builtin:policy-expired", at > "2027-03-31" && !["policy.change", "artifact.read-metadata"].includes(action));
  add("purpose:churn-modelling", at > "2027-03-31" && facts["purpose"] === "churn-modelling");
  const within = NEEDS_MFA[action];
  add(`always:mfa-within:${action}`, within !== undefined && !(minutes(facts["mfa"]) <= MINUTES[within]));
  add("always:purpose-for", NEEDS_PURPOSE.includes(action) && facts["purpose"] == null);
  const words = String(facts["justification"] ?? "").length;
  add(`always:justification-for:${action}`, NEEDS_JUSTIFICATION.includes(action) && words < 20);
  add("builtin:review-lapsed", minutes(facts["review-age"]) > 90 * DAY && !READS_WHEN_LAPSED.includes(action));
  add("builtin:retired", facts["retired"] === true && !UNSTAGED.includes(action) && !RETIRED_MAY.includes(action));
  add("builtin:service", person.id === "ci" && ["request.approve", "policy.change"].includes(action));
  if (!PROJECT_WIDE.includes(action)) ofData(person, facts, action, add);
  return [...new Set(rules)];
}

const DAY = 24 * 60;
const RETIRED_MAY = ["artifact.retire", "artifact.restore", "artifact.push"];

/** What the role itself does not allow; where it does not allow the action at all, no role does. */
function ofRole(person: Person, facts: Facts, action: string): [string, boolean] {
  const emergency =
    person.role === "security-officer" && ["artifact.pull", "workspace.mount", "creds.issue"].includes(action);
  if (emergency)
    return [`role:${person.role}`, facts["break-glass"] !== true || facts["purpose"] !== "incident-response"];
  if (!person.can.includes(action)) return ["role", true];
  const about = !PROJECT_WIDE.includes(action) && action !== "workspace.create" && action !== "workspace.run";
  const tooHigh = about && rank(facts["class"]) > rank(person.upTo);
  const elsewhere = !UNSTAGED.includes(action) && !person.stages.includes(String(facts["stage"]));
  const otherPurpose =
    facts["purpose"] != null && !person.purposes.includes(String(facts["purpose"])) && action !== "request.approve";
  const tooLong = ["workspace.create", "creds.issue"].includes(action) && facts["ttl"] === "9h";
  const use = (facts["workspace"] ?? {}) as { open?: number; disk?: string; cpus?: number; memory?: string };
  const tooBig = person.role === "data-scientist" && (use.disk ?? use.cpus ?? use.memory) !== undefined;
  const tooWide = action === "workspace.create" && (use.open !== undefined || tooBig);
  const tooMuch = person.role === "data-scientist" && action === "artifact.pull" && facts["pulled"] === "51GB";
  const exports = ["artifact.export", "share.create"].includes(action) && Number(facts["exports"] ?? 0) >= 5;
  return [`role:${person.role}`, tooHigh || elsewhere || otherPurpose || tooLong || tooWide || tooMuch || exports];
}

/** Rules, gates and separations. */
function ofData(person: Person, facts: Facts, action: string, add: (rule: string, when: boolean) => unknown): void {
  const level = rank(facts["class"]);
  const [internal, confidential, restricted] = [1, 2, 3];
  const opens = ["artifact.pull", "workspace.mount", "creds.issue"].includes(action) && level >= restricted;
  add("restricted-needs-grant", opens && facts["break-glass"] !== true && !granted(person, facts));
  add(
    "confidential-stays-in-workspaces",
    action === "artifact.pull" && facts["kind"] === "dataset" && level >= confidential,
  );
  const leaves = action === "artifact.export" || action === "share.create";
  const approved = consenting(person, facts, facts["approvals"]);
  const both = approved.includes("omar") && approved.includes("ana");
  add("export-needs-two", leaves && level >= internal && !both);
  add("never-export-restricted", leaves && level >= restricted);
  const listed = /^(s3:\/\/partner-acme\/.*|domain:marketing)$/.test(String(facts["destination"]));
  add("export-destinations", action === "artifact.export" && !listed);
  const lowers = action === "artifact.declassify";
  add("declassify-needs-owner", lowers && !(approved.includes("omar") && stated("privacy-risk-signoff", facts)));
  const fields = facts["fields"] as readonly string[];
  const complete = fields.includes("owner") && fields.includes("licence") && facts["provenance"] === "run";
  add("models-say-who-and-what", action === "artifact.push" && facts["kind"] === "model" && !complete);
  const self = facts["pushed-by"] === person.id;
  add("separate:artifact.push:request.approve", action === "request.approve" && self);
  const did = (facts["did"] ?? []) as readonly string[];
  add("separate:request.create:request.approve", action === "request.approve" && did.includes("request.create"));
  add("separate:artifact.push:artifact.promote", action === "artifact.promote" && self && level > internal);
  if (action === "artifact.promote") ofGates(person, facts, add);
}

/** What asks for something of other people, or for a place, and so is named where all of it was met. */
function asking(facts: Facts): readonly string[] {
  const { action } = facts as { action: string };
  const level = rank(facts["class"]);
  const opens = ["artifact.pull", "workspace.mount", "creds.issue"].includes(action);
  if (opens) return level >= rank("restricted") ? ["restricted-needs-grant"] : [];
  if (action === "artifact.declassify") return ["declassify-needs-owner"];
  if (action === "artifact.promote") return [`gate:${String(facts["to-stage"])}`];
  const leaves = action === "artifact.export" || action === "share.create";
  const needsTwo = leaves && level >= rank("internal") ? ["export-needs-two"] : [];
  return action === "artifact.export" ? [...needsTwo, "export-destinations"] : needsTwo;
}

function ofGates(person: Person, facts: Facts, add: (rule: string, when: boolean) => unknown): void {
  const gate = GATES[String(facts["stage"])];
  const onward = gate !== undefined && gate.to === facts["to-stage"];
  add("builtin:gate", !onward);
  if (!onward) return;
  const evidence = gate.evidence.every((kind) => stated(kind, facts));
  const approvers = consenting(person, facts, facts["approvals"]);
  // A reviewer reaches confidential, and approves no more than that.
  const reviewer = approvers.includes("priya") && rank(facts["class"]) <= rank("confidential");
  const approved = gate.approvals.length === 0 || (reviewer && approvers.includes("ana"));
  add(`gate:${gate.to}`, !evidence || !approved);
}

/** Stated by somebody whose role may, reaches the class, and, but for tests, by another than the pusher. */
function stated(kind: string, facts: Facts): boolean {
  const by = (facts["evidence"] as Readonly<Record<string, string | undefined>>)[kind];
  const reach: Readonly<Record<string, Class>> = { ci: "internal", priya: "confidential", omar: "restricted" };
  const may: Readonly<Record<string, string>> = EVIDENCE;
  if (by === undefined || may[kind] !== by) return false;
  return rank(facts["class"]) <= rank(reach[by]) && (kind === "tests-passed" || facts["pushed-by"] !== by);
}

function granted(person: Person, facts: Facts): boolean {
  const grant = facts["grant"] as { approvals: readonly string[]; age: string } | null;
  if (!grant || minutes(grant.age) > 240) return false;
  const approved = consenting(person, facts, grant.approvals);
  return approved.includes("omar") && approved.includes("ana");
}

/** Those whose consent counts: neither who pushed it nor who wants it. */
function consenting(person: Person, facts: Facts, approvals: unknown): readonly string[] {
  return (approvals as readonly string[]).filter((id) => id !== facts["pushed-by"] && id !== person.id);
}

function rank(name: unknown): number {
  return CLASSES.indexOf(name as Class);
}

/** `15m`, `4h`, `90d` in minutes. */
function minutes(text: unknown): number {
  const [, count, unit = ""] = /^(\d+)([mhd])$/.exec(String(text)) ?? [];
  return Number(count) * ({ m: 1, h: 60, d: DAY }[unit] ?? Number.NaN);
}

/** One fact that is missing or otherwise, and what it makes of a case. */
const OTHERWISE: Readonly<Record<string, Facts>> = {
  "no purpose": { purpose: null },
  "another purpose": { purpose: "fraud-research" },
  "a purpose of emergencies": { purpose: "incident-response" },
  "an old login": { mfa: "16m" },
  "no login": { mfa: null },
  "no justification": { justification: null },
  "a short justification": { justification: "because of reasons" },
  "no grant": { grant: null },
  "an old grant": { grant: { approvals: ["omar", "ana"], age: "5h" } },
  "a grant without an owner": { grant: { approvals: ["priya", "ana"], age: "1h" } },
  "a grant without an officer": { grant: { approvals: ["omar"], age: "1h" } },
  "no officer's approval": { approvals: ["omar", "priya"] },
  "no owner's approval": { approvals: ["ana", "priya"] },
  "no reviewer's approval": { approvals: ["omar", "ana"] },
  "nobody's approval": { approvals: [] },
  "an approver who pushed it": { "pushed-by": "omar" },
  "a reviewer who pushed it": { "pushed-by": "priya" },
  "their own push": { "pushed-by": "SELF" },
  "their own request": { did: ["request.create"] },
  "another destination": { destination: "s3://elsewhere/in" },
  "no owner named": { fields: ["licence"] },
  "no licence": { fields: ["owner"] },
  "no run": { provenance: "none" },
  "a long life": { ttl: "9h" },
  "ten open workspaces": { workspace: { open: 10 } },
  "a large disk": { workspace: { disk: "51GB" } },
  "many processors": { workspace: { cpus: 5 } },
  "much memory": { workspace: { memory: "17GB" } },
  "too much pulled": { pulled: "51GB" },
  "five exports": { exports: 5 },
  "access not reviewed": { "review-age": "91d" },
  "a retired version": { retired: true },
  "break-glass": { "break-glass": true },
  "after the last day": { at: "2027-04-01" },
};
for (const kind of Object.keys(EVIDENCE)) {
  Object.assign(OTHERWISE, { [`no ${kind}`]: { evidence: { ...EVIDENCE, [kind]: undefined } } });
}

/** Role × action × class × stage with everything in order, and then each fact otherwise, where that changes the answer. */
export function matrix(): readonly MatrixCase[] {
  const zed = { ...(PEOPLE[0] as Person), id: "zed" };
  const suspended = ["artifact.pull", "artifact.push", "workspace.create"].map((action) =>
    caseOf(zed, "suspended", { as: "zed", action, class: "public" }),
  );
  return suspended.concat(
    PEOPLE.flatMap((person) =>
      actionsFor(person).flatMap((action) =>
        placesOf(action).flatMap((place) => {
          const purpose = person.purposes.includes("churn-modelling") ? {} : { purpose: person.purposes[0] };
          const base = { as: person.id, action, ...place, ...purpose };
          const right = caseOf(person, "everything in order", base);
          const others = Object.entries(OTHERWISE).map(([what, facts]) => caseOf(person, what, { ...base, ...facts }));
          // A fact that this action does not ask for is asked about once in a while, too: it must not matter.
          const changed = others.filter(
            ({ allow, rules }, at) =>
              allow !== right.allow || rules.join() !== right.rules.join() || at % 30 === rank(place.class),
          );
          // What is refused even so can only be refused by more.
          const more = others.filter(({ name }) => name.endsWith("their own push") && person.can.includes(action));
          return right.allow ? [right, ...changed] : [right, ...more];
        }),
      ),
    ),
  );
}

function actionsFor({ can, role }: Person): readonly string[] {
  const foreign = ["artifact.push", "artifact.promote", "request.approve", "policy.change"].filter(
    (each) => !can.includes(each),
  );
  return [
    ...new Set([
      ...can,
      ...foreign,
      ...(role === "security-officer" ? ["artifact.pull", "workspace.mount", "creds.issue"] : []),
    ]),
  ];
}

function placesOf(action: string): readonly (Facts & { readonly class?: string })[] {
  if (PROJECT_WIDE.includes(action) || ["workspace.create", "workspace.run"].includes(action)) return [{}];
  const staged = ["artifact.pull", "artifact.promote"].includes(action);
  const kinds = action === "artifact.pull" || action === "artifact.push" ? ["model", "dataset"] : ["model"];
  const classes = action === "artifact.declassify" ? CLASSES.slice(1) : CLASSES;
  return classes.flatMap((name) =>
    (staged ? STAGES : STAGES.slice(0, 1)).flatMap((stage) =>
      kinds.map((kind) => {
        const to = action === "artifact.promote" ? { "to-stage": GATES[stage]?.to ?? "production" } : {};
        const shared = action === "share.create" ? { destination: `share:age1${"q".repeat(58)}` } : {};
        const lower = action === "artifact.declassify" ? { "to-class": "public" } : {};
        return {
          class: name,
          ...(stage === "dev" ? {} : { stage }),
          ...(kind === "model" ? {} : { kind }),
          ...to,
          ...shared,
          ...lower,
        };
      }),
    ),
  );
}

function caseOf(person: Person, what: string, facts: Facts): MatrixCase {
  const own = Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, value === "SELF" ? person.id : value]),
  );
  const refused = refusing(person, { ...DEFAULTS, ...own });
  const place = ["class", "stage", "kind", "to-stage"].flatMap((key) =>
    own[key] === undefined ? [] : [String(own[key])],
  );
  const name = [person.role, own["action"], ...place, what].join(" · ");
  return {
    name,
    facts: own,
    allow: refused.length === 0,
    rules: refused.length === 0 ? [`role:${person.role}`, ...asking(facts)] : refused,
  };
}

/** The test file, as somebody would write it: one case a line. */
export function matrixFile(cases: readonly MatrixCase[]): string {
  const lines = cases.map(({ name, facts, allow, rules: [rule] }) => {
    const said = { name, ...facts, expect: allow ? "allow" : "deny", rule };
    return `  - ${JSON.stringify(said)}`;
  });
  return ["cloister-test: 1", `defaults: ${JSON.stringify(DEFAULTS)}`, "cases:", ...lines, ""].join("\n");
}
