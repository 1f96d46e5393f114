// The example policy in a real project, line by line: what each line refuses, by which line, and with a way on that the
// command line understands; and that what the lines ask for lets the act through.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CloisterError, type Refusal } from "../../../src/base/errors.ts";
import type { Project } from "../../../src/index.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { consentToBreakGlass, reviewBreakGlass } from "../../../src/operations/break-glass/answer.ts";
import { invokeBreakGlass } from "../../../src/operations/break-glass/invoke.ts";
import { glassWarnings } from "../../../src/operations/break-glass/notices.ts";
import { getCredential } from "../../../src/operations/creds/issue.ts";
import { exportVersion } from "../../../src/operations/export/export.ts";
import { permit } from "../../../src/operations/guard.ts";
import { explainPolicy } from "../../../src/operations/policy/explain.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import { createRequest } from "../../../src/operations/request/create.ts";
import { retireVersion } from "../../../src/operations/retention/end.ts";
import { pruneVersions } from "../../../src/operations/retention/prune.ts";
import { reviewAccess } from "../../../src/operations/review/review.ts";
import { setSecret } from "../../../src/operations/secret/write.ts";
import { createShare } from "../../../src/operations/share/create.ts";
import { attest } from "../../../src/operations/stage/attest.ts";
import { declassify } from "../../../src/operations/stage/declassify.ts";
import { promote } from "../../../src/operations/stage/promote.ts";
import { createWorkspace } from "../../../src/operations/workspace/create.ts";
import { cloister } from "../../cli/fake.ts";
import { Example, type Person, WHY } from "../example-project.ts";
import { logOperation } from "../governance/entries.ts";
import { randomFiles } from "../project.ts";

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
const purpose = "churn-modelling";
const PARTNER = "s3://partner-acme/in";
const SOMEBODY = "age1khyt7n7aq30yfym6ll29fxgaq3qx65knkwkrxz2x3fnyxl6ql3gsqc52rf";
let example: Example;
/** Every way on that a refusal named. */
const ways = new Set<string>();

beforeAll(async () => {
  example = await Example.make();
  for (const person of ["bo", "dee", "priya"] as const) randomFiles(example.hosts[person].cwd);
  await pushed("dee", "open", "public");
  await pushed("dee", "notes", "internal");
  await pushed("dee", "story", "confidential");
  await pushed("dee", "claims", "confidential", "dataset");
  await pushed("dee", "cohort", "restricted", "dataset");
  await pushed("dee", "plan", "restricted");
  await pulled("bo", "notes", { dryRun: false });
}, 120_000);

type Kind = "dataset" | "report" | "model";
const pushed = async (by: Person, name: string, klass: string, kind: Kind = "report", laterMs = 0) => {
  const options = { source: { path: "data" }, name: `churn/${name}:1`, class: klass, kind, dryRun: laterMs > 0 };
  return push(await example.as(by, laterMs), options);
};
const pulled = async (by: Person, name: string, over: object = {}, laterMs = 0) => {
  const output = { folder: `out-${randomBytes(6).toString("hex")}` };
  return pull(await example.as(by, laterMs), { reference: ref(name), output, purpose, dryRun: true, ...over });
};
const ref = (name: string) => `churn/${name}:1`;
const exported = async (name: string, over: object = {}, by: Person = "bo") =>
  exportVersion(await example.as(by), {
    ...{ reference: ref(name), to: PARTNER, purpose, justification: WHY, dryRun: true },
    ...over,
  });
const shared = async (name: string) =>
  createShare(await example.as("bo"), { reference: ref(name), to: SOMEBODY, ttlMs: HOUR, dryRun: true });
const workspace = async (by: Person, over: object, laterMs = 0) =>
  createWorkspace(await example.as(by, laterMs), {
    ...{ name: "w", inputs: [], domain: "churn", purpose, dryRun: true },
    ...over,
  });
const credential = async (by: Person, over: object) =>
  getCredential(await example.as(by), { provider: "token", purpose, ...over });
const stated = async (by: Person, name: string, kind: string) => {
  writeFileSync(join(example.hosts[by].cwd, "report.txt"), `${kind} by ${by}`);
  return attest(await example.as(by), { reference: ref(name), kind, result: "pass", file: "report.txt" });
};
const promoted = async (by: Person, name: string) => promote(await example.as(by), { reference: ref(name) });
const lowered = async () =>
  declassify(await example.as("bo"), { reference: ref("story"), to: "internal", justification: WHY, dryRun: true });
const broken = async (justification = WHY) =>
  invokeBreakGlass(await example.as("ana"), { reference: ref("plan"), justification });
const retired = async (justification: string) =>
  retireVersion(await example.as("omar"), { reference: ref("open"), justification, dryRun: true });
const asked = async (by: Person, kind: "export" | "promote", name: string, to: string) => {
  const options = { kind, reference: ref(name), to, justification: WHY, ...(kind === "export" ? { purpose } : {}) };
  return (await createRequest(await example.as(by), options)).id ?? "";
};
const approved = async (by: Person, id: string) => approveRequest(await example.as(by), { id });
const stale = async (by: Person, ageMs: number) => example.loggedIn(by, ageMs);

/** What is refused has this rule, at the line that begins so; some way on is named with every condition. */
async function refused(act: () => Promise<unknown>, rule: string, begins: string | undefined): Promise<Refusal> {
  const error = await act().then(
    (done) => new Error(`it was done: ${JSON.stringify(done)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CloisterError) || !error.refusals) throw error;
  for (const { next } of error.refusals) ways.add(next ?? "");
  expect(error.refusals.map((each) => each.rule)).toContain(rule);
  const found = error.refusals.find((each) => each.rule === rule) as Refusal;
  expect({ rule, line: found.line }).toEqual({ rule, line: begins === undefined ? undefined : example.line(begins) });
  return found;
}

type Row = readonly [what: string, begins: string | undefined, rule: string, act: () => Promise<unknown>];

const WHO_AND_WHERE: readonly Row[] = [
  [
    "what no role of a member can",
    "bo:",
    "role",
    async () => retireVersion(await example.as("bo"), { reference: ref("open"), justification: WHY }),
  ],
  ["data of another domain", "data-owner:", "role:data-owner", () => pulled("mei", "notes")],
  ["a class above up-to", "pipeline:", "role:pipeline", () => pulled("ci", "story")],
  [
    "a purpose that is not the role's",
    "data-scientist:",
    "role:data-scientist",
    () => pulled("bo", "notes", { purpose: "incident-response" }),
  ],
  ["a purpose that there is not", undefined, "builtin:purpose", () => pulled("bo", "notes", { purpose: "curiosity" })],
  ["a suspended member", "zed:", "builtin:suspended", () => pulled("zed", "notes")],
  [
    "a service that approves",
    "ci:",
    "builtin:service",
    async () => approved("ci", await asked("bo", "export", "story", PARTNER)),
  ],
  [
    "a key epoch before the domain's",
    "churn:",
    "builtin:epoch",
    async () =>
      permit(await example.as("bo"), {
        title: "",
        action: "artifact.push",
        domain: "churn",
        class: "internal",
        kind: "report",
        epoch: 1,
        sealed: {},
      }),
  ],
  ["a workspace for too long", "data-scientist:", "role:data-scientist", () => workspace("bo", { ttlMs: 9 * HOUR })],
  ["a workspace for too long, of a service", "pipeline:", "role:pipeline", () => workspace("ci", { ttlMs: 3 * HOUR })],
  [
    "another host of the network",
    "data-scientist:",
    "role:data-scientist",
    () => workspace("bo", { use: { network: ["evil.example"] } }),
  ],
  [
    "no network at all",
    "pipeline:",
    "role:pipeline",
    () => workspace("ci", { use: { network: ["pypi.acme.example"] } }),
  ],
  ["more processors", "data-scientist:", "role:data-scientist", () => workspace("bo", { use: { cpus: 5 } })],
  ["more memory", "data-scientist:", "role:data-scientist", () => workspace("bo", { use: { memoryBytes: 17e9 } })],
  ["more disk", "data-scientist:", "role:data-scientist", () => workspace("bo", { diskBytes: 51e9 })],
  ["credentials for too long", "data-scientist:", "role:data-scientist", () => credential("bo", { ttlMs: 2 * HOUR })],
  ["credentials for too long, of a service", "pipeline:", "role:pipeline", () => credential("ci", { ttlMs: HOUR })],
];

const ALWAYS: readonly Row[] = [
  [
    "artifact.export after an old login",
    "mfa-within:",
    "always:mfa-within:artifact.export",
    () => stale("bo", 16 * MINUTE).then(() => exported("notes")),
  ],
  ["artifact.promote after one", "mfa-within:", "always:mfa-within:artifact.promote", () => promoted("bo", "notes")],
  [
    "request.approve after one",
    "mfa-within:",
    "always:mfa-within:request.approve",
    async () => {
      const id = await asked("bo", "export", "notes", PARTNER);
      await stale("omar", 16 * MINUTE);
      return approved("omar", id);
    },
  ],
  [
    "policy.change after one of six minutes",
    "mfa-within:",
    "always:mfa-within:policy.change",
    () => stale("ana", 6 * MINUTE).then(() => example.propose(WHY)),
  ],
  ["break-glass.invoke after one", "mfa-within:", "always:mfa-within:break-glass.invoke", () => broken()],
  [
    "workspace.create for no purpose",
    "purpose-for:",
    "always:purpose-for",
    () => workspace("bo", { purpose: undefined }),
  ],
  ["creds.issue for none", "purpose-for:", "always:purpose-for", () => credential("bo", { purpose: undefined })],
  ["artifact.pull for none", "purpose-for:", "always:purpose-for", () => pulled("bo", "notes", { purpose: undefined })],
  ["artifact.export for none", "purpose-for:", "always:purpose-for", () => exported("notes", { purpose: undefined })],
  [
    "artifact.export with few words",
    "justification-for:",
    "always:justification-for:artifact.export",
    () => exported("notes", { justification: "19 characters, not 2".slice(0, 19) }),
  ],
  [
    "artifact.retire with few",
    "justification-for:",
    "always:justification-for:artifact.retire",
    () => retired("too old"),
  ],
  [
    "policy.change with few",
    "justification-for:",
    "always:justification-for:policy.change",
    () => example.logIn("ana").then(() => example.propose("because")),
  ],
  [
    "break-glass.invoke with few",
    "justification-for:",
    "always:justification-for:break-glass.invoke",
    () => broken("quick"),
  ],
  ["a push below what was pulled lately", "label-floor:", "builtin:label-flow", () => pushed("bo", "low", "public")],
];

const RULES: readonly Row[] = [
  ["a pull of restricted", "restricted-needs-grant:", "restricted-needs-grant", () => pulled("bo", "plan")],
  [
    "a mount of it",
    "restricted-needs-grant:",
    "restricted-needs-grant",
    () => workspace("bo", { inputs: [ref("cohort")] }),
  ],
  [
    "a confidential dataset outside",
    "confidential-stays-in-workspaces:",
    "confidential-stays-in-workspaces",
    () => pulled("bo", "claims"),
  ],
  [
    "an export without approvals",
    "export-needs-two:",
    "export-needs-two",
    () => example.logIn("bo").then(() => exported("notes")),
  ],
  ["a share without", "export-needs-two:", "export-needs-two", () => shared("notes")],
  [
    "an export to elsewhere",
    "export-destinations:",
    "export-destinations",
    () => exported("open", { to: "s3://elsewhere/in" }),
  ],
  ["an export of restricted", "never-export-restricted:", "never-export-restricted", () => exported("plan")],
  ["a share of it", "never-export-restricted:", "never-export-restricted", () => shared("plan")],
  ["a lower class", "declassify-needs-owner:", "declassify-needs-owner", () => lowered()],
  [
    "a model of which nothing is said",
    "models-say-who-and-what:",
    "models-say-who-and-what",
    () => pushed("bo", "model", "internal", "model"),
  ],
  [
    "evidence of another role",
    "tests-passed:",
    "evidence:tests-passed",
    () => stated("priya", "notes", "tests-passed"),
  ],
  ["the gate to candidate", "dev -> candidate:", "gate:candidate", () => promoted("bo", "notes")],
];

describe.each([
  ["who, what and where", WHO_AND_WHERE],
  ["always", ALWAYS],
  ["rules, evidence, gates", RULES],
])("%s: refused is", (_, rows) => {
  test.each(rows)("%s", async (_what, begins, rule, act) => {
    await refused(act, rule, begins);
  });
});

test("a refusal lists all that is missing, what approvals would not help with first", async () => {
  const destination = exported("notes", { to: "s3://elsewhere/in" }).catch(({ refusals }: CloisterError) => refusals);
  expect((await destination) as unknown).toMatchObject([{ rule: "export-destinations" }, { rule: "export-needs-two" }]);
  const model = pushed("bo", "model", "internal", "model").catch(({ refusals }: CloisterError) => refusals);
  expect(await model).toHaveLength(3);
});

test("policy explain says the same for others, by the same line", async () => {
  const options = { action: "artifact.pull", as: "bo", reference: ref("plan"), purpose };
  const { allow, refusals } = await explainPolicy(await example.as("omar"), options);
  expect(allow).toBe(false);
  const line = example.line("restricted-needs-grant:");
  expect(refusals).toMatchObject([{ rule: "restricted-needs-grant", line, enforcement: "cryptographic" }]);
});

describe("quotas of a role", () => {
  test("bytes of a day, exports of a week, and workspaces at once", async () => {
    const log = async (action: string, over: object) =>
      logOperation(await example.as("dee"), { action, domain: "churn", class: "internal", ...over } as never);
    for (let open = 0; open < 3; open++) {
      await log("workspace.create", { workspace: randomBytes(16).toString("hex"), facts: { ttlMs: HOUR } });
    }
    const many = await refused(() => workspace("dee", {}), "role:data-scientist", "data-scientist:");
    expect(many.why).toContain("3 open workspaces");
    await log("artifact.pull", { facts: { bytes: 50e9 } });
    const much = await refused(() => pulled("dee", "notes"), "role:data-scientist", "data-scientist:");
    expect(much.why).toContain("50 GB a day");
    await example.logIn("dee");
    await exported("open", {}, "dee");
    for (let week = 0; week < 5; week++) await log("artifact.export", { facts: {} });
    const often = await refused(() => exported("open", {}, "dee"), "role:data-scientist", "data-scientist:");
    expect(often.why).toContain("5 times a week");
  });
});

describe("consent", () => {
  test("opens an export for its destination and its purpose", async () => {
    await example.consent("bo", { kind: "export", reference: ref("story"), to: PARTNER, purpose }, "omar", "ana");
    await example.logIn("bo");
    await exported("story");
    for (const other of [{ to: "s3://partner-acme/out" }, { purpose: "fraud-research" }]) {
      await refused(() => exported("story", other), "export-needs-two", "export-needs-two:");
    }
  });

  test("opens restricted data for four hours; a dataset inside a workspace only", async () => {
    await example.consent("bo", { kind: "access", reference: ref("cohort"), purpose }, "omar", "ana");
    await workspace("bo", { inputs: [ref("cohort")] });
    await refused(
      () => pulled("bo", "cohort"),
      "confidential-stays-in-workspaces",
      "confidential-stays-in-workspaces:",
    );
    const later = () => workspace("bo", { inputs: [ref("cohort")] }, 5 * HOUR);
    await refused(later, "restricted-needs-grant", "restricted-needs-grant:");
  });

  test("lowers a class with the owner's sign-off beside", async () => {
    await example.consent("bo", { kind: "declassify", reference: ref("story"), to: "internal" }, "omar");
    const left = await refused(lowered, "declassify-needs-owner", "declassify-needs-owner:");
    expect(left.why).toContain("privacy-risk-signoff");
    await stated("omar", "story", "privacy-risk-signoff");
    await lowered();
  });

  test("is not the pusher's nor the requester's to give, nor evidence of some kinds the pusher's", async () => {
    await example.change((text) => text.replace("roles: [reviewer]", "roles: [reviewer, data-scientist@churn]"));
    await example.logIn("priya");
    await pushed("priya", "own", "internal");
    const mine = () => stated("priya", "own", "bias-review");
    await refused(mine, "evidence:bias-review", "bias-review:");
    const rule = (who: string) => `- { who: ${who}`;
    const byBo = await asked("bo", "export", "own", PARTNER);
    await refused(
      () => approved("priya", byBo),
      "separate:artifact.push:request.approve",
      rule("artifact.push,  cannot: request"),
    );
    const byPriya = await asked("priya", "export", "story", PARTNER);
    await refused(() => approved("priya", byPriya), "separate:request.create:request.approve", rule("request.create"));
    await refused(
      () => promoted("dee", "story"),
      "separate:artifact.push:artifact.promote",
      rule("artifact.push,  cannot: artifact"),
    );
  });
});

test("through both gates: evidence of the first, evidence and approvals of the second; then out of reach of makers", async () => {
  await stated("ci", "notes", "tests-passed");
  await stated("priya", "notes", "dependencies-approved");
  await example.logIn("bo", "dee");
  expect(await promoted("dee", "notes")).toMatchObject({ stage: "candidate" });
  const act = () => promoted("bo", "notes");
  await refused(act, "gate:production", "candidate -> production:");
  await stated("priya", "notes", "bias-review");
  await stated("omar", "notes", "privacy-risk-signoff");
  expect((await refused(act, "gate:production", "candidate -> production:")).missing).toBe("approval");
  await example.consent("bo", { kind: "promote", reference: ref("notes"), to: "production" }, "priya", "ana");
  expect(await act()).toMatchObject({ stage: "production" });
  const stage = await refused(() => pulled("bo", "notes"), "role:data-scientist", "data-scientist:");
  expect(stage.why).toContain("production");
  await pulled("omar", "notes");
});

test("retention: the shorter of stage and class, then their keys are destroyed; secrets are due after 90 days", async () => {
  const dueAfter = async (days: number) => {
    const { due } = await pruneVersions(await example.as("omar", days * DAY), { dryRun: true });
    return Object.fromEntries(due.map(({ reference, line, what }) => [reference, { line, what }]));
  };
  const bound = (begins: string) => ({ line: example.line(begins), what: "shred-keys" });
  expect(await dueAfter(29)).toEqual({});
  const month = await dueAfter(31);
  expect(month[ref("cohort")]).toEqual(bound("dev: 30d"));
  expect(month[ref("notes")]).toBeUndefined();
  const value = async () => Buffer.from("correct horse");
  const secret = await setSecret(await example.as("omar"), { name: "churn/key", value, class: "internal" });
  expect(Date.parse(secret.dueAt ?? "") - Date.parse(secret.setAt)).toBe(90 * DAY);
});

test("break-glass: officer and escrow holder, for an hour, told to others, reviewed by another", async () => {
  await example.logIn("ana");
  const emergency = { purpose: "incident-response" };
  await expect(pulled("ana", "plan", emergency)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  const id = (await broken())?.id ?? "";
  const consent = async (by: Person) => consentToBreakGlass(await example.as(by), { id });
  await expect(consent("omar")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  expect(await consent("priya")).toMatchObject({ state: "active", review: "due" });
  await pulled("ana", "plan", emergency);
  await expect(pulled("ana", "plan", emergency, 2 * HOUR)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  for (const person of ["omar", "mei"] as const) {
    const session = await example.as(person, 25 * HOUR);
    await session.sync();
    const told = await glassWarnings(session, (await session.policy()).compiled.policy, person);
    expect(told.join("\n")).toContain("OVERDUE");
  }
  await refused(() => broken(), "builtin:unreviewed", "break-glass:");
  const review = { id, outcome: "justified", justification: WHY } as const;
  for (const had of ["ana", "priya"] as const) {
    await expect(reviewBreakGlass(await example.as(had), review)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  }
  expect(await reviewBreakGlass(await example.as("mei"), review)).toMatchObject({ reviewedBy: "mei" });
});

test("what time takes away: unconfirmed access after 90 days, purposes, and the policy itself", async () => {
  await refused(
    () => pushed("bo", "late", "confidential", "report", 100 * DAY),
    "builtin:review-lapsed",
    "access-review:",
  );
  const ended = () => pulled("bo", "story", {}, 130 * DAY);
  await refused(ended, "builtin:policy-expired", "expires:");
  await refused(ended, "purpose:churn-modelling", "churn-modelling:");
  const options = { member: "bo", verdict: "keep", justification: WHY } as const;
  expect(await reviewAccess(await example.as("ana"), options)).toMatchObject({ verdict: "keep" });
  await expect(reviewAccess(await example.as("omar"), options)).rejects.toMatchObject({ code: "POLICY_DENIED" });
});

test("one owner's signature changes nothing; who is none cannot even propose", async () => {
  const before = example.text;
  await example.logIn("ana");
  const proposed = await example.propose(WHY);
  expect(proposed).toMatchObject({ logEntry: undefined, pending: { complete: false } });
  const session = await example.as("bo");
  await session.sync();
  expect((await session.policy()).text).toBe(before);
  await refused(() => example.propose(WHY, "bo"), "role", "bo:");
});

describe("the ways on that refusals named", () => {
  test("are there, and the command line understands those that are commands", async () => {
    expect(ways).not.toContain("");
    const understood = () => Promise.reject(new CloisterError("FAILURE", "understood"));
    const said = new Proxy({}, { get: (_, name) => (name === "then" ? undefined : understood) });
    const commands = [...ways]
      .flatMap((way) => way.split(/; |, then: |: (?=cloister )/))
      .filter((each) => each.startsWith("cloister "));
    expect(commands.length).toBeGreaterThan(8);
    for (const command of commands) {
      const argv = wordsOf(command.replace("--outcome …", "--outcome justified")).slice(1);
      const { err } = await cloister(argv, { project: said as Partial<Project> });
      // What is not understood is answered with the help page of what was meant.
      expect({ command, err }).toEqual({ command, err: expect.not.stringMatching(/--help|unknown/) });
    }
  });
});

/** As a shell takes them apart: none of these has a quote within a word. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );
}
