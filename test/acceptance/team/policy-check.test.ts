// Trying out a policy before it is signed: cases, differences, what it would have said to what people did.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, Explained, PolicyDiff, PolicySimulated, PolicyTested } from "../../../src/index.ts";
import { EXAMPLE } from "../../policy/example.ts";
import { matrix, matrixFile } from "../../policy/matrix.ts";
import { type Member, World } from "../harness.ts";

const world = new World();
let ana: Member;
let bo: Member;

/** Writes the project's policy, edited, as a draft. */
function draft(name: string, from: string | RegExp, to: string): string {
  const before = readFileSync(join(ana.folder, "cloister.policy.yaml"), "utf8");
  const after = before.replace(from, to);
  if (after === before) throw new Error("the edit changed nothing");
  writeFileSync(join(ana.folder, name), after);
  return name;
}

function write(name: string, text: string): string {
  writeFileSync(join(ana.folder, name), text);
  return name;
}

const CASES = `cloister-test: 1
defaults: { domain: churn, class: internal, kind: model, at: 2026-12-01, purpose: modelling }
cases:
  - { name: bo pulls models, as: bo, action: artifact.pull, expect: allow, rule: role:data-scientist }
  - { name: bo says what for, as: bo, action: artifact.pull, purpose: null, expect: deny, rule: always:purpose-for }
  - { name: data stays inside, role: steward, action: artifact.pull, class: confidential, kind: dataset, expect: deny }
`;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  await ana.ok("policy", "show");
  write("cloister.policy.yaml", (await ana.ok("policy", "show", "--text")).out);
  ana.files("data", { "a.csv": "a" });
  await ana.ok("push", "data", "--name", "cohort", "--class", "confidential");
  await ana.ok("push", "data", "--name", "notes", "--class", "internal");
});

describe("policy test", () => {
  it("runs the cases beside the policy, and fails with the line of each that failed", async () => {
    write("cloister.policy.test.yaml", CASES);
    expect((await ana.ok("policy", "test")).out).toMatch(/3 cases passed/);
    const wrong = write(
      "wrong.yaml",
      `${CASES}  - { name: bo reads the log, as: bo, action: audit.read, expect: allow }\n`,
    );
    const { exit, out } = await ana.cli("policy", "test", wrong);
    expect(exit).toBe(1);
    expect(out).toMatch(
      /^wrong.yaml:7: failed: bo reads the log\n {2}expected {2}allow .*\n {2}got {7}deny by role, cloister.policy.yaml:\d+ /m,
    );
    expect(out).toMatch(/1 of 4 cases failed/);
    const tested = JSON.parse((await ana.cli("policy", "test", wrong, "--json")).out) as PolicyTested;
    expect(tested).toMatchObject({ schema: "cloister/policy-test@1", ok: false });
    expect(tested.results.filter(({ passed }) => !passed)).toMatchObject([{ line: 7, allow: false }]);
  });

  it("tests a draft, and says at which of its lines it decides otherwise", async () => {
    const file = draft(
      "draft.yaml",
      "purpose-for: [workspace.create, artifact.pull]",
      "purpose-for: [workspace.create]",
    );
    const { exit, out } = await ana.cli("policy", "test", "--file", file);
    expect(exit).toBe(1);
    expect(out).toMatch(/failed: bo says what for\n.*\n {2}got {7}allow by role:data-scientist, draft.yaml:\d+/);
  });

  it("says what could be removed without a case noticing", async () => {
    const { exit, out } = await ana.cli("policy", "test", "--mutate");
    expect(exit).toBe(1);
    expect(out).toMatch(/^cloister.policy.yaml:\d+: no case notices the removal of rules.models-say-who-and-what/m);
    expect(out).not.toMatch(/removal of rules.confidential-stays-in-workspaces/);
    expect(out).not.toMatch(/removal of always.purpose-for: artifact.pull/);
  });

  it("refuses a file with mistakes as a compiler does, and names what is not there", async () => {
    write(
      "mistakes.yaml",
      CASES.replace("as: bo, action: artifact.pull, expect", "as: boo, action: artifact.pull, expect"),
    );
    const { exit, out } = await ana.cli("policy", "test", "mistakes.yaml");
    expect(exit).toBe(2);
    expect(out).toMatch(/^mistakes.yaml:4:\d+: error: unknown member "boo"\n {2}did you mean bo\?/m);
    write("deep.yaml", `cloister-test: 1\ncases: ${"[".repeat(20_000)}`);
    expect((await ana.cli("policy", "test", "deep.yaml")).exit).toBe(2);
    expect(await ana.fails("policy", "test", "nosuch.yaml")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
    expect(await ana.fails("policy", "test", "--file", "99")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
  });

  it("runs the matrix of the example policy as a user's own test file", async () => {
    const cases = matrix();
    write("example.yaml", EXAMPLE);
    write("matrix.yaml", matrixFile(cases));
    const tested = await ana.json<PolicyTested>("policy", "test", "matrix.yaml", "--file", "example.yaml");
    expect(tested.results.length).toBeGreaterThanOrEqual(300);
    expect(tested.ok).toBe(true);
  });
});

describe("policy diff", () => {
  it("says what a draft changes, and exits 1 only where that was asked for", async () => {
    expect((await ana.ok("policy", "diff")).out).toMatch(/answer everything alike/);
    const file = draft("diff.yaml", "fields: [owner, licence]", "fields: [owner]");
    const { out } = await ana.ok("policy", "diff", "@in-force", file);
    expect(out).toBe("- artifact.push (model) no longer needs a licence\n");
    expect((await ana.cli("policy", "diff", "1", file, "--exit-code")).exit).toBe(1);
    const found = await ana.json<PolicyDiff>("policy", "diff", "1", "2");
    expect(found.changes).toContainEqual({
      sign: "+",
      direction: "wider",
      text: "member bo (Person bo): data-scientist",
    });
    expect(await ana.fails("policy", "diff", "nosuch.yaml")).toMatchObject({ exit: 7 });
    write("broken.yaml", "cloister: 1\n");
    expect(await ana.fails("policy", "diff", "broken.yaml")).toMatchObject({ exit: 2 });
  });
});

describe("policy simulate", () => {
  it("finds what a draft would have refused, and says what is not known", async () => {
    const file = draft("strict.yaml", "purpose-for: [workspace.create, artifact.pull]", "purpose-for: [artifact.push]");
    const simulated = await ana.json<PolicySimulated>("policy", "simulate", "--file", file, "--since", "1d");
    expect(simulated.refused.map(({ action }) => action)).toEqual(["artifact.push", "artifact.push"]);
    expect(simulated.refused[0]?.rules).toMatchObject([{ rule: "always:purpose-for" }]);
    expect(simulated.notKnown).toEqual([]);
    expect((await ana.ok("policy", "simulate")).out).toMatch(/decides \d+ entries .* as they were/);
    write("../work-bo/strict.yaml", readFileSync(join(ana.folder, file), "utf8"));
    const byBo = await bo.json<PolicySimulated>("policy", "simulate", "--file", "strict.yaml", "--since", "1d");
    expect(byBo.refused).toEqual([]);
    expect(byBo.unclear.map(({ action }) => action)).toEqual(["artifact.push", "artifact.push"]);
    expect(byBo.notKnown[0]).toMatch(/^purpose, justification/);
  });

  it("finds what a draft would have let happen", async () => {
    await ana.fails("pull", "cohort", "-o", "out", "--purpose", "modelling");
    const file = draft(
      "lenient.yaml",
      /( {2}confidential-stays-in-workspaces:[\s\S]*?kinds: \[)dataset\]/,
      "$1report]",
    );
    const { allowed, refused } = await ana.json<PolicySimulated>("policy", "simulate", "--file", file, "--since", "1d");
    expect(refused).toEqual([]);
    expect(allowed).toMatchObject([{ member: "ana", action: "artifact.pull", rules: [{ rule: "role:steward" }] }]);
  });
});

describe("policy explain of a version", () => {
  it("uses its real class and kind, answers for others, and leaves no trace in the log", async () => {
    const before = (await ana.json<{ entries: readonly AuditRow[] }>("audit", "list")).entries.length;
    const ask = ["policy", "explain", "artifact.pull", "cohort", "--purpose", "modelling"];
    const own = await ana.json<Explained>(...ask);
    expect(own).toMatchObject({ allow: false, about: { class: "confidential", kind: "dataset", pushedBy: "ana" } });
    expect(own.refusals[0]?.rule).toBe("confidential-stays-in-workspaces");
    const his = await ana.json<Explained>(
      "policy",
      "explain",
      "--as",
      "bo",
      "artifact.pull",
      "notes:v1",
      "--purpose",
      "modelling",
    );
    expect(his).toMatchObject({ member: "bo", allow: true, about: { reference: "churn/notes:v1", class: "internal" } });
    expect(his.restsOn).toMatchObject([{ fact: "purpose modelling", rule: "always:purpose-for" }]);
    const after = (await ana.json<{ entries: readonly AuditRow[] }>("audit", "list")).entries.length;
    // Reading the log is logged: an intent and its end.
    expect(after - before).toBe(2);
  });

  it("exits for a pipeline where it is told to, and refuses what makes no sense", async () => {
    const ask = ["policy", "explain", "artifact.pull", "cohort", "--purpose", "modelling"];
    expect((await ana.cli(...ask)).exit).toBe(0);
    expect((await ana.cli(...ask, "--exit-code")).exit).toBe(3);
    expect(await ana.fails("policy", "explain", "artifact.pull", "nosuch")).toMatchObject({ exit: 7 });
    expect(await ana.fails("policy", "explain", "audit.read", "cohort")).toMatchObject({ exit: 2 });
    expect(await ana.fails("policy", "explain", "artifact.pull", "cohort", "--to", "x")).toMatchObject({ exit: 2 });
  });
});
