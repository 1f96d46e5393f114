// Who may state something about a version: the kinds of evidence that a policy declares.
import type { Refusal } from "../base/errors.ts";
import type { EvidenceKind } from "./governance.ts";
import { nearest } from "./near.ts";
import type { DecisionRequest } from "./request.ts";
import { mayState } from "./requirements.ts";
import { memberOf, type Policy } from "./schema.ts";
import { listed, withArticle } from "./words.ts";

const ENFORCEMENT = "refused by every reader";

/**
 * Why a statement of this kind is not the member's to make, beside what roles and rules say of `artifact.attest`. Without a
 * kind, the question is about any.
 */
export function whyNotStated(policy: Policy, request: DecisionRequest): Refusal | undefined {
  const { stating, pushedBy = request.member } = request.governance ?? {};
  if (request.action !== "artifact.attest" || stating === undefined) return undefined;
  const kind = policy.evidence.find(({ id }) => id === stating);
  if (!kind) return whyUndeclared(policy, stating);
  const about = {
    rule: `evidence:${kind.id}`,
    line: kind.line,
    enforcement: ENFORCEMENT,
    who: whoCould(policy, kind, request),
    next: "ask one of them",
  };
  const member = memberOf(policy, request.member);
  const roles = listed(kind.by, "or");
  if (!member || !mayState(policy, kind, member, request)) {
    return {
      ...about,
      why: `${kind.id} is stated by ${roles}, and ${request.member} does not state it in that role here`,
    };
  }
  if (!kind.notByPusher || pushedBy !== request.member) return undefined;
  return { ...about, why: `${kind.id} is not for whoever pushed the version to state, and that was ${request.member}` };
}

/** `a reviewer: priya`, as far as anybody but the member could. */
function whoCould(policy: Policy, kind: EvidenceKind, request: DecisionRequest): string {
  const barred = kind.notByPusher ? [request.member, request.governance?.pushedBy] : [request.member];
  const members = policy.members.filter(
    (member) =>
      member.suspended === undefined && !barred.includes(member.id) && mayState(policy, kind, member, request),
  );
  const names = members.map(({ id }) => id);
  return `${listed(kind.by.map(withArticle), "or")}: ${names.length > 0 ? listed(names, "or") : "nobody else may here"}`;
}

/** Why there is no statement of this kind; undefined where the policy declares it. */
export function whyUndeclared(policy: Policy, kind: string): Refusal | undefined {
  const kinds = policy.evidence.map(({ id }) => id);
  if (kinds.includes(kind)) return undefined;
  const near = nearest(kind, kinds);
  const next =
    kinds.length === 0
      ? "an owner declares it under evidence: in cloister.policy.yaml, then: cloister policy propose"
      : `use ${near === undefined ? `one of: ${kinds.join(", ")}` : `--type ${near}`}`;
  const why = `the policy declares no evidence ${JSON.stringify(kind)}`;
  return { rule: "builtin:evidence", enforcement: ENFORCEMENT, why, next };
}
