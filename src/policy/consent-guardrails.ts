// What a rule requires of other people, as `forbid`s: their approval, a grant, their statements, where it goes.
import { any, attribute, contains, context, either, fits, ifHas, literal } from "./cedar-json.ts";
import type { Guardrail } from "./compiled.ts";
import { type CompiledGuardrail, guardrail, ruleScope } from "./guardrail.ts";
import type { Rule } from "./schema.ts";

export function consentGuardrails(rule: Rule): readonly CompiledGuardrail[] {
  const when = ruleScope(rule);
  const about = (suffix: string, condition: Guardrail["condition"]): Guardrail => ({
    ...{ id: `rule:${rule.id}:${suffix}`, rule: rule.id, line: rule.line, condition },
  });
  const made: CompiledGuardrail[] = [];
  if (rule.approvals) {
    const approvals = about("approvals", { kind: "approvals", needs: rule.approvals.needs });
    made.push(guardrail(approvals, rule.on, { when, unless: isMet(approvals) }));
  }
  if (rule.grant) {
    const { needs } = rule.grant.approvals;
    const keys = rule.release !== undefined;
    const grant = about("grant", { kind: "grant", needs, maxMs: rule.grant.maxMs, keys });
    // Break-glass stands for the grant, and for nothing else that a rule requires.
    const unless = either(isMet(grant), attribute(context, "breakGlass"));
    made.push(guardrail(grant, rule.on, { when, unless }));
  }
  for (const evidence of rule.evidence) {
    made.push(
      guardrail(about(evidence, { kind: "evidence", evidence }), rule.on, { when, unless: isStated(evidence) }),
    );
  }
  if (rule.destinations) {
    const patterns = rule.destinations;
    const allowed = ifHas(context, "destination", (to) => any(...patterns.map((pattern) => fits(to, pattern))), false);
    made.push(guardrail(about("destination", { kind: "destination", patterns }), rule.on, { when, unless: allowed }));
  }
  return made;
}

/** Whether requirements.ts found enough people for it. */
export function isMet({ id }: Guardrail) {
  return contains(attribute(context, "met"), literal(id));
}

/** Whether somebody who may state it did. */
export function isStated(evidence: string) {
  return contains(attribute(context, "evidence"), literal(evidence));
}
