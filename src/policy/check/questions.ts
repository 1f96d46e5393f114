// Who may do what with what, with everything right: the questions that two policies are compared by.
import { isStaged, type RoleAction, scopeOf } from "../actions.ts";
import type { DecisionRequest } from "../request.ts";
import { FIELDS, type Holding, type Policy } from "../schema.ts";
import { standInId } from "./stand-ins.ts";
import { actionsOf, approverRole, type Vocabulary } from "./vocabulary.ts";

/** Where something is done, by the dimensions that policies tell apart. */
export interface Spot {
  readonly class?: string;
  readonly kind?: string;
  readonly stage?: string;
  readonly to?: string;
  readonly domain?: string;
}

export interface Question {
  readonly role: string;
  readonly action: RoleAction;
  readonly spot: Spot;
  /** With every fact that either policy could ask for. */
  readonly full: DecisionRequest;
}

/** Who pushed what others ask about. */
export const PUSHER = "~pusher";
const LONG_TEXT = "x".repeat(5000);

export function approverId(role: string, number: number): string {
  return `~approver ${role} ${String(number)}`;
}

export function statedId(kind: string): string {
  return `~states ${kind}`;
}

/** Everybody who occurs in the questions. */
export function peopleIn(
  policies: readonly [Policy, Policy],
  words: Vocabulary,
): ReadonlyMap<string, readonly Holding[]> {
  const people = new Map<string, readonly Holding[]>([[PUSHER, []]]);
  for (const role of words.roles) people.set(standInId({ role, domain: undefined }), [{ role, domain: undefined }]);
  for (const [role, most] of words.approvals) {
    for (let at = 0; at < most; at++) people.set(approverId(role, at), [approverRole(policies, words, role)]);
  }
  for (const [kind, holdings] of words.evidence) people.set(statedId(kind), holdings);
  return people;
}

export function questionsOf(policies: readonly [Policy, Policy], words: Vocabulary): readonly Question[] {
  return words.roles.flatMap((role) =>
    actionsOf(policies, role).flatMap((action) =>
      spotsOf(policies, words, role, action).map((spot) => ({
        role,
        action,
        spot,
        full: everything(policies, words, role, action, spot),
      })),
    ),
  );
}

/** The dimensions of an action, and only those that some policy looks at. */
function spotsOf(policies: readonly Policy[], words: Vocabulary, role: string, action: RoleAction): readonly Spot[] {
  const scope = scopeOf(action);
  if (scope === "project") return [{}];
  const domains = words.byDomain ? words.domains : [];
  let spots: readonly Spot[] = across([{}], "domain", domains);
  if (scope === "area" && action !== "artifact.read-metadata") return spots;
  spots = across(spots, "class", words.classes);
  const rules = policies.flatMap((policy) => policy.rules).filter(({ on }) => on.includes(action));
  if (rules.some(({ kinds }) => kinds !== undefined)) spots = across(spots, "kind", words.kinds);
  if (action === "artifact.promote" && words.hops.length > 0) {
    return spots.flatMap((spot) => words.hops.map(({ from, to }) => ({ ...spot, stage: from, to })));
  }
  const leavesOut = ({ roles }: Policy) => {
    const own = roles.find(({ id }) => id === role)?.stages;
    return own !== undefined && words.stages.some((stage) => !own.includes(stage));
  };
  // What is pushed has no stage yet.
  const staged = isStaged(action) && action !== "artifact.push" && policies.some(leavesOut);
  spots = across(spots, "stage", staged ? words.stages : []);
  if (rules.some(({ destinations }) => destinations !== undefined)) {
    spots = across(spots, "to", [...words.destinations, ELSEWHERE]);
  }
  return action === "artifact.declassify" ? across(spots, "to", words.classes.slice(0, 1)) : spots;
}

const ELSEWHERE = "anywhere else";

function across(spots: readonly Spot[], name: keyof Spot, values: readonly string[]): readonly Spot[] {
  return values.length === 0 ? spots : spots.flatMap((spot) => values.map((value) => ({ ...spot, [name]: value })));
}

function everything(
  policies: readonly [Policy, Policy],
  words: Vocabulary,
  role: string,
  action: RoleAction,
  spot: Spot,
): DecisionRequest {
  const domain = spot.domain ?? words.domains[0];
  const approvals = [...words.approvals].flatMap(([each, most]) =>
    Array.from({ length: most }, (_, at) => approverId(each, at)),
  );
  const epochs = policies
    .flatMap((policy) => policy.domains.filter(({ id }) => id === domain))
    .map(({ epoch }) => epoch);
  const to = spot.to === ELSEWHERE ? "ftp://elsewhere.invalid/" : spot.to?.replaceAll("*", "x");
  return {
    ...{ action, member: standInId({ role, domain: undefined }), domain, class: spot.class, kind: spot.kind },
    // Before every end: that something ends is another kind of difference.
    now: 0,
    ...{ purpose: purposeFor(policies, words, role), justification: LONG_TEXT, mfaAgeMs: 0, ownWorkspace: true },
    ...{ fields: FIELDS, provenance: "run", epoch: Math.max(...epochs) },
    governance: {
      stage: spot.stage ?? words.stages[0],
      ...(action === "artifact.promote" ? { toStage: to } : {}),
      ...(action === "artifact.declassify" ? { toClass: to } : {}),
      ...(action === "artifact.export" || action === "share.create" ? { destination: to ?? "s3://bucket/x" } : {}),
      ...{ pushedBy: PUSHER, approvals, grant: { approvals, ageMs: 0 } },
      evidence: [...words.evidence.keys()].map((kind) => ({ kind, by: statedId(kind) })),
      reviewAgeMs: 0,
    },
  };
}

/** A purpose that the role acts for in both policies, if there is one. */
function purposeFor(policies: readonly Policy[], words: Vocabulary, role: string): string | undefined {
  const mayFor = (policy: Policy, purpose: string) => {
    const own = policy.roles.find(({ id }) => id === role)?.purposes;
    return policy.purposes.some(({ id }) => id === purpose) && (own?.includes(purpose) ?? true);
  };
  const score = (purpose: string) => policies.filter((policy) => mayFor(policy, purpose)).length;
  return [...words.purposes].sort((a, b) => score(b) - score(a))[0];
}
