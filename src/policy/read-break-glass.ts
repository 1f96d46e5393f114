// The `break-glass:` part of the policy file: what an officer may do in an emergency, with whose consent.

import { parseDurationMs } from "../base/units.ts";
import { ROLE_ACTIONS, type RoleAction } from "./actions.ts";
import type { Staff } from "./approvals.ts";
import { keysOf } from "./file-keys.ts";
import type { BreakGlass } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import type { Member } from "./schema.ts";
import { references, Section, type Spot, scalar, textList } from "./section.ts";
import { listed } from "./words.ts";
import type { Tree } from "./yaml-tree.ts";

/** An emergency is a reason to look at data, not to change it or to hand it on. */
const READING: readonly RoleAction[] = ["artifact.pull", "artifact.read-metadata", "workspace.mount", "creds.issue"];

export function readBreakGlass(
  tree: Tree | undefined,
  names: Names,
  staff: Staff,
  problems: Problems,
): BreakGlass | undefined {
  const officers = staff.members.filter((member) => mayInvoke(member, staff));
  if (!tree) return undefined;
  const section = new Section(tree, "break-glass", keysOf("breakGlass"), [], problems);
  if (officers.length === 0) {
    problems.error(tree.place, "nobody can invoke break-glass: no person holds a role with break-glass.invoke");
  }
  const wanted = section.required("with");
  if (wanted && scalar(wanted) !== "escrow") problems.error(wanted.place, "with must be: escrow");
  const escrow = readPeople(section, "escrow", names, staff, problems);
  const [only] = officers.length === 1 ? officers : [];
  for (const spot of escrow.filter(({ value }) => value === only?.id)) {
    const why = `${spot.value} is the only one who can invoke break-glass, and cannot consent to it too`;
    problems.error(spot, why, "name somebody else in escrow");
  }
  const notify = readPeople(section, "notify", names, staff, problems);
  const alone = notify.length === 1 ? notify.find(({ value }) => officers.some(({ id }) => id === value)) : undefined;
  if (alone) {
    problems.error(alone, `only ${alone.value} is told, who can invoke break-glass`, "name somebody else in notify");
  }
  for (const key of ["max", "review-within"]) section.required(key);
  return {
    line: tree.place.line,
    can: readCan(section, problems),
    escrow: escrow.map(({ value }) => value),
    maxMs: section.measured("max", parseDurationMs, "1h (s, m, h, d)") ?? 0,
    reviewWithinMs: section.measured("review-within", parseDurationMs, "24h (s, m, h, d)") ?? 0,
    notify: notify.map(({ value }) => value),
  };
}

function mayInvoke({ roles, suspended, service }: Member, staff: Staff): boolean {
  const able = staff.roles.filter(({ can }) => can.includes("break-glass.invoke")).map(({ id }) => id);
  return suspended === undefined && !service && roles.some(({ role }) => able.includes(role));
}

function readCan(section: Section, problems: Problems): readonly RoleAction[] {
  const tree = section.required("can");
  if (tree?.kind === "list" && tree.items.length === 0) problems.error(tree.place, "break-glass can do nothing");
  const spots = references(textList(tree, "can", problems), "action", ROLE_ACTIONS, problems);
  for (const spot of spots.filter(({ value }) => !READING.includes(value))) {
    problems.error(spot, `break-glass cannot be for ${spot.value}`, `it is for reading: ${listed(READING, "or")}`);
  }
  return spots.map(({ value }) => value);
}

/** Members who are people, and still here. */
function readPeople(
  section: Section,
  key: string,
  names: Names,
  staff: Staff,
  problems: Problems,
): readonly Spot<string>[] {
  const tree = section.required(key);
  if (tree?.kind === "list" && tree.items.length === 0) problems.error(tree.place, `${key} names nobody`);
  const spots = references(textList(tree, key, problems), "member", names.members, problems);
  for (const spot of spots) {
    const member = staff.members.find(({ id }) => id === spot.value);
    if (member?.suspended !== undefined) problems.error(spot, `${spot.value} is suspended, and cannot be in ${key}`);
    else if (member?.service) problems.error(spot, `${spot.value} is a service, and cannot be in ${key}`);
  }
  return spots;
}
