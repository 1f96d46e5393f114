// Whose consent a data key needs, as the policy says it: which halves it is split into, and who holds each.
import { CloisterError } from "../base/errors.ts";
import { KINDS, type RoleAction } from "./actions.ts";
import { approvingRoles } from "./approvals.ts";
import { ANYBODY } from "./governance.ts";
import type { Holding, Member, Policy, Role, Rule } from "./schema.ts";

/** Where an artifact lies, and what it is. */
export interface HalfPlace {
  readonly domain: string;
  readonly class: string;
  /** Left out: of any kind. */
  readonly kind?: string | undefined;
}

/** One key in two halves. */
export interface Split {
  /** `release`: readers need both. `glass`: a second way to a key, for emergencies. */
  readonly purpose: "release" | "glass";
  /** Names of the two halves: `half-` and a role, `glass-invoke`, `glass-escrow`. */
  readonly halves: readonly [string, string];
}

const ROLE_HALF = "half-";
const INVOKE_HALF = "glass-invoke";
const ESCROW_HALF = "glass-escrow";

/**
 * How the data key of a version is split that is pushed there under this policy: not at all, for release, for
 * break-glass, or for both. Every reader holds the signed version record against it.
 *
 * @throws {@link CloisterError} POLICY_DENIED where the policy asks for a release that no two groups can give
 */
export function splitsOf(policy: Policy, place: HalfPlace): readonly Split[] {
  const roles = releaseRoles(policy, place);
  const release: readonly Split[] =
    roles === undefined ? [] : [{ purpose: "release", halves: [ROLE_HALF + roles[0], ROLE_HALF + roles[1]] }];
  const glass: Split = { purpose: "glass", halves: [INVOKE_HALF, ESCROW_HALF] };
  const reached = glass.halves.every((half) => holdersOf(policy, place, half).length > 0);
  return reached ? [...release, glass] : release;
}

/**
 * Members to whose devices a half is encrypted: who may approve there in the role that it is named after, who may invoke
 * break-glass there, or the escrow holders.
 */
export function holdersOf(policy: Policy, place: HalfPlace, half: string): readonly Member[] {
  const inGroup = groupOf(policy, place, half);
  return policy.members.filter((member) => member.suspended === undefined && inGroup(member));
}

export function isOfPurpose(half: string, purpose: Split["purpose"]): boolean {
  return half.startsWith(ROLE_HALF) === (purpose === "release");
}

/** The pair of one purpose among the halves that a version record names; undefined where it has none. */
export function halvesFor(
  halves: readonly { readonly half: string }[] | undefined,
  purpose: Split["purpose"],
): readonly [string, string] | undefined {
  const [one, other] = (halves ?? []).map(({ half }) => half).filter((half) => isOfPurpose(half, purpose));
  return one === undefined || other === undefined ? undefined : [one, other];
}

/** Whether a half's holders see header and manifest of what they release. Of break-glass, nobody does alone. */
export function seesMetadata(half: string): boolean {
  return half.startsWith(ROLE_HALF);
}

/** Who holds a half, in words: `data-owner`, `escrow holder`. */
export function groupName(half: string): string {
  if (half === INVOKE_HALF) return "who may invoke break-glass";
  return half === ESCROW_HALF ? "escrow holder" : half.slice(ROLE_HALF.length);
}

/**
 * Refuses a policy under which a key could not be released, or one person would hold both halves of one.
 * @throws {@link CloisterError} USAGE, POLICY_DENIED
 */
export function checkHalves(policy: Policy): void {
  for (const { id: domain } of policy.domains) {
    for (const klass of policy.classifications) {
      for (const kind of KINDS) checkPlace(policy, { domain, class: klass, kind });
    }
  }
}

/** {@link checkHalves} for one place. */
export function checkPlace(policy: Policy, place: HalfPlace): void {
  for (const { halves } of splitsOf(policy, place)) {
    const [one, other] = halves.map((half) => holdersOf(policy, place, half));
    const both = one?.find((member) => other?.includes(member));
    if (!both) continue;
    throw new CloisterError(
      "USAGE",
      `${both.id} would hold both halves of the keys of ${place.domain}/${place.class}`,
      {
        why: `nobody may be ${groupName(halves[0])} and ${groupName(halves[1])} in one domain, or they read alone`,
        next: "give one of the two to somebody else, then: cloister policy check",
      },
    );
  }
}

/** The two roles that release keys there together. */
function releaseRoles(policy: Policy, place: HalfPlace): readonly [string, string] | undefined {
  const pairs = policy.rules
    .filter((rule) => rule.release === "keys" && coversPlace(policy, rule, place))
    .map((rule) => ({ rule, roles: twoRoles(rule) }));
  const [first, ...more] = pairs;
  if (!first) return undefined;
  const other = more.find(({ roles }) => roles?.join() !== first.roles?.join());
  if (first.roles && !other) return first.roles;
  throw new CloisterError("POLICY_DENIED", `split the keys of ${place.domain}/${place.class}`, {
    why: other
      ? `rules ${first.rule.id} and ${other.rule.id} release them by different roles`
      : `rule ${first.rule.id} does not name two roles, one approval of each`,
    next: "cloister policy check",
  });
}

/** In one order, however the rule is written: rules that mean the same must say the same. */
function twoRoles({ grant }: Rule): readonly [string, string] | undefined {
  const needs = grant?.approvals.needs ?? [];
  if (needs.some(({ role, count }) => role === ANYBODY || count !== 1)) return undefined;
  const [one, other, ...more] = needs.map(({ role }) => role).sort();
  return one !== undefined && other !== undefined && one !== other && more.length === 0 ? [one, other] : undefined;
}

/** Whether the rule can apply there, whatever is done. Without a kind, rules about any kind do. */
function coversPlace({ classifications }: Policy, rule: Rule, { domain, class: klass, kind }: HalfPlace): boolean {
  const from = rule.from === undefined ? 0 : classifications.indexOf(rule.from);
  const rank = classifications.indexOf(klass);
  return (
    from >= 0 &&
    rank >= from &&
    (rule.domains === undefined || rule.domains.includes(domain)) &&
    (rule.kinds === undefined || kind === undefined || rule.kinds.includes(kind))
  );
}

function groupOf(policy: Policy, place: HalfPlace, half: string): (member: Member) => boolean {
  if (half.startsWith(ROLE_HALF)) {
    const about = { domain: place.domain, class: place.class };
    return (member) => approvingRoles(policy, member, about).some((role) => ROLE_HALF + role === half);
  }
  const { breakGlass } = policy;
  if (!breakGlass?.can.some((action) => READING.includes(action))) return () => false;
  if (half === ESCROW_HALF) return ({ id }) => breakGlass.escrow.includes(id);
  const rank = policy.classifications.indexOf(place.class);
  const invoking = policy.roles.filter(
    ({ can, upTo }) => can.includes("break-glass.invoke") && policy.classifications.indexOf(upTo) >= rank,
  );
  return ({ service, roles }) => !service && roles.some((held) => reaches(held, place) && isOneOf(held, invoking));
}

function reaches({ domain }: Holding, place: HalfPlace): boolean {
  return (domain ?? place.domain) === place.domain;
}

function isOneOf({ role }: Holding, roles: readonly Role[]): boolean {
  return roles.some(({ id }) => id === role);
}

/** What cannot be done without the content. */
const READING: readonly RoleAction[] = ["artifact.pull", "workspace.mount"];
