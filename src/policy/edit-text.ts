// Edits of the policy file as text: where things stand in it, and that an edit means what it was to mean.
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { CloisterError } from "../base/errors.ts";
import { readPolicy } from "./read.ts";
import type { Policy } from "./schema.ts";
import { withoutLines } from "./without-lines.ts";

/** A piece of text in the place of another. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Edits from the end on, so that earlier offsets stay true. */
export function applied(text: string, edits: readonly Edit[]): string {
  const backwards = [...edits].sort((a, b) => b.from - a.from);
  return backwards.reduce((result, edit) => result.slice(0, edit.from) + edit.text + result.slice(edit.to), text);
}

export function rootOf(text: string): YAMLMap {
  const { contents } = parseDocument(text, { version: "1.2", schema: "core" });
  if (!isMap(contents) || contents.flow) throw layoutError();
  return contents;
}

export function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Where a node's own text starts and ends. */
export function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = node !== null && typeof node === "object" && "range" in node ? node.range : undefined;
  return Array.isArray(range) ? [Number(range[0]), Number(range[1])] : undefined;
}

export function endOfLine(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  if (feed < 0) return text.length;
  return text[feed - 1] === "\r" ? feed - 1 : feed;
}

export function newline(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** Everything the policy says apart from its number and the places where it says it. */
export function meaning(policy: Policy): string {
  return withoutLines({ ...policy, version: 0, previous: "" });
}

export function policyIn(text: string, what: string): Policy {
  // Only warnings depend on the time, and nobody sees them here.
  const { policy, problems } = readPolicy(Buffer.from(text, "utf8"), { now: 0 });
  if (policy) return policy;
  const problem = problems.find(({ severity }) => severity === "error");
  const place = problem ? `line ${String(problem.line)}: ${problem.message}` : "";
  const hint = problem?.hint === undefined ? "" : ` (${problem.hint})`;
  throw new CloisterError("USAGE", what, { why: `${place}${hint}`, next: "cloister policy check" });
}

export function layoutError(): CloisterError {
  return new CloisterError("USAGE", "the policy file cannot be edited automatically", {
    why: "its layout is unusual",
    next: "edit cloister.policy.yaml by hand, then: cloister policy propose",
  });
}
