// Everything that refuses whatever the roles say, as Cedar `forbid` policies: one for each condition, so that one
// answer names all that are unmet.
import type { Action } from "./actions.ts";
import { ACTIONS } from "./actions.ts";
import {
  all,
  atLeast,
  atMost,
  attribute,
  contains,
  context,
  type Expr,
  either,
  entityLiteral,
  equal,
  ifHas,
  literal,
  type PolicyJson,
  principal,
  resource,
  statement,
  textSet,
  within,
} from "./cedar-json.ts";
import type { Guardrail } from "./compiled.ts";
import type { Policy, Rule } from "./schema.ts";

type CompiledGuardrail = Guardrail & { readonly json: PolicyJson };

/** What stays possible after the last day: renewing the policy, and looking. Nothing else can be logged then. */
const AFTER_EXPIRY: readonly Action[] = ["policy.change", "artifact.read-metadata", "policy.read"];

/** All of them, built-in ones first. */
export function compileGuardrails(policy: Policy): readonly CompiledGuardrail[] {
  return [...builtIn(policy), ...purposes(policy), ...always(policy), ...policy.rules.flatMap(ruleGuardrails)];
}

function guardrail(
  about: Guardrail,
  actions: readonly string[] | undefined,
  conditions: { readonly when?: Expr | undefined; readonly unless?: Expr | undefined },
): CompiledGuardrail {
  const source = about.line === undefined ? {} : { source: `cloister.policy.yaml:${String(about.line)}` };
  const reason = about.condition.kind === "refuse" ? { reason: about.condition.text } : {};
  return { ...about, json: statement("forbid", actions, conditions, { id: about.rule, ...reason, ...source }) };
}

function builtIn(policy: Policy): readonly CompiledGuardrail[] {
  const rule = (id: string, line: number | undefined, condition: Guardrail["condition"]): Guardrail => ({
    id,
    rule: id,
    line,
    condition,
  });
  const oldest = attribute(attribute(resource, "domain"), "epoch");
  const current = ifHas(context, "epoch", (value) => atLeast(value, oldest), false);
  const flows = ifHas(context, "label", (value) => within(value, attribute(resource, "class")), true);
  return [
    guardrail(
      rule("builtin:suspended", undefined, { kind: "suspended" }),
      ACTIONS.filter((action) => action !== "policy.read"),
      { when: attribute(principal, "suspended") },
    ),
    guardrail(
      rule("builtin:policy-expired", policy.expires.line, { kind: "expired" }),
      ACTIONS.filter((action) => !AFTER_EXPIRY.includes(action)),
      { when: atLeast(attribute(context, "now"), literal(policy.expires.endMs)) },
    ),
    guardrail(rule("builtin:label-flow", undefined, { kind: "label-flow" }), ["artifact.push"], { unless: flows }),
    guardrail(rule("builtin:epoch", undefined, { kind: "epoch" }), ["artifact.push", "secret.write"], {
      unless: current,
    }),
  ];
}

function purposes(policy: Policy): readonly CompiledGuardrail[] {
  // Cedar's validator refuses an empty set literal, which has no type: without purposes, any is unknown.
  const none = policy.purposes.length === 0;
  const known = textSet(policy.purposes.map((each) => each.id));
  const declared = ifHas(context, "purpose", (value) => (none ? literal(false) : contains(known, value)), true);
  const unknown: Guardrail = {
    id: "builtin:purpose",
    rule: "builtin:purpose",
    line: undefined,
    condition: { kind: "purpose-known" },
  };
  const ended = policy.purposes.flatMap(({ id, until }) => {
    if (!until) return [];
    const about: Guardrail = {
      id: `purpose:${id}`,
      rule: `purpose:${id}`,
      line: until.line,
      condition: { kind: "purpose-ended", purpose: id },
    };
    const over = atLeast(attribute(context, "now"), literal(until.endMs));
    const meant = ifHas(context, "purpose", (value) => equal(value, literal(id)), false);
    return [guardrail(about, undefined, { when: all(meant, over) })];
  });
  return [guardrail(unknown, undefined, { unless: declared }), ...ended];
}

function always(policy: Policy): readonly CompiledGuardrail[] {
  const { line, actions } = policy.purposeFor;
  const needed: Guardrail = {
    id: "always:purpose-for",
    rule: "always:purpose-for",
    line,
    condition: { kind: "purpose-needed" },
  };
  const purposeFor =
    actions.length === 0
      ? []
      : [guardrail(needed, actions, { unless: ifHas(context, "purpose", () => literal(true), false) })];
  const justified = policy.justificationFor.map((each) => {
    const id = `always:justification-for:${each.action}`;
    const condition = { kind: "justification", charsMin: each.charsMin } as const;
    const unless = atLeast(attribute(context, "justificationChars"), literal(each.charsMin));
    return guardrail({ id, rule: id, line: each.line, condition }, [each.action], { unless });
  });
  const authenticated = policy.mfaWithin.map(({ action, withinMs, line }) => {
    const id = `always:mfa-within:${action}`;
    const recent = ifHas(
      context,
      "mfaAgeMs",
      (age) => all(atLeast(age, literal(0)), atMost(age, literal(withinMs))),
      false,
    );
    return guardrail({ id, rule: id, line, condition: { kind: "mfa", withinMs } }, [action], { unless: recent });
  });
  return [...purposeFor, ...justified, ...authenticated];
}

function ruleGuardrails(rule: Rule): readonly CompiledGuardrail[] {
  const when = ruleScope(rule);
  const about = (suffix: string, condition: Guardrail["condition"]): Guardrail => ({
    id: `rule:${rule.id}${suffix}`,
    rule: rule.id,
    line: rule.line,
    condition,
  });
  if (rule.refuse !== undefined) {
    return [guardrail(about("", { kind: "refuse", text: rule.refuse }), rule.on, { when })];
  }
  const fields = rule.fields.map((field) =>
    guardrail(about(`:${field}`, { kind: "field", field }), rule.on, {
      when,
      unless: contains(attribute(context, "fields"), literal(field)),
    }),
  );
  if (!rule.provenance) return fields;
  const unless = equal(attribute(context, "provenance"), literal(rule.provenance));
  return [...fields, guardrail(about(":provenance", { kind: "provenance" }), rule.on, { when, unless })];
}

/**
 * Which requests a rule is about. A kind that is not known counts as every kind: a rule must not be escaped by saying
 * less. A class that is not known does not: artifacts always have one, and what has none holds no data.
 */
function ruleScope(rule: Rule): Expr | undefined {
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
