import { expect, test } from "vitest";
import { checkHalves, holdersOf, splitsOf } from "../../src/policy/key-halves.ts";
import { readPolicy } from "../../src/policy/read.ts";
import type { Policy } from "../../src/policy/schema.ts";
import { EXAMPLE } from "./example.ts";

function policyOf(edit: (text: string) => string = (text) => text): Policy {
  const { policy, problems } = readPolicy(Buffer.from(edit(EXAMPLE)), { now: Date.UTC(2026, 5, 1) });
  if (!policy) throw new Error(JSON.stringify(problems));
  return policy;
}

const example = policyOf();
const ids = (half: string, klass: string, domain = "churn", policy = example) =>
  holdersOf(policy, { domain, class: klass }, half).map(({ id }) => id);

test("keys are split where a rule releases them, and for break-glass wherever an officer reaches", () => {
  const names = (klass: string) => splitsOf(example, { domain: "churn", class: klass }).flatMap(({ halves }) => halves);
  expect(names("restricted")).toEqual(["half-data-owner", "half-security-officer", "glass-invoke", "glass-escrow"]);
  expect(names("internal")).toEqual(["glass-invoke", "glass-escrow"]);
});

test("a half is for those who may approve in its role, in that domain and class", () => {
  expect(ids("half-data-owner", "restricted")).toEqual(["omar"]);
  expect(ids("half-data-owner", "restricted", "marketing")).toEqual(["mei"]);
  expect(ids("half-security-officer", "restricted")).toEqual(["ana"]);
  expect(ids("half-reviewer", "restricted")).toEqual([]);
  expect(ids("glass-invoke", "internal")).toEqual(["ana"]);
  expect(ids("glass-escrow", "internal")).toEqual(["mei", "priya"]);
});

test("nobody who is suspended holds a half", () => {
  const suspend =
    (id: string) =>
    (policy: Policy): Policy => ({
      ...policy,
      members: policy.members.map((member) => (member.id === id ? { ...member, suspended: "left" } : member)),
    });
  expect(ids("half-data-owner", "restricted", "churn", suspend("omar")(example))).toEqual([]);
  expect(ids("glass-escrow", "internal", "churn", suspend("mei")(example))).toEqual(["priya"]);
  // With nobody to break the glass there is nothing to be split for it.
  expect(splitsOf(suspend("ana")(example), { domain: "churn", class: "internal" })).toEqual([]);
});

test("one person with both halves is refused, of release and of break-glass", () => {
  expect(() => checkHalves(example)).not.toThrow();
  const holding = (id: string, role: string): Policy => ({
    ...example,
    members: example.members.map((member) =>
      member.id === id ? { ...member, roles: [...member.roles, { role, domain: undefined }] } : member,
    ),
  });
  for (const policy of [holding("ana", "data-owner"), holding("priya", "security-officer")]) {
    expect(() => checkHalves(policy)).toThrow(expect.objectContaining({ code: "USAGE" }));
  }
});

test("rules that release the same keys by different roles are refused", () => {
  const [rule] = example.rules.filter(({ release }) => release === "keys");
  if (!rule?.grant) throw new Error("the example has lost its rule");
  const needs = [
    { role: "reviewer", count: 1 },
    { role: "security-officer", count: 1 },
  ];
  const other = { ...rule, id: "another", grant: { ...rule.grant, approvals: { ...rule.grant.approvals, needs } } };
  const policy = { ...example, rules: [...example.rules, other] };
  expect(() => splitsOf(policy, { domain: "churn", class: "restricted" })).toThrow(
    expect.objectContaining({ code: "POLICY_DENIED", why: expect.stringContaining("another") }),
  );
});
