// Which removals from a policy do its cases notice?
import type { Evaluator } from "../cedar.ts";
import { compilePolicy } from "../compile.ts";
import type { Policy } from "../schema.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";
import type { CaseFile } from "./read-cases.ts";
import { runCase } from "./run-cases.ts";
import { withStandIns } from "./stand-ins.ts";

/** What no case noticed. */
export interface Mutation {
  /** Removals that were tried. */
  readonly tried: number;
  readonly survivors: readonly Pick<Mutant, "what" | "line">[];
}

/**
 * Takes everything out of the policy in turn and runs the cases until one fails.
 *
 * @param now time of cases that name none, ms since 1970
 */
export function mutate(evaluator: Evaluator, policy: Policy, file: CaseFile, now: number): Mutation {
  const mutants = mutantsOf(policy);
  const survivors = mutants.filter((mutant) => {
    const compiled = compilePolicy(withStandIns(mutant.policy, file.standIns), "");
    return file.cases
      .filter(({ request }) => mutant.actions?.includes(request.action) ?? true)
      .every((each) => runCase(evaluator, compiled, each, now).passed);
  });
  return { tried: mutants.length, survivors: survivors.map(({ what, line }) => ({ what, line })) };
}
