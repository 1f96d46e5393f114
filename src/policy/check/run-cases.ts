// Runs cases as one would run any tests: each is asked, and its answer is compared with what it expects.
import type { Evaluator } from "../cedar.ts";
import type { CompiledPolicy } from "../compiled.ts";
import { type Decision, decideWith } from "../decide.ts";
import type { PolicyCase } from "./case.ts";

export interface CaseResult {
  readonly case: PolicyCase;
  readonly passed: boolean;
  readonly decision: Decision;
}

/** @param now time of cases that name none, ms since 1970 */
export function runCase(evaluator: Evaluator, compiled: CompiledPolicy, each: PolicyCase, now: number): CaseResult {
  const decision = decideWith(evaluator, compiled, { ...each.request, now: each.request.now ?? now });
  const passed =
    decision.allow === (each.expect === "allow") &&
    (each.rule === undefined || decidedBy(decision).includes(each.rule));
  return { case: each, passed, decision };
}

/** Rules that decided: those that permit, or those that refuse. */
export function decidedBy({ allow, by, refusals }: Decision): readonly string[] {
  return [...new Set((allow ? by : refusals).map(({ rule }) => rule))];
}
