// Two policies asked the same questions: which answers differ.
import type { Evaluator } from "../cedar.ts";
import { compilePolicy } from "../compile.ts";
import { allowsWith } from "../decide.ts";
import type { DecisionRequest } from "../request.ts";
import type { Policy } from "../schema.ts";
import { peopleIn, type Question, questionsOf, type Spot } from "./questions.ts";
import { withStandIns } from "./stand-ins.ts";
import { type Variation, variationsOf } from "./variations.ts";
import { vocabularyOf } from "./vocabulary.ts";

/** One answer that is another now. */
export interface Difference {
  readonly role: string;
  readonly action: string;
  readonly spot: Spot;
  /** Undefined: with everything right. */
  readonly variation: Pick<Variation, "text" | "is"> | undefined;
  /** Allowed by the second policy, refused by the first. */
  readonly allows: boolean;
}

export interface Compared {
  /** Decisions that were made. */
  readonly asked: number;
  readonly differences: readonly Difference[];
  /** Where both allow it with everything right, by `role action`; and where it was asked at all. */
  readonly allowed: ReadonlyMap<string, readonly Spot[]>;
  readonly places: ReadonlyMap<string, readonly Spot[]>;
}

export function comparePolicies(evaluator: Evaluator, before: Policy, after: Policy): Compared {
  const policies = [before, after] as const;
  const words = vocabularyOf([before, after]);
  const people = peopleIn([before, after], words);
  const compiled = policies.map((policy) => compilePolicy(withStandIns(policy, people), ""));
  let asked = 0;
  const answers = (request: DecisionRequest): readonly boolean[] => {
    asked += compiled.length;
    return compiled.map((each) => allowsWith(evaluator, each, request));
  };
  const differences: Difference[] = [];
  const allowed = new Map<string, Spot[]>();
  const places = new Map<string, Spot[]>();
  for (const question of questionsOf([before, after], words)) {
    const { role, action, spot, full } = question;
    const [first = false, second = false] = answers(full);
    noteSpot(places, question);
    if (first !== second) differences.push({ role, action, spot, variation: undefined, allows: second });
    // Nothing is won by leaving facts out of what is refused anyway.
    if (!first || !second) continue;
    noteSpot(allowed, question);
    for (const { text, is, ask } of variationsOf([before, after], words, full)) {
      const [was, now] = answers(ask);
      if (was !== now) differences.push({ role, action, spot, variation: { text, is }, allows: now ?? false });
    }
  }
  return { asked, differences, allowed, places };
}

function noteSpot(spots: Map<string, Spot[]>, { role, action, spot }: Question): void {
  const key = `${role} ${action}`;
  const list = spots.get(key) ?? [];
  spots.set(key, list);
  list.push(spot);
}
