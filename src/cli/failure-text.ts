// Failures and refusals drawn for a person.
import { Chalk, type ChalkInstance } from "chalk";
import type { Refusal } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";
import type { Failure } from "./failure.ts";
import { wrap } from "./wrap.ts";

/**
 * The lines for standard error, broken at `columns`. Every refusal gets its own block, so that nobody fixes one to meet
 * the next.
 */
export function failureText(failure: Failure, color: boolean, columns: number): string {
  const paint = new Chalk({ level: color ? 1 : 0 });
  const { code, message, why, next, kept, refusals = [], policyVersion, logEntry } = failure;
  const prefix = code === "POLICY_DENIED" && !message.startsWith("denied") ? "denied: " : (PREFIXES[code] ?? "");
  const title = `${paint.bold(printable(prefix + message))}  ${paint.red(`[${code}]`)}`;
  const lines = [`${paint.red("✗")} ${wrap(title, columns - 2).join("\n  ")}`];
  const row = rowOf(paint, columns);
  for (const refusal of refusals) lines.push(...refusalLines(refusal, policyVersion, paint, columns));
  if (why && !refusals.some((refusal) => refusal.why === why)) lines.push(row("why", why));
  if (kept) lines.push(row("kept", kept));
  if (next && !refusals.some((refusal) => refusal.next === next)) lines.push(row("next", next));
  if (logEntry !== undefined) lines.push(row("log", `#${String(logEntry)}`));
  return `${lines.join("\n")}\n`;
}

const PREFIXES: Partial<Record<Failure["code"], string>> = { APPROVAL_PENDING: "not yet approved: " };

/** One unmet condition: rule, why, who, next. */
export function refusalLines(
  refusal: Refusal,
  policyVersion: number | undefined,
  paint: ChalkInstance,
  columns: number,
): readonly string[] {
  const row = rowOf(paint, columns);
  const place = [
    policyVersion === undefined ? undefined : `policy v${String(policyVersion)}`,
    refusal.line === undefined ? undefined : `line ${String(refusal.line)}`,
  ].filter((part) => part !== undefined);
  const rule = [refusal.rule, place.join(", "), `(${refusal.enforcement})`].filter((part) => part !== "").join("   ");
  const lines = [row("rule", rule), row("why", refusal.why)];
  if (refusal.who) lines.push(row("who", refusal.who));
  if (refusal.next) lines.push(row("next", refusal.next));
  return lines;
}

const LABEL_COLUMNS = 9;

/** Draws a label and what stands beside it: one line a problem, and a command in one piece, to be copied. */
function rowOf(paint: ChalkInstance, columns: number): (label: string, text: string) => string {
  return (label, text) => {
    const width = columns - LABEL_COLUMNS;
    const lines = text.split("\n").flatMap((line) => {
      const safe = printable(line);
      return label !== "why" && safe.startsWith("cloister ") ? [safe] : wrap(safe, width);
    });
    return `  ${paint.dim(label.padEnd(4))}   ${lines.join(`\n${" ".repeat(LABEL_COLUMNS)}`)}`;
  };
}
