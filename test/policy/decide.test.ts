import { describe, expect, it } from "vitest";
import type { Evaluator } from "../../src/policy/cedar.ts";
import { loadCedar } from "../../src/policy/cedar.ts";
import type { CompiledPolicy } from "../../src/policy/compiled.ts";
import { decide, decideWith } from "../../src/policy/decide.ts";
import type { DecisionRequest } from "../../src/policy/request.ts";
import { CASES, type Case } from "./cases.ts";
import { GOVERNED, GOVERNED_CASES } from "./governed-cases.ts";
import { compiled, lineOf, NOW } from "./sample.ts";

const sample = compiled();
const governed = compiled(GOVERNED);
const cedar = await loadCedar();

/** Whether an evaluator answers otherwise than the table says. */
function isRed(evaluator: Evaluator, policy: CompiledPolicy, { request, refusedBy }: Case): boolean {
  return decideWith(evaluator, policy, request).allow !== (refusedBy.length === 0);
}

function red(evaluator: Evaluator, policy: CompiledPolicy): Case[] {
  return CASES.filter((each) => isRed(evaluator, policy, each));
}

/** The policy without one of its Cedar policies. */
function without(whole: CompiledPolicy, id: string): CompiledPolicy {
  const rest = Object.entries(whole.cedar.decide).filter(([each]) => each !== id);
  return { ...whole, cedar: { ...whole.cedar, decide: Object.fromEntries(rest) } };
}

/** Cedar policies of the governed example that stand for what happened before. */
const CONSENT = governed.guardrails.filter(({ id, condition }) => {
  const older = sample.guardrails.some((each) => each.id === id) || condition.kind === "mfa";
  return !older && !["purpose-ended", "justification", "field", "provenance"].includes(condition.kind);
});
/** Built in, and of no consequence in a policy that says nothing of them. */
const BUILT_IN = ["builtin:service", "builtin:retired", "builtin:hold", "builtin:gate"];

describe("decide", () => {
  it.each(CASES)("$title", async ({ request, refusedBy }) => {
    const decision = await decide(sample, request);
    expect(decision.refusals.map((refusal) => refusal.rule)).toEqual(refusedBy);
    expect(decision.allow).toBe(refusedBy.length === 0);
    expect(decision.by.length > 0).toBe(decision.allow);
    for (const refusal of decision.refusals) {
      expect(refusal.why).not.toMatch(/undefined|NaN|\?$/);
      expect(`${refusal.next ?? ""}${refusal.who ?? ""}`).not.toMatch(/undefined|NaN/);
    }
  });

  it.each(GOVERNED_CASES)("of the example: $title", async ({ request, refusedBy }) => {
    const decision = await decide(governed, request);
    expect(decision.refusals.map((refusal) => refusal.rule)).toEqual(refusedBy);
    expect(decision.allow).toBe(refusedBy.length === 0);
    for (const refusal of decision.refusals) {
      expect(refusal.why).not.toMatch(/undefined|NaN ms|\?$/);
      expect(`${refusal.next ?? ""}${refusal.who ?? ""}`).not.toMatch(/undefined|NaN/);
    }
  });

  it.each([
    [
      "a grant",
      { action: "artifact.pull", class: "restricted", purpose: "churn-modelling" },
      { pushedBy: "dee", grant: { approvals: ["omar", "ana"], ageMs: 60_000 } },
      [["role:data-scientist"], ["restricted-needs-grant", "granted by omar and ana 1 min ago, for at most 4 h"]],
    ],
    [
      "approvals and a destination",
      { action: "artifact.export", class: "internal", purpose: "churn-modelling" },
      { pushedBy: "dee", approvals: ["omar", "ana"], destination: "domain:marketing" },
      [
        ["role:data-scientist"],
        ["export-needs-two", "approved by omar and ana"],
        ["export-destinations", "it goes to domain:marketing"],
      ],
    ],
    [
      "evidence",
      { action: "artifact.promote", class: "internal", purpose: "churn-modelling" },
      {
        ...{ pushedBy: "dee", toStage: "candidate" },
        evidence: [
          { kind: "tests-passed", by: "ci" },
          { kind: "dependencies-approved", by: "priya" },
        ],
      },
      [
        ["role:data-scientist"],
        ["gate:candidate", "tests-passed stated by ci"],
        ["gate:candidate", "dependencies-approved stated by priya"],
      ],
    ],
  ] as const)("says what %s allowed", async (_, what, governance, by) => {
    const why = { justification: "for the evaluation under DPA-114" };
    const request = {
      ...what,
      ...why,
      member: "bo",
      now: NOW,
      domain: "churn",
      kind: "model",
      mfaAgeMs: 0,
      governance,
    };
    const decision = await decide(governed, request);
    expect(decision.by.map(({ rule, text }) => (rule.startsWith("role:") ? [rule] : [rule, text]))).toEqual(by);
  });

  it("says who can still approve, why you cannot, and how to ask; and that nothing else is missing", async () => {
    const about = { domain: "churn", class: "internal", kind: "model", purpose: "churn-modelling", mfaAgeMs: 0 };
    const governance = { pushedBy: "bo", approvals: ["omar"], destination: "s3://partner-acme/in" };
    const why = { justification: "for the evaluation under DPA-114", reference: "risk:1.2" };
    const ask = { action: "artifact.export", member: "bo", now: NOW, ...about, ...why, governance } as const;
    expect((await decide(governed, ask)).refusals).toEqual([
      {
        rule: "export-needs-two",
        line: lineOf("  export-needs-two:", GOVERNED),
        enforcement: "advisory",
        why: "artifact.export of class internal needs 2 approvals, has 1 of 2: a security-officer is missing",
        who: "a security-officer: ana",
        next: "cloister request create export risk:1.2 --to s3://partner-acme/in --purpose churn-modelling --why 'for the evaluation under DPA-114'",
        missing: "approval",
      },
    ]);
    const inside = { ...governance, destination: "domain:marketing" };
    expect((await decide(governed, { ...ask, governance: inside })).enforcement).toBe("refused by every reader");
    const own = await decide(governed, { ...ask, governance: { ...governance, pushedBy: "ana" } });
    expect(own.refusals[0]?.who).toBe("nobody else holds such a role here (not ana, who pushed it)");
    const hostile = { ...governance, destination: "s3://partner-acme/$(id)" };
    expect((await decide(governed, { ...ask, governance: hostile })).refusals[0]?.next).toContain("--to DEST");
  });

  it("says which role and line allow", async () => {
    const facts = { domain: "churn", class: "internal", kind: "report", purpose: "churn-modelling" };
    const request = { action: "artifact.pull", member: "bo", now: NOW, ...facts } as const;
    const decision = await decide(sample, request);
    const text = "role data-scientist@churn may artifact.pull up to confidential";
    expect(decision.by).toEqual([{ rule: "role:data-scientist", line: lineOf("  data-scientist:\n"), text }]);
    expect(decision.enforcement).toBe("cryptographic + server");
    const withoutKms = { ...sample, policy: { ...sample.policy, aws: undefined } };
    expect((await decide(withoutKms, request)).enforcement).toBe("cryptographic");
  });

  it("refuses with the rule, its line, the reason and a command that works", async () => {
    const decision = await decide(sample, {
      action: "artifact.pull",
      member: "bo",
      now: NOW,
      domain: "churn",
      class: "confidential",
      kind: "dataset",
      purpose: "churn-modelling",
      reference: "churn/cohort:v3",
    });
    expect(decision.refusals).toEqual([
      {
        rule: "confidential-stays-in-workspaces",
        line: lineOf("  confidential-stays-in-workspaces:"),
        enforcement: "advisory",
        why: "Confidential data is used inside a workspace. (this is confidential)",
        who: "nobody while the rule stands; an owner (ana or omar) can change it",
        next: "cloister workspace create w1 --input churn/cohort:v3 --purpose churn-modelling",
      },
    ]);
  });

  it("says what each role lacks and who could", async () => {
    const facts = { domain: "churn", class: "restricted", kind: "model", purpose: "churn-modelling" };
    const decision = await decide(sample, { action: "artifact.pull", member: "dee", now: NOW, ...facts });
    expect(decision.refusals.map(({ rule, why, who, enforcement }) => ({ rule, why, who, enforcement }))).toEqual([
      {
        rule: "role:data-scientist",
        why: "role data-scientist reaches confidential at most, and this is restricted",
        who: "a data-owner: omar",
        enforcement: "cryptographic + server",
      },
      {
        rule: "role:reviewer",
        why: "role reviewer is held in marketing, and this is in churn; role reviewer reaches internal at most, and this is restricted",
        who: "a data-owner: omar",
        enforcement: "cryptographic + server",
      },
    ]);
  });

  it("says which key of the policy would have to name what a workspace asks for", async () => {
    const facts = { domain: "churn", purpose: "churn-modelling", ttlMs: 1000, openWorkspaces: 0 };
    const use = { network: ["pypi.acme.example:443", "evil.example:443"], mounts: ["/srv"] };
    const ask = { action: "workspace.create", member: "bo", now: NOW, ...facts } as const;
    const nextOf = async (asked: DecisionRequest["use"]) =>
      (await decide(sample, { ...ask, use: asked })).refusals[0]?.next;
    const file = "in roles.data-scientist.workspace of cloister.policy.yaml, then: cloister policy propose";
    const who = "an owner (ana or omar) can add";
    expect(await nextOf(use)).toBe(`${who} evil.example:443 to network and /srv to mounts ${file}`);
    expect(await nextOf({ ...use, cpus: 400 })).toBe(
      "an owner (ana or omar) can change cloister.policy.yaml, then: cloister policy propose",
    );
  });

  it.each([
    [undefined, "and there is none"],
    [7_200_000, "yours is 2 h old"],
    [-5000, "and yours is dated ahead"],
  ])("asks for a login with a second factor, where the last one is %s ms old", async (mfaAgeMs, end) => {
    const facts = { domain: "churn", class: "internal", purpose: "churn-modelling", mfaAgeMs };
    const decision = await decide(sample, { action: "creds.issue", member: "bo", now: NOW, ...facts });
    expect(decision.refusals).toMatchObject([
      {
        line: lineOf("  mfa-within:"),
        enforcement: "advisory",
        why: expect.stringMatching(`^creds.issue needs a login with a second factor within 15 min[,;] ${end}$`),
        next: "cloister login --mfa",
      },
    ]);
  });

  it("says how long credentials may live", async () => {
    const facts = { domain: "churn", class: "internal", purpose: "churn-modelling", mfaAgeMs: 0, ttlMs: 7_200_000 };
    const decision = await decide(sample, { action: "creds.issue", member: "bo", now: NOW, ...facts });
    expect(decision.refusals).toMatchObject([
      { why: "credentials of role data-scientist live at most 1 h, asked for 2 h", next: "add --ttl 1h, or less" },
    ]);
  });

  it("never puts what was typed into a command", async () => {
    const facts = { domain: "churn", class: "confidential", purpose: "$(rm -rf ~)", reference: "x; rm -rf ~" };
    const decision = await decide(sample, { action: "artifact.pull", member: "bo", now: NOW, ...facts });
    expect(decision.allow).toBe(false);
    for (const { next } of decision.refusals) expect(next).not.toContain("rm -rf");
  });
});

describe("mutation", () => {
  it("the table is green as it stands", () => {
    expect(red(cedar, sample)).toEqual([]);
  });

  it.each(Object.keys(sample.cedar.decide).filter((id) => !BUILT_IN.includes(id)))(
    "without %s a case turns red",
    (id) => {
      const mutant = without(sample, id);
      expect(CASES.some((each) => isRed(cedar, mutant, each))).toBe(true);
    },
  );

  it("the example's table is green as it stands", () => {
    expect(GOVERNED_CASES.filter((each) => isRed(cedar, governed, each))).toEqual([]);
  });

  it.each([...CONSENT.map(({ id }) => id), ...BUILT_IN])("of the example: without %s a case turns red", (id) => {
    const mutant = without(governed, id);
    expect(GOVERNED_CASES.some((each) => isRed(cedar, mutant, each))).toBe(true);
  });

  it("an answer stubbed to allow turns cases red", () => {
    const lenient: Evaluator = { ask: () => ({ allow: true, reasons: ["role:pipeline@churn:data"], errors: [] }) };
    expect(red(lenient, sample).length).toBeGreaterThan(20);
  });

  it("an answer stubbed to deny turns cases red", () => {
    const strict: Evaluator = { ask: () => ({ allow: false, reasons: [], errors: [] }) };
    expect(red(strict, sample).length).toBeGreaterThan(20);
  });
});

describe("fail closed", () => {
  const pull = CASES[0]?.request;
  if (!pull) throw new Error("no cases");

  it("an allow that rests on nothing is a refusal", () => {
    const empty: Evaluator = { ask: () => ({ allow: true, reasons: [], errors: [] }) };
    expect(decideWith(empty, sample, pull).allow).toBe(false);
  });

  it("a forbid that fails to evaluate is a refusal, though Cedar skips it", async () => {
    const failing = {
      effect: "forbid",
      principal: { op: "All" },
      action: { op: "All" },
      resource: { op: "All" },
      conditions: [{ kind: "when", body: { ".": { left: { Var: "context" }, attr: "missing" } } }],
    } as const;
    const broken = {
      ...sample,
      cedar: { ...sample.cedar, decide: { ...sample.cedar.decide, failing } },
    } as unknown as CompiledPolicy;
    const decision = await decide(broken, pull);
    expect(decision.allow).toBe(false);
    expect(decision.refusals.map((refusal) => refusal.rule)).toEqual(["builtin:decision"]);
    expect(decision.refusals[0]?.why).toContain("failing");
  });

  it("a policy that Cedar cannot parse refuses", async () => {
    const junk = { ...sample, cedar: { ...sample.cedar, decide: { junk: {} as never } } };
    expect((await decide(junk, pull)).allow).toBe(false);
  });

  it("a compiled policy with nothing in it refuses", async () => {
    expect((await decide({} as CompiledPolicy, pull)).allow).toBe(false);
  });
});
