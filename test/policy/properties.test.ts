// What holds for every question to the sample policy, checked against a second, naive reading of its roles.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACTIONS, isRoleAction, KINDS, scopeOf, withImplied } from "../../src/policy/actions.ts";
import { loadCedar } from "../../src/policy/cedar.ts";
import { type DecisionRequest, decideWith } from "../../src/policy/decide.ts";
import { memberOf } from "../../src/policy/schema.ts";
import { compiled, NOW } from "./sample.ts";

const sample = compiled();
const { policy } = sample;
const cedar = await loadCedar();
const rank = (name: string | undefined): number => policy.classifications.indexOf(name ?? "");

const request: fc.Arbitrary<DecisionRequest> = fc.record(
  {
    action: fc.constantFrom(...ACTIONS),
    member: fc.constantFrom(...policy.members.map(({ id }) => id)),
    now: fc.constantFrom(NOW, Date.parse("2027-06-01T00:00:00Z")),
    domain: fc.constantFrom("churn", "marketing"),
    class: fc.constantFrom(...policy.classifications),
    kind: fc.constantFrom(...KINDS),
    purpose: fc.oneof(fc.constantFrom(...policy.purposes.map(({ id }) => id)), fc.string()),
    justification: fc.oneof(fc.string(), fc.constant("long enough for every action")),
    ttlMs: fc.nat(40_000_000),
    openWorkspaces: fc.nat(4),
    diskBytes: fc.nat(60_000_000_000),
    fields: fc.subarray(["owner", "licence"]),
    provenance: fc.constantFrom("run", "none"),
    label: fc.record({ class: fc.constantFrom(...policy.classifications), from: fc.string() }),
    epoch: fc.integer({ min: 1, max: 3 }),
    mfaAgeMs: fc.constantFrom(0, 1_000_000),
    ownWorkspace: fc.boolean(),
  },
  { requiredKeys: ["action", "member", "now"] },
);

function allows(asked: DecisionRequest): boolean {
  return decideWith(cedar, sample, asked).allow;
}

/** Whether one of the member's roles covers the action, the domain and the class. */
function covered({ action, member, domain, class: name }: DecisionRequest): boolean {
  if (!isRoleAction(action)) return true;
  return (memberOf(policy, member)?.roles ?? []).some((holding) => {
    const role = policy.roles.find(({ id }) => id === holding.role);
    if (!role || !(withImplied(role.can) as readonly string[]).includes(action)) return false;
    if (scopeOf(action) === "project") return true;
    return (holding.domain ?? domain) === domain && rank(name) <= rank(role.upTo);
  });
}

describe("every decision", () => {
  it("allows nothing that no role covers, nothing to the suspended, and nothing late or below its label", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const decision = decideWith(cedar, sample, asked);
        expect(decision.refusals.length === 0).toBe(decision.allow);
        if (!decision.allow) return;
        expect(covered(asked)).toBe(true);
        expect(memberOf(policy, asked.member)?.suspended === undefined || asked.action === "policy.read").toBe(true);
        if (asked.action !== "artifact.push") return;
        expect(asked.now).toBe(NOW);
        expect(rank(asked.class)).toBeGreaterThanOrEqual(rank(asked.label?.class));
        expect(asked.epoch).toBeGreaterThanOrEqual(asked.domain === "churn" ? 2 : 1);
      }),
      { numRuns: 400 },
    );
  });

  it("stays allowed for reading something less sensitive", () => {
    const reading = request.map((asked) => ({ ...asked, action: "artifact.pull" as const }));
    fc.assert(
      fc.property(reading, (asked) => {
        const lower = policy.classifications[rank(asked.class) - 1];
        if (lower !== undefined && allows(asked)) expect(allows({ ...asked, class: lower })).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
