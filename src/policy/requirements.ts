// What the policy makes of the facts that were gathered before Cedar is asked: who of those who approved counts, whose
// statements do, what the member did before. Cedar has neither the size of a set nor a matching of people to roles.
import { type Action, isRoleAction, withImplied } from "./actions.ts";
import { type Approved, rolesFor, tally } from "./approvals.ts";
import type { CedarRequest } from "./cedar.ts";
import type { CompiledPolicy, Condition, Guardrail } from "./compiled.ts";
import { covers } from "./entitlements.ts";
import type { GovernanceFacts, Stated } from "./facts.ts";
import type { EvidenceKind } from "./governance.ts";
import type { DecisionRequest } from "./request.ts";
import { type Member, memberOf, type Policy } from "./schema.ts";

/** What an approval of this request is of. */
export function approvedOf(policy: Policy, request: DecisionRequest): Approved {
  const facts = request.governance ?? {};
  return {
    ...{ domain: request.domain, class: request.class, stage: stageOf(policy, facts) },
    ...{ requester: request.member, pushedBy: facts.pushedBy },
    attestedBy: facts.evidence?.map(({ by }) => by),
  };
}

/** Stage of the version; undefined in a policy without gates, where there are none. */
export function stageOf(policy: Policy, facts: GovernanceFacts): string | undefined {
  return facts.stage ?? policy.stages[0];
}

/** Who approved, for what a condition asks; undefined where it asks nobody. */
export function approvalsFor(condition: Condition, facts: GovernanceFacts): readonly string[] | undefined {
  if (condition.kind === "approvals") return facts.approvals ?? [];
  return condition.kind === "grant" ? (facts.grant?.approvals ?? []) : undefined;
}

/** Whether a grant is in force; one that is dated ahead is not. */
export function isFresh(grant: GovernanceFacts["grant"], maxMs: number): boolean {
  return grant !== undefined && grant.ageMs >= 0 && grant.ageMs <= maxMs;
}

function isMet(policy: Policy, { condition }: Guardrail, request: DecisionRequest): boolean {
  const facts = request.governance ?? {};
  const approvals = approvalsFor(condition, facts);
  if (!approvals || approvals.length === 0) return false;
  if (condition.kind !== "approvals" && condition.kind !== "grant") return false;
  if (condition.kind === "grant" && !isFresh(facts.grant, condition.maxMs)) return false;
  return tally(policy, condition.needs, approvals, approvedOf(policy, request)).missing.length === 0;
}

/** Whether a statement is by somebody who may make it: in a role for this data, and not about their own push. */
export function counts(policy: Policy, kind: EvidenceKind, stated: Stated, request: DecisionRequest): boolean {
  const member = memberOf(policy, stated.by);
  if (stated.kind !== kind.id || !member) return false;
  const pushedBy = request.governance?.pushedBy;
  if (kind.notByPusher && (pushedBy === undefined || pushedBy === stated.by)) return false;
  return mayState(policy, kind, member, request);
}

/** Whether a member holds a role that may make such statements about this data. */
export function mayState(policy: Policy, kind: EvidenceKind, member: Member, request: DecisionRequest): boolean {
  const { domain, class: klass } = request;
  return rolesFor(policy, member, "artifact.attest", { domain, class: klass }).some((role) => kind.by.includes(role));
}

/** Whether break-glass is open for this request: only for what it can be for, and only for an officer. */
function breaksGlass(policy: Policy, member: Member, { action, governance, ...request }: DecisionRequest): boolean {
  const { breakGlass } = policy;
  if (!breakGlass || governance?.breakGlass !== true || member.service) return false;
  const can: readonly Action[] = withImplied(breakGlass.can);
  const { domain, class: klass } = request;
  if (!can.includes(action) || domain === undefined || klass === undefined) return false;
  return covers(policy, member.id, "break-glass.invoke", { domain, class: klass });
}

/** What the member did with the version, or in the request. */
function didOf({ member, governance = {} }: DecisionRequest): readonly string[] {
  const did = new Set<string>((governance.did ?? []).filter((action) => isRoleAction(action)));
  if (governance.pushedBy === member) did.add("artifact.push");
  return [...did];
}

/** The part of Cedar's context that rests on what happened before. */
export function governanceContext(
  { policy, guardrails }: Pick<CompiledPolicy, "policy" | "guardrails">,
  member: Member,
  request: DecisionRequest,
): CedarRequest["context"] {
  const facts = request.governance ?? {};
  const stage = stageOf(policy, facts);
  const { toStage, destination, pulledBytes, exports, retire, reviewAgeMs } = facts;
  const every = policy.accessReview?.everyMs ?? Number.POSITIVE_INFINITY;
  const stated = policy.evidence.filter((kind) => facts.evidence?.some((each) => counts(policy, kind, each, request)));
  return {
    met: guardrails.filter((guardrail) => isMet(policy, guardrail, request)).map(({ id }) => id),
    evidence: stated.map(({ id }) => id),
    did: [...didOf(request)],
    retired: facts.retired ?? false,
    held: facts.held ?? false,
    breakGlass: breaksGlass(policy, member, request),
    unreviewed: facts.unreviewed ?? false,
    // Not `age > every`: an age that is no number is no confirmation.
    reviewLapsed: reviewAgeMs !== undefined && !(reviewAgeMs <= every),
    ...(stage === undefined ? {} : { stage }),
    ...(toStage === undefined ? {} : { toStage }),
    ...(destination === undefined ? {} : { destination }),
    ...(pulledBytes === undefined ? {} : { pulledBytes }),
    ...(exports === undefined ? {} : { exports }),
    ...(retire === undefined ? {} : { retire }),
  };
}
