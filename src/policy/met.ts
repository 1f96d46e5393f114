// What an allowed act rests on besides a role: the rules and gates that asked for something, and what met them.
import { formatDuration } from "../base/units.ts";
import type { CompiledPolicy, Guardrail } from "./compiled.ts";
import type { DecisionRequest } from "./request.ts";
import { approvalsFor, counts } from "./requirements.ts";
import type { Policy, Rule } from "./schema.ts";
import { listed } from "./words.ts";

/** One that was met, as a decision names it. */
export interface Met {
  readonly rule: string;
  readonly line: number | undefined;
  readonly text: string;
}

/** @param emergency whether break-glass stands for the grants */
export function metRules({ policy, guardrails }: CompiledPolicy, request: DecisionRequest, emergency: boolean): Met[] {
  const concerned = new Set([
    ...policy.rules.filter((rule) => concerns(policy, rule, request)).map(({ id }) => `rule:${id}:`),
    ...(request.action === "artifact.promote" ? [`gate:${request.governance?.toStage ?? ""}:`] : []),
  ]);
  return guardrails
    .filter(({ id }) => [...concerned].some((prefix) => id.startsWith(prefix)))
    .flatMap((guardrail) => {
      const text = metBy(policy, guardrail, request, emergency);
      return text === undefined ? [] : [{ rule: guardrail.rule, line: guardrail.line, text }];
    });
}

/** As `ruleScope` has it for Cedar. Here it only explains. */
function concerns(policy: Policy, rule: Rule, { action, class: klass, kind, domain }: DecisionRequest): boolean {
  const rank = (name: string | undefined): number => policy.classifications.indexOf(name ?? "");
  return (
    (rule.on as readonly string[]).includes(action) &&
    (rule.from === undefined || rank(klass) >= rank(rule.from)) &&
    (kind === undefined || !rule.kinds || rule.kinds.includes(kind)) &&
    (!rule.domains || rule.domains.includes(domain ?? ""))
  );
}

function metBy(
  policy: Policy,
  { condition }: Guardrail,
  request: DecisionRequest,
  emergency: boolean,
): string | undefined {
  const facts = request.governance ?? {};
  switch (condition.kind) {
    case "approvals":
      return `approved by ${listed(approvalsFor(condition, facts) ?? [])}`;
    case "grant": {
      if (emergency) return "open by break-glass";
      const { approvals = [], ageMs = 0 } = facts.grant ?? {};
      return `granted by ${listed(approvals)} ${formatDuration(ageMs)} ago, for at most ${formatDuration(condition.maxMs)}`;
    }
    case "evidence": {
      const kind = policy.evidence.find(({ id }) => id === condition.evidence);
      const by = (facts.evidence ?? []).filter((each) => kind && counts(policy, kind, each, request));
      return `${condition.evidence} stated by ${listed(by.map((each) => each.by))}`;
    }
    case "destination":
      return `it goes to ${facts.destination ?? ""}`;
    default:
      return undefined;
  }
}
