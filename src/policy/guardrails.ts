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
  equal,
  ifHas,
  literal,
  principal,
  resource,
  textSet,
  within,
} from "./cedar-json.ts";
import type { Guardrail } from "./compiled.ts";
import { consentGuardrails } from "./consent-guardrails.ts";
import { governanceGuardrails } from "./governance-guardrails.ts";
import { builtInRule, type CompiledGuardrail, guardrail, ruleScope } from "./guardrail.ts";
import type { Policy, Rule } from "./schema.ts";

/** What stays possible after the last day: renewing the policy, and looking. Nothing else can be logged then. */
const AFTER_EXPIRY: readonly Action[] = ["policy.change", "artifact.read-metadata", "policy.read"];

/** All of them, built-in ones first. */
export function compileGuardrails(policy: Policy): readonly CompiledGuardrail[] {
  return [
    ...builtIn(policy),
    ...purposes(policy),
    ...always(policy),
    ...governanceGuardrails(policy),
    ...policy.rules.flatMap(ruleGuardrails),
  ];
}

function builtIn(policy: Policy): readonly CompiledGuardrail[] {
  const oldest = attribute(attribute(resource, "domain"), "epoch");
  const current = ifHas(context, "epoch", (value) => atLeast(value, oldest), false);
  const flows = ifHas(context, "label", (value) => within(value, attribute(resource, "class")), true);
  return [
    guardrail(
      builtInRule("builtin:suspended", undefined, { kind: "suspended" }),
      ACTIONS.filter((action) => action !== "policy.read"),
      { when: attribute(principal, "suspended") },
    ),
    guardrail(
      builtInRule("builtin:policy-expired", policy.expires.line, { kind: "expired" }),
      ACTIONS.filter((action) => !AFTER_EXPIRY.includes(action)),
      { when: atLeast(attribute(context, "now"), literal(policy.expires.endMs)) },
    ),
    guardrail(builtInRule("builtin:label-flow", undefined, { kind: "label-flow" }), ["artifact.push"], {
      unless: flows,
    }),
    guardrail(builtInRule("builtin:epoch", undefined, { kind: "epoch" }), ["artifact.push", "secret.write"], {
      unless: current,
    }),
  ];
}

function purposes(policy: Policy): readonly CompiledGuardrail[] {
  // Cedar's validator refuses an empty set literal, which has no type: without purposes, any is unknown.
  const none = policy.purposes.length === 0;
  const known = textSet(policy.purposes.map((each) => each.id));
  const declared = ifHas(context, "purpose", (value) => (none ? literal(false) : contains(known, value)), true);
  const unknown = builtInRule("builtin:purpose", undefined, { kind: "purpose-known" });
  const ended = policy.purposes.flatMap(({ id, until }) => {
    if (!until) return [];
    const about = builtInRule(`purpose:${id}`, until.line, { kind: "purpose-ended", purpose: id });
    const over = atLeast(attribute(context, "now"), literal(until.endMs));
    const meant = ifHas(context, "purpose", (value) => equal(value, literal(id)), false);
    return [guardrail(about, undefined, { when: all(meant, over) })];
  });
  return [guardrail(unknown, undefined, { unless: declared }), ...ended];
}

function always(policy: Policy): readonly CompiledGuardrail[] {
  const { line, actions } = policy.purposeFor;
  const needed = builtInRule("always:purpose-for", line, { kind: "purpose-needed" });
  const purposeFor =
    actions.length === 0
      ? []
      : [guardrail(needed, actions, { unless: ifHas(context, "purpose", () => literal(true), false) })];
  const justified = policy.justificationFor.map((each) => {
    const condition = { kind: "justification", charsMin: each.charsMin } as const;
    const about = builtInRule(`always:justification-for:${each.action}`, each.line, condition);
    const unless = atLeast(attribute(context, "justificationChars"), literal(each.charsMin));
    return guardrail(about, [each.action], { unless });
  });
  const authenticated = policy.mfaWithin.map(({ action, withinMs, line }) => {
    const about = builtInRule(`always:mfa-within:${action}`, line, { kind: "mfa", withinMs });
    const recent = ifHas(
      context,
      "mfaAgeMs",
      (age) => all(atLeast(age, literal(0)), atMost(age, literal(withinMs))),
      false,
    );
    return guardrail(about, [action], { unless: recent });
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
  const consent = consentGuardrails(rule);
  if (!rule.provenance) return [...fields, ...consent];
  const unless = equal(attribute(context, "provenance"), literal(rule.provenance));
  return [...fields, guardrail(about(":provenance", { kind: "provenance" }), rule.on, { when, unless }), ...consent];
}
