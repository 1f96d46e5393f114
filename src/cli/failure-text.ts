// Failures and refusals drawn for a person.
import { Chalk, type ChalkInstance } from "chalk";
import type { Refusal } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";
import type { Failure } from "./failure.ts";

/** The lines for standard error. Every refusal gets its own block, so that nobody fixes one to meet the next. */
export function failureText(failure: Failure, color: boolean): string {
  const paint = new Chalk({ level: color ? 1 : 0 });
  const { code, message, why, next, refusals = [], policyVersion, logEntry } = failure;
  const prefix = code === "POLICY_DENIED" && !message.startsWith("denied") ? "denied: " : "";
  const lines = [`${paint.red("✗")} ${paint.bold(printable(prefix + message))}  ${paint.red(`[${code}]`)}`];
  for (const refusal of refusals) lines.push(...refusalLines(refusal, policyVersion, paint));
  if (why && !refusals.some((refusal) => refusal.why === why)) lines.push(row("why", why, paint));
  if (next && !refusals.some((refusal) => refusal.next === next)) lines.push(row("next", next, paint));
  if (logEntry !== undefined) lines.push(row("log", `#${String(logEntry)}`, paint));
  return `${lines.join("\n")}\n`;
}

/** One unmet condition: rule, why, who, next. */
export function refusalLines(
  refusal: Refusal,
  policyVersion: number | undefined,
  paint: ChalkInstance,
): readonly string[] {
  const place = [
    policyVersion === undefined ? undefined : `policy v${String(policyVersion)}`,
    refusal.line === undefined ? undefined : `line ${String(refusal.line)}`,
  ].filter((part) => part !== undefined);
  const rule = [refusal.rule, place.join(", "), `(${refusal.enforcement})`].filter((part) => part !== "").join("   ");
  const lines = [row("rule", rule, paint), row("why", refusal.why, paint)];
  if (refusal.who) lines.push(row("who", refusal.who, paint));
  if (refusal.next) lines.push(row("next", refusal.next, paint));
  return lines;
}

function row(label: string, text: string, paint: ChalkInstance): string {
  return `  ${paint.dim(label.padEnd(4))}   ${printable(text)}`;
}
