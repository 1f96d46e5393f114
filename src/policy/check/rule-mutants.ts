// A rule without one of its actions, or without one of the things it requires.
import type { Policy, Rule } from "../schema.ts";
import { fewerApprovals, swapped } from "./fewer.ts";
import type { Mutant } from "./mutants.ts";

/** A change to a rule, and what it takes out. */
interface Removal {
  readonly what: string;
  readonly line?: number;
  readonly changed: Partial<Rule>;
}

export function ruleMutants(policy: Policy, rule: Rule): readonly Mutant[] {
  const path = `rules.${rule.id}`;
  const required = rule.refuse === undefined ? requirements(rule) : [];
  // Where there is only one thing to take out, the rule has no other purpose.
  const whole: Mutant = {
    ...{ what: path, line: rule.line, actions: rule.on, rules: [rule.id] },
    policy: { ...policy, rules: policy.rules.filter((each) => each !== rule) },
  };
  const parts = required.length > 1 ? required : [];
  const mutants = parts.map(
    ({ what, line, changed }): Mutant => ({
      ...{ what: `${path}.require.${what}`, line: line ?? rule.line, actions: rule.on, rules: [rule.id] },
      policy: { ...policy, rules: swapped(policy.rules, rule, { ...rule, ...changed }) },
    }),
  );
  const actions = rule.on.length < 2 ? [] : rule.on;
  const narrowed = actions.map((action): Mutant => {
    const on = rule.on.filter((each) => each !== action);
    const rules = swapped(policy.rules, rule, { ...rule, on });
    const about = { what: `${path}.on: ${action}`, line: rule.line, actions: [action], rules: [rule.id] };
    return { ...about, policy: { ...policy, rules } };
  });
  return [...(mutants.length === 0 ? [whole] : mutants), ...narrowed];
}

function requirements(rule: Rule): readonly Removal[] {
  const { approvals, grant, evidence, fields } = rule;
  const granted = grant ? fewerApprovals(grant.approvals) : [];
  return [
    ...(approvals ? fewerApprovals(approvals) : []).map(({ role, rest }) => ({
      ...{ what: `approvals: ${role}`, line: approvals?.line ?? rule.line, changed: { approvals: rest } },
    })),
    ...granted.map(({ role, rest }): Removal => {
      const changed = { grant: grant && rest && { ...grant, approvals: rest } };
      return { what: `grant.approvals: ${role}`, line: grant?.line ?? rule.line, changed };
    }),
    ...evidence.map((kind) => ({
      what: `evidence: ${kind}`,
      changed: { evidence: evidence.filter((each) => each !== kind) },
    })),
    ...fields.map((field) => ({
      what: `fields: ${field}`,
      changed: { fields: fields.filter((each) => each !== field) },
    })),
    ...(rule.provenance ? [{ what: "provenance", changed: { provenance: undefined } }] : []),
    ...(rule.destinations ? [{ what: "destination", changed: { destinations: undefined } }] : []),
  ];
}
