// Cedar policies in their JSON form (docs.cedarpolicy.com/policies/json-format.html), built by small functions.
import type { Clause, Expr, PolicyJson } from "@cedar-policy/cedar-wasm/nodejs";

export type { Expr, PolicyJson };

export const NAMESPACE = "Cloister";

/** Entity types of the schema. */
export type EntityType = "Member" | "Role" | "Class" | "Domain" | "Artifact" | "Area" | "Project" | "Action";

/** `Cloister::Type::"id"` as JSON. */
export function entity(type: EntityType, id: string): { readonly type: string; readonly id: string } {
  return { type: `${NAMESPACE}::${type}`, id };
}

export const principal: Expr = { Var: "principal" };
export const resource: Expr = { Var: "resource" };
export const context: Expr = { Var: "context" };

/** A text, number or boolean. */
export function literal(value: string | number | boolean): Expr {
  return { Value: value };
}

export function entityLiteral(type: EntityType, id: string): Expr {
  return { Value: { __entity: entity(type, id) } };
}

/** A set of texts. */
export function textSet(values: readonly string[]): Expr {
  return { Set: values.map(literal) };
}

export function attribute(of: Expr, name: string): Expr {
  return { ".": { left: of, attr: name } };
}

function has(of: Expr, name: string): Expr {
  return { has: { left: of, attr: name } };
}

export function within(left: Expr, right: Expr): Expr {
  return { in: { left, right } };
}

export function contains(set: Expr, item: Expr): Expr {
  return { contains: { left: set, right: item } };
}

/** Whether a set holds every item of another. */
export function containsAll(set: Expr, items: Expr): Expr {
  return { containsAll: { left: set, right: items } };
}

export function negated(value: Expr): Expr {
  return { "!": { arg: value } };
}

/** Whether a text fits a pattern, in which a star stands for any text, also for none. */
export function fits(text: Expr, pattern: string): Expr {
  const parts = pattern.split("*").map((part) => ({ Literal: part }));
  const elements = parts.flatMap((part, at) => (at === 0 ? [part] : (["Wildcard", part] as const)));
  return { like: { left: text, pattern: elements.filter((each) => each === "Wildcard" || each.Literal !== "") } };
}

export function equal(left: Expr, right: Expr): Expr {
  return { "==": { left, right } };
}

export function atLeast(left: Expr, right: Expr): Expr {
  return { ">=": { left, right } };
}

export function atMost(left: Expr, right: Expr): Expr {
  return { "<=": { left, right } };
}

/** All of them; true for none. Cedar evaluates from the left and stops at the first false. */
export function all(...parts: readonly Expr[]): Expr {
  return parts.length === 0
    ? literal(true)
    : parts.slice(1).reduce((left, right) => ({ "&&": { left, right } }), parts[0] as Expr);
}

/** What holds where the attribute is there, else `absent`. Cedar's validator accepts only this form of the question. */
export function ifHas(of: Expr, name: string, present: (value: Expr) => Expr, absent: boolean): Expr {
  // biome-ignore lint/suspicious/noThenProperty: the name is Cedar's, and nothing awaits it
  return { "if-then-else": { if: has(of, name), then: present(attribute(of, name)), else: literal(absent) } };
}

/** One of the two; the second is not evaluated where the first is true. */
export function either(left: Expr, right: Expr): Expr {
  return { "||": { left, right } };
}

/** One of them; false for none. */
export function any(...parts: readonly Expr[]): Expr {
  return parts.length === 0 ? literal(false) : parts.slice(1).reduce(either, parts[0] as Expr);
}

/** One policy, for the given actions (all of them where there is no list). */
export function statement(
  effect: "permit" | "forbid",
  actions: readonly string[] | undefined,
  conditions: { readonly when?: Expr | undefined; readonly unless?: Expr | undefined },
  annotations: Readonly<Record<string, string>>,
): PolicyJson {
  const clauses: Clause[] = [];
  if (conditions.when) clauses.push({ kind: "when", body: conditions.when });
  if (conditions.unless) clauses.push({ kind: "unless", body: conditions.unless });
  const scope: PolicyJson["action"] = actions
    ? { op: "in", entities: actions.map((action) => entity("Action", action)) }
    : { op: "All" };
  return {
    effect,
    principal: { op: "All" },
    action: scope,
    resource: { op: "All" },
    conditions: clauses,
    annotations,
  };
}
