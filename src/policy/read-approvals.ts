// Approvals as rules, grants and gates ask for them: `{ data-owner: 1, any: 2 }`. What nobody could ever give is an error.
import type { RoleAction } from "./actions.ts";
import { approvingRoles, excludedFromApproving, type Staff, type Tally, tallyRoles } from "./approvals.ts";
import { ANYBODY, type Approvals } from "./governance.ts";
import type { Place, Problems } from "./problem.ts";
import { entriesOf, references, scalar } from "./section.ts";
import { counted, listed } from "./words.ts";
import type { Entry, Tree } from "./yaml-tree.ts";

/** What the approvals are for. */
export interface ApprovalsFor {
  /** `rule export-needs-two`, for messages. */
  readonly what: string;
  readonly domains: readonly string[];
  /** The least sensitive class that it is about. */
  readonly class: string | undefined;
  /** Stage that it is in then, where there is only one. */
  readonly stage?: string | undefined;
  /** What is done with them. */
  readonly actions: readonly RoleAction[];
}

export function readApprovals(tree: Tree, about: ApprovalsFor, staff: Staff, problems: Problems): Approvals {
  const entries = entriesOf(tree, "approvals", problems);
  if (tree.kind === "map" && entries.length === 0) problems.error(tree.place, `${about.what} needs nobody's approval`);
  const needs = entries.flatMap((entry) => readNeed(entry, about, staff, problems));
  if (needs.length === entries.length && needs.length > 0 && !problems.full) {
    checkMeetable(needs, entries, tree.place, about, staff, problems);
  }
  return { line: tree.place.line, needs };
}

function readNeed(entry: Entry, { what }: ApprovalsFor, staff: Staff, problems: Problems): Approvals["needs"] {
  const count = scalar(entry.value);
  const most = staff.members.length;
  const known = references(
    [{ value: entry.key, ...entry.place }],
    "role",
    [...staff.roles.map(({ id }) => id), ANYBODY],
    problems,
  );
  const role = staff.roles.find(({ id }) => id === entry.key);
  if (role && !role.can.includes("request.approve")) {
    problems.error(entry.place, `${what} needs the approval of a ${role.id}, who cannot request.approve`);
    return [];
  }
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 1) {
    if (count <= most) return known.length > 0 ? [{ role: entry.key, count }] : [];
    const members = counted(most, "member");
    problems.error(entry.value.place, `${what} needs ${String(count)} people, and the policy has ${members}`);
  } else problems.error(entry.value.place, "a number of people from 1 on is missing here");
  return [];
}

/**
 * In no domain: an error, because nobody will ever do it. In some, or where only people are wanting whom a new project does
 * not have yet: a warning, or else nobody could begin alone, nor add the first of them.
 */
function checkMeetable(
  needs: Approvals["needs"],
  entries: readonly Entry[],
  place: Place,
  about: ApprovalsFor,
  staff: Staff,
  problems: Problems,
): void {
  const lacks = about.domains.flatMap((domain) => {
    const why = lackIn(domain, needs, about, staff);
    return why === undefined ? [] : [{ domain, ...why }];
  });
  const [first] = lacks;
  if (!first) return;
  const at = entries.find(({ key }) => key === first.role)?.place ?? place;
  const everywhere = lacks.length === about.domains.length;
  if (everywhere && first.lonely) {
    problems.warning(at, `${about.what} cannot be approved until others join: ${first.why}`, first.hint);
  } else if (everywhere) problems.error(at, `${about.what} can never be approved: ${first.why}`, first.hint);
  else {
    const where = listed(lacks.map(({ domain }) => domain));
    problems.warning(at, `${about.what} can never be approved in ${where}: ${first.why}`, first.hint);
  }
}

interface Lack {
  /** Role of which there are too few. */
  readonly role?: string;
  readonly why: string;
  readonly hint?: string;
  /** Nobody holds the role at all, or one person alone decides. */
  readonly lonely: boolean;
}

function lackIn(domain: string, needs: Approvals["needs"], about: ApprovalsFor, staff: Staff): Lack | undefined {
  const here = { domain, class: about.class, stage: about.stage };
  const people = staff.members
    .map((member) => ({ member, roles: approvingRoles(staff, member, here) }))
    .filter(({ roles }) => roles.length > 0);
  for (const { role, count } of needs) {
    const able = role === ANYBODY ? people : people.filter(({ roles }) => roles.includes(role));
    if (able.length >= count) continue;
    const what = role === ANYBODY ? "people who may approve" : role;
    const some = able.length === 0 ? "nobody is there" : `only ${listed(able.map(({ member }) => member.id))}`;
    const hint = "suspended members and services do not count; a role has to reach the domain and the class";
    const lonely = able.length === 0;
    return { role, lonely, why: `it needs ${String(count)} ${what} in ${domain}, and ${some}`, hint };
  }
  const most = tallyRoles(
    needs,
    people.map(({ roles }) => roles),
  );
  if (most.missing.length > 0) {
    return { why: tooFew(most, domain), hint: "one person counts once", lonely: people.length <= 1 };
  }
  return separated(domain, needs, about, staff) ? undefined : { why: SEPARATED, hint: "see separate", lonely: true };
}

const SEPARATED = "whoever does it, or pushed it, is needed to approve it, and separate forbids that";

function tooFew({ needed, has }: Tally, domain: string): string {
  return `it needs ${String(needed)} different people in ${domain}, and ${has === 1 ? "one holds" : `${String(has)} hold`} these roles`;
}

/** Whether it can be approved for somebody who may do it, and a version that somebody may push, under `separate`. */
function separated(domain: string, needs: Approvals["needs"], about: ApprovalsFor, staff: Staff): boolean {
  const requesters = kindsOf(staff, domain, about.actions);
  const pushers = kindsOf(staff, domain, ["artifact.push"]);
  if (requesters.length === 0) return true;
  return requesters.some((requester) =>
    (pushers.length > 0 ? pushers : [""]).some((pushedBy) => {
      const here = { domain, class: about.class, stage: about.stage, requester, pushedBy };
      const people = staff.members.filter(({ id }) => excludedFromApproving(staff, id, here) === undefined);
      return (
        tallyRoles(
          needs,
          people.map((member) => approvingRoles(staff, member, here)),
        ).missing.length === 0
      );
    }),
  );
}

/** One of those who may do it for each combination of roles: the others are as good. */
function kindsOf(staff: Staff, domain: string, actions: readonly RoleAction[]): readonly string[] {
  const able = new Set(staff.roles.filter(({ can }) => actions.some((each) => can.includes(each))).map(({ id }) => id));
  const kinds = new Map<string, string>();
  for (const { id, roles, suspended } of staff.members) {
    const here = roles.filter((held) => (held.domain ?? domain) === domain).map(({ role }) => role);
    if (suspended === undefined && here.some((role) => able.has(role))) kinds.set([...here].sort().join(), id);
  }
  return [...kinds.values()];
}
