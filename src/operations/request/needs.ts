// Whose approvals a policy asks for, and who of them has not approved yet. The policy itself decides; this is for people.
import { ANYBODY, type Approvals } from "../../policy/governance.ts";
import { type Member, memberOf, type Policy, type Rule } from "../../policy/schema.ts";
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

/** Roles that are not filled by these people; each of them fills one place. Empty where the need is met. */
export function missingOf(
  policy: Policy,
  { approvals }: Need,
  domain: string,
  people: readonly string[],
): readonly Missing[] {
  const places = approvals.needs.flatMap(({ role, count }) => Array.from({ length: count }, () => role));
  const filled = fill(places, people, (role, id) => holds(memberOf(policy, id), role, domain));
  const open = places.filter((_, at) => filled[at] === undefined);
  return [...new Set(open)].map((role) => ({ role, count: open.filter((each) => each === role).length }));
}

export function holds(member: Member | undefined, role: string, domain: string): boolean {
  if (!member || member.suspended !== undefined) return false;
  return role === ANYBODY || member.roles.some((held) => held.role === role && (held.domain ?? domain) === domain);
}

/** Largest assignment of people to places (augmenting paths): who holds two roles must not take the place of the only other. */
function fill(
  places: readonly string[],
  people: readonly string[],
  fits: (place: string, person: string) => boolean,
): readonly (string | undefined)[] {
  const taken: (string | undefined)[] = places.map(() => undefined);
  const seat = (person: string, tried: Set<number>): boolean =>
    places.some((place, at) => {
      if (tried.has(at) || !fits(place, person)) return false;
      tried.add(at);
      const before = taken[at];
      if (before !== undefined && !seat(before, tried)) return false;
      taken[at] = person;
      return true;
    });
  for (const person of new Set(people)) seat(person, new Set());
  return taken;
}
