// Test files of policies: what is read, what is refused, and what running them finds.
import { describe, expect, it } from "vitest";
import { loadCedar } from "../../src/policy/cedar.ts";
import { type ChangeLine, linesOf } from "../../src/policy/check/difference-lines.ts";
import { comparePolicies } from "../../src/policy/check/differences.ts";
import { plainChanges } from "../../src/policy/check/plain-changes.ts";
import { readCases } from "../../src/policy/check/read-cases.ts";
import { runCase } from "../../src/policy/check/run-cases.ts";
import { withStandIns } from "../../src/policy/check/stand-ins.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { readPolicy } from "../../src/policy/read.ts";
import type { Policy } from "../../src/policy/schema.ts";
import { EXAMPLE } from "./example.ts";

const cedar = await loadCedar(true);

function policyOf(text: string): Policy {
  const { policy, problems } = readPolicy(Buffer.from(text), { now: 0 });
  if (!policy) throw new Error(JSON.stringify(problems));
  return policy;
}

const example = policyOf(EXAMPLE);

function edited(...edits: readonly (readonly [string | RegExp, string])[]): Policy {
  const text = edits.reduce((before, [from, to]) => {
    const after = before.replace(from, to);
    if (after === before) throw new Error(`nothing to edit: ${String(from)}`);
    return after;
  }, EXAMPLE);
  return policyOf(text);
}

const file = (...cases: readonly string[]) =>
  `cloister-test: 1\ncases:\n${cases.map((each) => `  - ${each}\n`).join("")}`;
const PULL = "action: artifact.pull, domain: churn, class: internal, kind: model, purpose: churn-modelling";

describe("a test file", () => {
  it("asks as a member or as somebody with a role, with defaults that a case can leave out", () => {
    const text = `cloister-test: 1
defaults: { as: bo, at: 2026-12-01, purpose: churn-modelling, domain: churn, class: internal, kind: model }
cases:
  - { name: a member, action: artifact.pull, expect: allow, rule: role:data-scientist }
  - { name: a role, role: reviewer, action: artifact.pull, expect: allow, rule: role:reviewer }
  - { name: a role elsewhere, role: reviewer@marketing, action: artifact.pull, expect: deny, rule: role:reviewer }
  - { name: no purpose, action: artifact.pull, purpose: null, expect: deny, rule: always:purpose-for }
  - { name: the wrong rule, action: artifact.pull, purpose: null, expect: deny, rule: role:data-scientist }
  - { name: the wrong answer, action: artifact.pull, expect: deny }
  - { name: another time, action: artifact.pull, at: 2027-04-01T00:00Z, expect: deny, rule: builtin:policy-expired }
`;
    const { file: read, problems } = readCases(Buffer.from(text), example);
    expect(problems).toEqual([]);
    const compiled = compilePolicy(withStandIns(example, read?.standIns ?? new Map()), "");
    const failed = (read?.cases ?? []).filter((each) => !runCase(cedar, compiled, each, 0).passed);
    expect(failed.map(({ name, line }) => ({ name, line }))).toEqual([
      { name: "the wrong rule", line: 8 },
      { name: "the wrong answer", line: 9 },
    ]);
  });

  it.each([
    [
      "an unknown member",
      file(`{ name: x, as: boo, ${PULL}, expect: allow }`),
      /3:.*unknown member "boo".*did you mean bo\?/,
    ],
    ["an unknown role", file(`{ name: x, role: reviewr, ${PULL}, expect: allow }`), /unknown role "reviewr".*reviewer/],
    [
      "a role in an unknown domain",
      file(`{ name: x, role: reviewer@sales, ${PULL}, expect: allow }`),
      /unknown domain "sales"/,
    ],
    ["nobody", file(`{ name: x, ${PULL}, expect: allow }`), /does not say who asks/],
    ["both", file(`{ name: x, as: bo, role: reviewer, ${PULL}, expect: allow }`), /not as both/],
    ["an unknown action", file("{ name: x, as: bo, action: artifact.pul, expect: allow }"), /artifact.pull/],
    [
      "an unknown class",
      file("{ name: x, as: bo, action: artifact.pull, class: secret, expect: deny }"),
      /unknown class/,
    ],
    ["an unknown key", file(`{ name: x, as: bo, ${PULL}, aproval: [ana], expect: allow }`), /unknown key "aproval"/],
    [
      "an unknown approver",
      file(`{ name: x, as: bo, ${PULL}, approvals: [eve], expect: allow }`),
      /unknown member "eve"/,
    ],
    [
      "unknown evidence",
      file(`{ name: x, as: bo, ${PULL}, evidence: { bias: priya }, expect: allow }`),
      /evidence "bias"/,
    ],
    ["no expectation", file(`{ name: x, as: bo, ${PULL} }`), /expects nothing/],
    ["another expectation", file(`{ name: x, as: bo, ${PULL}, expect: maybe }`), /unknown expect "maybe"/],
    ["no name", file(`{ as: bo, ${PULL}, expect: allow }`), /has no name/],
    ["a name twice", file(...[1, 2].map(() => `{ name: x, as: bo, ${PULL}, expect: allow }`)), /is there twice/],
    ["no day", file(`{ name: x, as: bo, ${PULL}, at: 2026-02-30, expect: allow }`), /a time in UTC/],
    ["no age", file(`{ name: x, as: bo, ${PULL}, mfa: soon, expect: allow }`), /mfa must look like/],
    ["no size", file(`{ name: x, as: bo, ${PULL}, pulled: -3GB, expect: allow }`), /pulled must look like/],
    ["no case", "cloister-test: 1\ncases: []\n", /there is no case/],
    ["no list", "cloister-test: 1\ncases: { x: y }\n", /must be a list/],
    ["a later format", "cloister-test: 2\ncases: []\n", /only files with cloister-test: 1/],
    ["an alias", "cloister-test: 1\ncases:\n  - &a { name: x }\n  - *a\n", /anchors|aliases/],
    ["a merge key", "cloister-test: 1\ncases:\n  - { <<: { as: bo }, name: x }\n", /merge keys/],
    ["__proto__", "cloister-test: 1\ncases:\n  - { __proto__: { as: bo }, name: x }\n", /__proto__/],
    ["deep nesting", `cloister-test: 1\ncases: ${"[".repeat(5000)}`, /nested too deeply/],
    ["too many parts", `cloister-test: 1\ncases: [${"a, ".repeat(200_000)}]`, /too many parts/],
    ["too many bytes", `# ${"x".repeat(1_100_000)}`, /larger than/],
    ["no UTF-8", Buffer.from([0xff, 0xfe, 0x00]), /UTF-8/],
    ["nothing", "", /empty/],
    ["control characters", file('{ name: "x\\u001b[31m", as: bo, action: audit.read, expect: deny }'), /control/],
  ])("is refused with %s", (_what, text, message) => {
    const { file: read, problems } = readCases(Buffer.from(text), example);
    expect(read).toBeUndefined();
    const errors = problems.filter(({ severity }) => severity === "error");
    const texts = errors.map(
      ({ line, column, message: said, hint }) => `${String(line)}:${String(column)}: ${said} ${hint ?? ""}`,
    );
    expect(texts.join("\n")).toMatch(message);
  });

  it("warns of a purpose that the policy does not name: it may be what the case is about", () => {
    const text = file(
      `{ name: x, as: bo, action: artifact.pull, domain: churn, class: internal, purpose: fun, expect: deny }`,
    );
    const { file: read, problems } = readCases(Buffer.from(text), example);
    expect(read?.cases.length).toBe(1);
    expect(problems).toMatchObject([{ severity: "warning", line: 3, message: expect.stringContaining("fun") }]);
  });
});

describe("the difference of two policies", () => {
  const texts = (lines: readonly ChangeLine[]) => lines.map(({ sign, text }) => `${sign} ${text}`);
  const asked = (before: Policy, after: Policy) => linesOf(comparePolicies(cedar, before, after));

  it("is nothing between a policy and the same in another layout", () => {
    const same = policyOf(EXAMPLE.replace(/ {2,}#.*$/gm, ""));
    expect([...asked(example, same), ...plainChanges(example, same)]).toEqual([]);
  });

  it("shows where anybody has to approve, and who may stand in for whom", () => {
    const people = ["ana", "bo"].map((id) => {
      const keys = new RegExp(`^  ${id}: .*(signs: "[^"]*".*reads: "[^"]*")`, "m").exec(EXAMPLE)?.[1] ?? "";
      return `${id}: { name: ${id}, roles: [${id === "ana" ? "steward" : "reviewer"}], ${keys} }`;
    });
    const small = (rules: string) =>
      policyOf(`cloister: 1
project: small
id: "${"0".repeat(32)}"
version: 1
expires: 2099-01-31
owners: { threshold: 1, members: [ana] }
classifications: [public, internal]
domains: { churn: { owner: ana, epoch: 1 } }
purposes: { modelling: {} }
members: { ${people.join(", ")} }
roles:
  steward: { can: [policy.change, artifact.export, artifact.declassify, request.create, request.approve], up-to: internal }
  reviewer: { can: [request.approve], up-to: internal }
rules:
  lower: { on: [artifact.declassify], require: { approvals: { steward: 1 } } }
${rules}`);
    const consent = (from: string, approvals: string) =>
      small(`  leave: { on: [artifact.export], from: ${from}, require: { approvals: { ${approvals} } } }`);
    expect(texts(asked(consent("public", "any: 1"), consent("internal", "any: 1")))).toEqual([
      "- artifact.export of public no longer needs an approval by anybody",
    ]);
    expect(texts(asked(small(""), consent("internal", "any: 1")))).toEqual([
      "+ artifact.export of internal now needs an approval by anybody",
    ]);
    expect(texts(asked(consent("internal", "steward: 1"), consent("internal", "any: 1")))).toEqual([
      "- artifact.export of internal no longer needs an approval by a steward",
    ]);
    expect(texts(asked(consent("internal", "any: 2"), consent("internal", "any: 1")))).toEqual([
      "- artifact.export of internal no longer needs 2 approvals by anybody",
    ]);
  });

  it("says which answers change, for which roles, classes and stages, and which way", () => {
    const after = edited(
      [/(request.approve, audit.read\]\n {4}up-to: )confidential/, "$1restricted"],
      [/(from: internal\n {4}require: \{ approvals: \{ data-owner: 1), security-officer: 1/, "$1"],
      ["bias-review, privacy-risk-signoff],", "privacy-risk-signoff],"],
      ["artifact.promote: 15m", "artifact.promote: 2h"],
      ["artifact.pull, artifact.export]", "artifact.pull, artifact.export, artifact.push]"],
    );
    const lines = asked(example, after);
    expect(texts(lines).sort()).toMatchInlineSnapshot(`
      [
        "+ artifact.push now needs a purpose",
        "+ reviewer may now artifact.attest and request.approve of restricted",
        "+ reviewer may now artifact.pull of restricted (model, code and report)",
        "- artifact.export and share.create of internal and confidential no longer need an approval by a security-officer",
        "- artifact.promote in stage candidate no longer needs bias-review",
        "- artifact.promote in stage candidate no longer needs bias-review by somebody else than its pusher",
        "- artifact.promote no longer needs a second factor within 15 min",
      ]
    `);
    const turned = asked(after, example);
    const other = { wider: "narrower", narrower: "wider", other: "other" } as const;
    expect(turned.map(({ direction }) => direction).sort()).toEqual(
      lines.map(({ direction }) => other[direction]).sort(),
    );
  });

  it("says what changes about people, keys, times and amounts", () => {
    const after = edited(
      ["threshold: 2", "threshold: 3"],
      ["owner: omar, epoch: 2", "owner: omar, epoch: 3"],
      ["expires: 2027-03-31", "expires: 2028-03-31"],
      [", suspended: left 2026-06-30", ""],
      ["roles: [reviewer], ", "roles: [reviewer, data-owner@churn], "],
      [/p256:A+5"/, `p256:${"A".repeat(43)}9"`],
      ["ttl: 8h", "ttl: 12h"],
      [", release: keys", ""],
      ["production: 3y", "production: 4y"],
    );
    expect(texts(plainChanges(example, after))).toMatchInlineSnapshot(`
      [
        "~ the policy ends: 2027-03-31 -> 2028-03-31",
        "~ signatures that a change needs: 2 -> 3",
        "~ domain churn: oldest key epoch 2 -> 3",
        "+ member priya: role data-owner@churn",
        "~ member bo: other keys: compare the fingerprints with them",
        "+ member zed: suspended no longer",
        "~ role data-scientist: workspaces live 8 h -> 12 h",
        "- key release: rule restricted-needs-grant",
        "~ retention changed",
      ]
    `);
    expect(plainChanges(after, example).length).toBe(plainChanges(example, after).length);
  });
});
