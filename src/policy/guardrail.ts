// One `forbid` with what its refusal has to say, and which requests a rule is about.
import {
  all,
  attribute,
  contains,
  type Expr,
  either,
  entityLiteral,
  equal,
  ifHas,
  type PolicyJson,
  resource,
  statement,
  textSet,
  within,
} from "./cedar-json.ts";
import type { Guardrail } from "./compiled.ts";
import type { Rule } from "./schema.ts";

export type CompiledGuardrail = Guardrail & { readonly json: PolicyJson };

/** @param actions all of them where there is no list */
export function guardrail(
  about: Guardrail,
  actions: readonly string[] | undefined,
  conditions: { readonly when?: Expr | undefined; readonly unless?: Expr | undefined },
): CompiledGuardrail {
  const source = about.line === undefined ? {} : { source: `cloister.policy.yaml:${String(about.line)}` };
  const reason = about.condition.kind === "refuse" ? { reason: about.condition.text } : {};
  return { ...about, json: statement("forbid", actions, conditions, { id: about.rule, ...reason, ...source }) };
}

/** One that comes with every policy. Its id is the rule's. */
export function builtInRule(id: string, line: number | undefined, condition: Guardrail["condition"]): Guardrail {
  return { id, rule: id, line, condition };
}

/**
 * Which requests a rule is about. A kind that is not known counts as every kind: a rule must not be escaped by saying
 * less. A class that is not known does not: artifacts always have one, and what has none holds no data.
 */
export function ruleScope(rule: Rule): Expr | undefined {
  const parts: Expr[] = [];
  if (rule.from !== undefined) {
    const from = entityLiteral("Class", rule.from);
    parts.push(ifHas(resource, "class", (value) => within(from, value), false));
  }
  if (rule.kinds) {
    const kinds = textSet(rule.kinds);
    parts.push(ifHas(resource, "kind", (value) => contains(kinds, value), true));
  }
  if (rule.domains) {
    const [first, ...others] = rule.domains.map((domain) =>
      equal(attribute(resource, "domain"), entityLiteral("Domain", domain)),
    );
    if (first) parts.push(others.reduce(either, first));
  }
  return parts.length === 0 ? undefined : all(...parts);
}
