// Which facts an allowed act rests on: each is left out in turn, and counts where the answer is another without it.
import { formatDuration } from "../../base/units.ts";
import type { Decision } from "../../policy/decide.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { DecisionRequest } from "../../policy/request.ts";
import { listed } from "../../policy/words.ts";
import type { Explained } from "../types.ts";

interface Fact {
  readonly text: string;
  readonly without: DecisionRequest;
}

/** @param answer answers the question with the same policy */
export async function restsOn(
  question: DecisionRequest,
  answer: (question: DecisionRequest) => Promise<Decision>,
): Promise<Explained["restsOn"]> {
  const needed: Explained["restsOn"][number][] = [];
  for (const { text, without } of factsIn(question)) {
    const [refusal] = (await answer(without)).refusals;
    if (refusal) needed.push({ fact: text, rule: refusal.rule, line: refusal.line });
  }
  return needed;
}

function factsIn(question: DecisionRequest): readonly Fact[] {
  const { purpose, justification, mfaAgeMs, governance = {} } = question;
  const { approvals, grant, evidence = [], breakGlass } = governance;
  const lacking = (left: GovernanceFacts): DecisionRequest => ({ ...question, governance: { ...governance, ...left } });
  const facts: Fact[] = [];
  if (approvals && approvals.length > 0) {
    facts.push({ text: `approved by ${listed(approvals)}`, without: lacking({ approvals: undefined }) });
  }
  if (grant) {
    const text = `access granted by ${listed(grant.approvals)}, ${formatDuration(grant.ageMs)} ago`;
    facts.push({ text, without: lacking({ grant: undefined }) });
  }
  for (const kind of new Set(evidence.map((each) => each.kind))) {
    const by = listed(evidence.filter((each) => each.kind === kind).map((each) => each.by));
    const rest = evidence.filter((each) => each.kind !== kind);
    facts.push({ text: `${kind} by ${by}`, without: lacking({ evidence: rest }) });
  }
  if (breakGlass) facts.push({ text: "an emergency", without: lacking({ breakGlass: undefined }) });
  if (mfaAgeMs !== undefined) {
    const text = `a login with a second factor, ${formatDuration(mfaAgeMs)} ago`;
    facts.push({ text, without: { ...question, mfaAgeMs: undefined } });
  }
  if (purpose !== undefined) facts.push({ text: `purpose ${purpose}`, without: { ...question, purpose: undefined } });
  if (justification !== undefined) {
    facts.push({ text: "the justification", without: { ...question, justification: undefined } });
  }
  return facts;
}
