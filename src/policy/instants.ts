// How a policy depends on the time: compiled policies only ask whether it is at least some instant.
import type { Json } from "../base/json.ts";
import type { CompiledPolicy } from "./compiled.ts";

/**
 * A time that nothing in the set can tell from `now`: the latest instant at or before it that the set compares with, or 0.
 *
 * @param now ms since 1970, whole
 * @returns undefined where the set uses the time, or the context as a whole, in any other way
 */
export function sameTime(set: CompiledPolicy["cedar"]["decide"], now: number): number | undefined {
  const instants = [0];
  if (!onlyCompares(set as unknown as Json, instants)) return undefined;
  return instants.reduce((latest, instant) => (instant <= now && instant > latest ? instant : latest));
}

/** Whether every use of the time is `context.now >= <number>`; adds these numbers to `instants`. */
function onlyCompares(json: Json | undefined, instants: number[]): boolean {
  if (json === null || typeof json !== "object") return true;
  if (Array.isArray(json)) return json.every((item: Json) => onlyCompares(item, instants));
  const node = json as { readonly [key: string]: Json | undefined };
  const instant = comparedWith(node[">="]);
  if (instant !== undefined) {
    instants.push(instant);
    return true;
  }
  if (isContext(node)) return false;
  for (const operator in node) {
    const value = node[operator];
    const fits = isAttributeOfContext(operator, value)
      ? member(value, "attr") !== "now"
      : onlyCompares(value, instants);
    if (!fits) return false;
  }
  return true;
}

/** The number in `context.now >= <number>`. */
function comparedWith(operands: Json | undefined): number | undefined {
  const left = member(operands, "left");
  if (!isContext(member(member(left, "."), "left")) || member(member(left, "."), "attr") !== "now") return undefined;
  const value = member(member(operands, "right"), "Value");
  return typeof value === "number" ? value : undefined;
}

/** `context.x` and `context has x`. */
function isAttributeOfContext(operator: string, value: Json | undefined): boolean {
  return (operator === "." || operator === "has") && isContext(member(value, "left"));
}

function isContext(json: Json | undefined): boolean {
  return member(json, "Var") === "context";
}

function member(json: Json | undefined, name: string): Json | undefined {
  if (json === null || typeof json !== "object" || Array.isArray(json)) return undefined;
  return (json as { readonly [key: string]: Json | undefined })[name];
}
