// An entry of the log decided again: by the policy that decided it then, and by a draft. What the log does not say of it is
// taken as it was: only what the draft adds or drops counts.
import type { Refusal } from "../../base/errors.ts";
import { KINDS } from "../actions.ts";
import type { Evaluator } from "../cedar.ts";
import type { CompiledPolicy } from "../compiled.ts";
import { type Decision, decideWith } from "../decide.ts";
import type { DecisionRequest } from "../request.ts";
import { FIELDS, type Policy } from "../schema.ts";

/** What happened. */
export interface Recorded {
  readonly allowed: boolean;
  /** Where it was refused: the rules that refused. */
  readonly rules: readonly string[];
  /** What the log says of it; a fact that it does not tell is left out. */
  readonly request: DecisionRequest;
  /** Whether purpose, justification and fields are known: what is left out of them was not given. */
  readonly declared: boolean;
}

export type Replayed =
  | { readonly verdict: "same" }
  | { readonly verdict: "allowed"; readonly decision: Decision }
  | { readonly verdict: "refused" | "unclear"; readonly refusals: readonly Refusal[] };

/**
 * @param before the policy that decided, and what is known of the act by its gatherers
 * @param after the same for the draft
 */
export function replay(
  evaluator: Evaluator,
  before: { readonly compiled: CompiledPolicy; readonly recorded: Recorded },
  after: { readonly compiled: CompiledPolicy; readonly recorded: Recorded },
): Replayed {
  const policies = [before.compiled.policy, after.compiled.policy];
  const ask = ({ compiled }: typeof before, request: DecisionRequest) => decideWith(evaluator, compiled, request);
  const fill = ({ recorded }: typeof before) => favourable(recorded, policies);
  const [was, will] = [fill(before), fill(after)];
  const pairs = was.map((request, at) => ({ old: ask(before, request), now: ask(after, will[at] ?? request) }));
  const least = { old: ask(before, before.recorded.request), now: ask(after, after.recorded.request) };
  return before.recorded.allowed ? stillAllowed(pairs, least) : stillRefused(pairs, least, before.recorded.rules);
}

interface Pair {
  readonly old: Decision;
  readonly now: Decision;
}

/** Refusals of the draft that the policy then would not have given for the same facts. */
function added({ old, now }: Pair): readonly Refusal[] {
  const known = new Set(old.refusals.map(({ rule }) => rule));
  return now.refusals.filter(({ rule }) => !known.has(rule));
}

function stillAllowed(pairs: readonly Pair[], least: Pair): Replayed {
  const refusals = pairs.map(added);
  const [first = []] = refusals;
  if (first.length > 0 && refusals.every((each) => each.length > 0)) return { verdict: "refused", refusals: first };
  const perhaps = refusals.find((each) => each.length > 0) ?? added(least);
  return perhaps.length > 0 ? { verdict: "unclear", refusals: perhaps } : { verdict: "same" };
}

/** What refused then and cannot be seen now, an unknown fact refused: it would again, where the draft can still refuse by it. */
function stillRefused(pairs: readonly Pair[], least: Pair, rules: readonly string[]): Replayed {
  const allowing = pairs.find(({ old, now }) => {
    const shown = new Set(old.refusals.map(({ rule }) => rule));
    const unseen = rules.filter((rule) => !shown.has(rule));
    const again = least.now.refusals.some(({ rule }) => unseen.includes(rule));
    const refuses = now.refusals.some(({ rule }) => rules.includes(rule) || !shown.has(rule));
    return !again && !refuses;
  });
  return allowing ? { verdict: "allowed", decision: allowing.now } : { verdict: "same" };
}

/** The request with every unknown fact as it may have been at best: one for each purpose and kind that it may have had. */
function favourable({ request, declared }: Recorded, policies: readonly Policy[]): readonly DecisionRequest[] {
  const { action } = request;
  const rules = policies
    .flatMap((policy) => policy.rules)
    .filter(({ on }) => (on as readonly string[]).includes(action));
  const narrowed = request.kind === undefined && rules.some(({ kinds }) => kinds !== undefined);
  const kinds = narrowed ? KINDS : [request.kind];
  const filled = { ...request, mfaAgeMs: request.mfaAgeMs ?? 0 };
  if (declared) return kinds.map((kind) => ({ ...filled, kind }));
  const best = { ...filled, justification: "x".repeat(5000), fields: FIELDS };
  return kinds.flatMap((kind) => purposesOf(policies).map((purpose) => ({ ...best, kind, purpose })));
}

function purposesOf(policies: readonly Policy[]): readonly (string | undefined)[] {
  const known = new Set(policies.flatMap((policy) => policy.purposes.map(({ id }) => id)));
  return known.size === 0 ? [undefined] : [...known];
}
