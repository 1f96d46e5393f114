// Whose approvals a policy asks for, and who of them has not approved yet. The policy itself decides; this is for people.
import { approvingRoles, tally } from "../../policy/approvals.ts";
import { ANYBODY, type Approvals } from "../../policy/governance.ts";
import { memberOf, type Policy, type Rule } from "../../policy/schema.ts";
import { actsOf, type RequestKind } from "./kinds.ts";

/** What one rule or gate asks for. */
export interface Need {
  /** Id of the rule, or the gate as it is written. */
  readonly rule: string;
  readonly line: number;
  readonly approvals: Approvals;
  /** Longest life of a grant; undefined where it is used up at once. */
  readonly maxMs: number | undefined;
}

/** A need with what is missing of it. */
export interface OpenNeed extends Need {
  readonly missing: readonly Missing[];
}

/** What is asked for, as far as rules look at it. */
export interface Asked {
  readonly kind: RequestKind;
  readonly domain: string;
  readonly class: string;
  readonly toStage: string | undefined;
  /** Kind of artifact; left out, rules about any kind apply. */
  readonly artifact?: string | undefined;
}

/** What approvers have to be entitled to. */
export interface Subject {
  readonly domain: string;
  readonly class: string;
  readonly versionId: string;
  /** Member who asks. */
  readonly requester: string;
  /** Member who pushed the version. */
  readonly pushedBy: string | undefined;
}

/** People of a role who are still missing. */
export interface Missing {
  readonly role: string;
  readonly count: number;
}

/** Everything that the policy asks of others for such a request. */
export function needsOf(policy: Policy, asked: Asked): readonly Need[] {
  const acts = actsOf(asked.kind);
  const ofRules = policy.rules
    .filter((rule) => rule.on.some((action) => acts.includes(action)) && applies(policy, rule, asked))
    .flatMap(({ id, line, approvals, grant }): Need[] => [
      ...(approvals ? [{ rule: id, line, approvals, maxMs: undefined }] : []),
      ...(grant ? [{ rule: id, line, approvals: grant.approvals, maxMs: grant.maxMs }] : []),
    ]);
  const gates = asked.kind === "promote" ? policy.gates.filter(({ to }) => to === asked.toStage) : [];
  const ofGates = gates.flatMap(({ id, line, approvals }): Need[] =>
    approvals ? [{ rule: id, line, approvals, maxMs: undefined }] : [],
  );
  return [...ofRules, ...ofGates];
}

function applies(policy: Policy, { from, kinds, domains }: Rule, asked: Asked): boolean {
  const rank = (klass: string) => policy.classifications.indexOf(klass);
  if (from !== undefined && rank(asked.class) < rank(from)) return false;
  if (kinds !== undefined && asked.artifact !== undefined && !kinds.includes(asked.artifact)) return false;
  return domains === undefined || domains.includes(asked.domain);
}

/** Roles that are not filled by these people; empty where the need is met. */
export function missingOf(
  policy: Policy,
  { approvals }: Need,
  { domain, class: klass, requester, pushedBy }: Subject,
  people: readonly string[],
): readonly Missing[] {
  const { missing } = tally(policy, approvals.needs, people, { domain, class: klass, requester, pushedBy });
  return [...new Set(missing)].map((role) => ({ role, count: missing.filter((each) => each === role).length }));
}

/** Whether a member's approval counts as that of a role. */
export function approvesAs(policy: Policy, id: string, role: string, { domain, class: klass }: Subject): boolean {
  const member = memberOf(policy, id);
  const roles = member ? approvingRoles(policy, member, { domain, class: klass }) : [];
  return role === ANYBODY ? roles.length > 0 : roles.includes(role);
}
