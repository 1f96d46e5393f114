// Whether those who approved are the people who are needed: each of them once, and each in a role that they hold for
// this very data.
import { type RoleAction, withImplied } from "./actions.ts";
import { ANYBODY, type Approvals } from "./governance.ts";
import type { Member, Policy, Role } from "./schema.ts";

/** What of a policy tells who can approve. */
export type Staff = Pick<Policy, "classifications" | "members" | "roles" | "separate">;

/** What an approval is of. What is left out narrows nothing. */
export interface Approved {
  readonly domain?: string | undefined;
  readonly class?: string | undefined;
  readonly stage?: string | undefined;
  /** Member who wants to do it. */
  readonly requester?: string | undefined;
  /** Member who pushed the version. */
  readonly pushedBy?: string | undefined;
  /** Members who stated something about it. */
  readonly attestedBy?: readonly string[] | undefined;
}

/** How far the people who approved go. */
export interface Tally {
  readonly needed: number;
  readonly has: number;
  /** Who is missing: a role (or `any`) for each person. */
  readonly missing: readonly string[];
}

/** Roles in which an approval of this member counts; none where the member may not approve at all. */
export function approvingRoles(staff: Staff, member: Member, about: Approved): readonly string[] {
  return member.service ? [] : rolesFor(staff, member, "request.approve", about);
}

/** Roles of a member that allow an action for this data, and at this stage, rules aside; none for the suspended. */
export function rolesFor(
  staff: Staff,
  member: Member,
  action: RoleAction,
  about: Pick<Approved, "domain" | "class" | "stage">,
): readonly string[] {
  if (member.suspended !== undefined) return [];
  const holds = (held: Member["roles"][number], role: Role) =>
    held.role === role.id && (held.domain === undefined || about.domain === undefined || held.domain === about.domain);
  // Of a thousand members few hold a role that is asked for: what most of them lack is looked at first.
  return staff.roles
    .filter((role) => member.roles.some((held) => holds(held, role)))
    .filter((role) => withImplied(role.can).includes(action) && reaches(staff, role, about))
    .map(({ id }) => id);
}

function reaches(staff: Staff, role: Role, about: Approved): boolean {
  const rank = (name: string): number => staff.classifications.indexOf(name);
  const inClass = about.class === undefined || rank(role.upTo) >= rank(about.class);
  return inClass && (about.stage === undefined || !role.stages || role.stages.includes(about.stage));
}

/** Why segregation of duties keeps a member from approving, as the end of `not you: you …`; undefined where it does not. */
export function excludedFromApproving(staff: Staff, member: string, about: Approved): string | undefined {
  for (const { who } of separationsOf(staff, about)) {
    if (who === "artifact.push" && about.pushedBy === member) return "pushed it";
    if (who === "request.create" && about.requester === member) return "asked for it";
    if (who === "artifact.attest" && about.attestedBy?.includes(member)) return "attested it";
  }
  return undefined;
}

/** Whether somebody who approves must not have pushed, while nobody knows who did: then nobody's approval counts. */
export function pusherUnknown(staff: Staff, about: Approved): boolean {
  return about.pushedBy === undefined && separationsOf(staff, about).some(({ who }) => who === "artifact.push");
}

function separationsOf(staff: Staff, about: Approved): Staff["separate"] {
  const rank = (name: string): number => staff.classifications.indexOf(name);
  return staff.separate.filter(
    ({ cannot, above }) =>
      cannot === "request.approve" &&
      (above === undefined || about.class === undefined || rank(about.class) > rank(above)),
  );
}

/** Counts approvals of members. One person counts once, in the role in which they are needed most. */
export function tally(staff: Staff, needs: Approvals["needs"], approvals: readonly string[], about: Approved): Tally {
  const people = pusherUnknown(staff, about)
    ? []
    : [...new Set(approvals)].filter((id) => excludedFromApproving(staff, id, about) === undefined);
  return tallyRoles(
    needs,
    people.map((id) => {
      const member = staff.members.find((each) => each.id === id);
      return member ? approvingRoles(staff, member, about) : [];
    }),
  );
}

/**
 * Gives each person one of the places that are to be filled, so that as many as possible are filled (augmenting paths,
 * as for any bipartite matching).
 *
 * @param people the roles of each of them
 */
export function tallyRoles(needs: Approvals["needs"], people: readonly (readonly string[])[]): Tally {
  // Places for anybody last: whoever holds a role that is needed is not used up by them.
  const inOrder = [...needs].sort((a, b) => Number(a.role === ANYBODY) - Number(b.role === ANYBODY));
  const places = inOrder.flatMap(({ role, count }) => Array<string>(count).fill(role));
  const placeOf = new Map<number, number>();
  const fits = (person: number, place: number): boolean => {
    const roles = people[person] ?? [];
    return places[place] === ANYBODY ? roles.length > 0 : roles.includes(places[place] ?? "");
  };
  const fill = (place: number, tried: Set<number>): boolean => {
    for (let person = 0; person < people.length; person++) {
      if (tried.has(person) || !fits(person, place)) continue;
      tried.add(person);
      const other = placeOf.get(person);
      if (other !== undefined && !fill(other, tried)) continue;
      placeOf.set(person, place);
      return true;
    }
    return false;
  };
  const missing = places.filter((_, place) => !fill(place, new Set()));
  return { needed: places.length, has: places.length - missing.length, missing };
}

/** Members whose approval would bring it further, in the order of the policy. */
export function whoCanApprove(
  staff: Staff,
  needs: Approvals["needs"],
  approvals: readonly string[],
  about: Approved,
): readonly string[] {
  const known = pusherUnknown(staff, about) ? { ...about, pushedBy: "" } : about;
  const now = tally(staff, needs, approvals, known).has;
  return staff.members
    .filter((member) => !approvals.includes(member.id) && approvingRoles(staff, member, known).length > 0)
    .filter(({ id }) => tally(staff, needs, [...approvals, id], known).has > now)
    .map(({ id }) => id);
}
