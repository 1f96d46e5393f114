// Which removals from a policy do its cases notice?
import type { Evaluator } from "../cedar.ts";
import { compilePolicy } from "../compile.ts";
import type { Policy } from "../schema.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { type CaseResult, decidedBy, runCase } from "./run-cases.ts";
import { type StandIns, withStandIns } from "./stand-ins.ts";

/** What no case noticed. */
export interface Mutation {
  /** Removals that were tried. */
  readonly tried: number;
  readonly survivors: readonly Pick<Mutant, "what" | "line">[];
}

/**
 * Takes everything out of the policy in turn and runs the cases until one fails.
 *
 * @param results of the cases with the whole policy, all of them passed
 * @param now time of cases that name none, ms since 1970
 */
export function mutate(
  evaluator: Evaluator,
  policy: Policy,
  standIns: StandIns,
  results: readonly CaseResult[],
  now: number,
): Mutation {
  const decided = results.map((result) => ({ case: result.case, rules: decidedBy(result.decision) }));
  const mutants = mutantsOf(policy);
  const survivors = mutants.filter(({ actions, rules, policy: mutant }) => {
    const compiled = compilePolicy(withStandIns(mutant, standIns), "");
    return decided
      .filter(({ case: { request } }) => actions?.includes(request.action) ?? true)
      .filter((each) => rules?.some((rule) => each.rules.includes(rule)) ?? true)
      .every((each) => runCase(evaluator, compiled, each.case, now).passed);
  });
  return { tried: mutants.length, survivors: survivors.map(({ what, line }) => ({ what, line })) };
}
