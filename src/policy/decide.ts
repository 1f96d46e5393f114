// The one place where the policy is asked. It answers with every unmet condition, and never allows by accident.
import type { Refusal } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";
import { isRoleAction } from "./actions.ts";
import type { Answers } from "./answers.ts";
import type { CedarRequest, Evaluator } from "./cedar.ts";
import type { CompiledPolicy, Guardrail } from "./compiled.ts";
import { type Enforcement, enforcementIn, strongest } from "./enforcement.ts";
import { metRules } from "./met.ts";
import { missingRole } from "./near-miss.ts";
import { refusalOf } from "./refusal.ts";
import { cedarRequest, type DecisionRequest, malformedRequest } from "./request.ts";
import { holdingText, type Member, memberOf } from "./schema.ts";
import { whyNotStated } from "./stating.ts";

export type { DecisionRequest } from "./request.ts";

/** The answer, and what it rests on. */
export interface Decision {
  readonly allow: boolean;
  /** What permits it; empty where it is refused. */
  readonly by: readonly { readonly rule: string; readonly line: number | undefined; readonly text: string }[];
  /** Every unmet condition; empty where it is allowed. */
  readonly refusals: readonly Refusal[];
  /** How strongly the answer holds: of a refusal, its strongest condition. */
  readonly enforcement: Enforcement;
}

/**
 * Decides. It does not throw: whatever goes wrong is a refusal.
 *
 * @param answers remembered answers, for questions without effect: they spare loading Cedar
 */
export async function decide(compiled: CompiledPolicy, request: DecisionRequest, answers?: Answers): Promise<Decision> {
  const by = (evaluator: Evaluator) => decideWith(evaluator, compiled, request);
  try {
    if (answers) return await answers.through(by);
    return by(await (await import("./cedar.ts")).loadCedar());
  } catch (error) {
    return broken([error instanceof Error ? error.message : "Cedar cannot be loaded"]);
  }
}

/** A question as Cedar takes it, or why it cannot even be put. */
function put(compiled: CompiledPolicy, request: DecisionRequest): { member: Member; asked: CedarRequest } | Decision {
  const { policy } = compiled;
  const member = memberOf(policy, request.member);
  if (!member) {
    const why = `${JSON.stringify(printable(request.member))} is not a member in policy version ${String(policy.version)}`;
    const who = `an owner can add members: ${policy.owners.members.join(", ")}`;
    return refused([
      { rule: "builtin:member", enforcement: "cryptographic", why, who, next: "cloister member add LINE" },
    ]);
  }
  const malformed = malformedRequest(policy, request);
  if (malformed) return refused([{ rule: "builtin:request", enforcement: "advisory", ...malformed }]);
  return { member, asked: cedarRequest(compiled, member, request) };
}

/** Whether it is allowed, without a word why not: for many questions at once. */
export function allowsWith(evaluator: Evaluator, compiled: CompiledPolicy, request: DecisionRequest): boolean {
  const question = put(compiled, request);
  if ("allow" in question) return question.allow;
  const { allow, errors, reasons } = evaluator.ask(compiled, "decide", question.asked);
  const unstated = whyNotStated(compiled.policy, request);
  return allow && errors.length === 0 && reasons.length > 0 && !unstated;
}

/** {@link decide} with a given evaluator. */
export function decideWith(evaluator: Evaluator, compiled: CompiledPolicy, request: DecisionRequest): Decision {
  const question = put(compiled, request);
  if ("allow" in question) return question;
  const { member, asked } = question;
  const answer = evaluator.ask(compiled, "decide", asked);
  // Cedar skips a policy that fails, a forbid too, and may then allow: an answer with errors is no answer.
  if (answer.errors.length > 0) return broken(answer.errors);
  const unstated = whyNotStated(compiled.policy, request);
  if (answer.allow && answer.reasons.length > 0) {
    return unstated ? refused([unstated]) : allowed(compiled, request, answer.reasons, asked.context["breakGlass"]);
  }
  const fired = compiled.guardrails.filter((guardrail) => answer.reasons.includes(guardrail.id));
  // What nothing remedies first, then what others' consent does not: the person should not mend the rest, nor ask others,
  // only to be refused all the same.
  const final = ({ condition: { kind } }: Guardrail) => (kind === "refuse" ? 0 : kind === "destination" ? 1 : 2);
  const refusals = [...fired]
    .sort((a, b) => final(a) - final(b))
    .map((guardrail) => refusalOf(compiled, guardrail, member, request))
    .concat(unstated ?? []);
  if (member.suspended !== undefined) return refused(refusals);
  const parts = evaluator.ask(compiled, "explain", asked);
  if (request.action === "workspace.destroy" && request.ownWorkspace !== true)
    return refused([...foreign(), ...refusals]);
  // What is open to everybody takes no role.
  const missing = isRoleAction(request.action) ? missingRole(compiled, member, request, new Set(parts.reasons)) : [];
  return refused([...missing, ...refusals]);
}

function allowed(
  compiled: CompiledPolicy,
  request: DecisionRequest,
  reasons: readonly string[],
  emergency: unknown,
): Decision {
  const roles = reasons.map((id) => {
    const grant = compiled.grants.find((each) => each.id === id);
    if (!grant) return { rule: id, line: undefined, text: `every member may ${request.action}` };
    const role = compiled.policy.roles.find((each) => each.id === grant.role);
    const reach = request.class === undefined ? "" : ` up to ${role?.upTo ?? ""}`;
    const emergency = grant.clauses.some(({ part }) => part === "break-glass") ? ", after break-glass" : "";
    const text = `role ${holdingText(grant)} may ${request.action}${reach}${emergency}`;
    return { rule: `role:${grant.role}`, line: grant.line, text };
  });
  const enforcement = enforcementIn(compiled.policy, request.action, request.class);
  const by = [...roles, ...metRules(compiled, request, emergency === true)];
  return { allow: true, by, refusals: [], enforcement };
}

function refused(refusals: readonly Refusal[]): Decision {
  // A refusal always says something, even where a forbid that nobody knows fired.
  if (refusals.length === 0) return broken(["the policy refused without a reason"]);
  return { allow: false, by: [], refusals, enforcement: strongest(refusals.map((each) => each.enforcement)) };
}

function foreign(): readonly Refusal[] {
  const why = "the workspace is not yours";
  return [{ rule: "builtin:own-workspace", enforcement: "advisory", why, next: "cloister workspace list" }];
}

function broken(errors: readonly string[]): Decision {
  const why = `the policy could not be evaluated: ${printable(errors.join("; ")).slice(0, 500)}`;
  const next = "cloister policy check";
  return {
    allow: false,
    by: [],
    refusals: [{ rule: "builtin:decision", enforcement: "advisory", why, next }],
    enforcement: "advisory",
  };
}
