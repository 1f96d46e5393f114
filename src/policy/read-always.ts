// The `always:` part of the policy file.

import { parseDurationMs } from "../base/units.ts";
import { isRoleAction, ROLE_ACTIONS, type RoleAction, withImplied } from "./actions.ts";
import { keysOf } from "./file-keys.ts";
import type { Place, Problems } from "./problem.ts";
import type { Justified, Member, MfaWithin, Policy, Role } from "./schema.ts";
import { entriesOf, references, Section, scalar, textList } from "./section.ts";
import type { Entry, Tree } from "./yaml-tree.ts";

const JUSTIFICATION_MAX = 1000;

/** What is said of a version, whatever it is used for: no command of these takes a purpose. */
const WITHOUT_PURPOSE: readonly RoleAction[] = [
  "artifact.promote",
  "artifact.attest",
  "artifact.tag",
  "artifact.retire",
  "artifact.restore",
];

/** What else the file says that `always` must fit. */
export interface Surroundings {
  readonly roles: readonly Role[];
  readonly members: readonly Member[];
  readonly owners: readonly string[];
  readonly login: Policy["login"];
}

export function readAlways(
  tree: Tree | undefined,
  around: Surroundings,
  problems: Problems,
): Pick<Policy, "purposeFor" | "justificationFor" | "mfaWithin" | "labelFloor"> {
  if (!tree) {
    return { purposeFor: { line: 1, actions: [] }, justificationFor: [], mfaWithin: [], labelFloor: undefined };
  }
  const section = new Section(tree, "always", keysOf("always"), [], problems);
  const listed = textList(section.optional("purpose-for"), "purpose-for", problems);
  const spots = references(listed, "action", ROLE_ACTIONS, problems);
  for (const spot of spots.filter(({ value }) => WITHOUT_PURPOSE.includes(value))) {
    problems.error(spot, `${spot.value} is for no purpose: nobody could do it any more`, "leave it out here");
  }
  const actions = spots.map((spot) => spot.value);
  return {
    purposeFor: { line: section.placeOf("purpose-for").line, actions },
    justificationFor: readJustified(section.optional("justification-for"), problems),
    mfaWithin: readMfaWithin(section, around, problems),
    labelFloor: readLabelFloor(section, around.roles, problems),
  };
}

/** Who pulls here may push what they made of it elsewhere: somebody has to be able to do both. */
function readLabelFloor(always: Section, roles: readonly Role[], problems: Problems): Policy["labelFloor"] {
  const can = (action: RoleAction): boolean => roles.some((role) => role.can.includes(action));
  if (always.has("label-floor") && !(can("artifact.pull") && can("artifact.push"))) {
    problems.error(always.placeOf("label-floor"), "label-floor can never fire: no role can pull, or none can push");
  }
  const ms = always.measured("label-floor", parseDurationMs, "30d (s, m, h, d)");
  return ms === undefined ? undefined : { line: always.placeOf("label-floor").line, ms };
}

function readJustified(tree: Tree | undefined, problems: Problems): readonly Justified[] {
  return actionEntries(tree, "justification-for", problems).flatMap(({ action, entry }) => {
    const charsMin = scalar(entry.value);
    const fits = typeof charsMin === "number" && Number.isSafeInteger(charsMin) && charsMin >= 1;
    if (!fits || charsMin > JUSTIFICATION_MAX) {
      problems.error(
        entry.value.place,
        `a number of characters from 1 to ${String(JUSTIFICATION_MAX)} is missing here`,
      );
      return [];
    }
    return action ? [{ line: entry.place.line, action, charsMin }] : [];
  });
}

function readMfaWithin(always: Section, around: Surroundings, problems: Problems): readonly MfaWithin[] {
  const tree = always.optional("mfa-within");
  if (tree && !around.login) {
    const hint = "add login: { issuer: https://…, client: … }";
    problems.error(always.placeOf("mfa-within"), "mfa-within can never be met: the policy has no login", hint);
  }
  return actionEntries(tree, "mfa-within", problems).flatMap(({ action, entry }) => {
    const value = scalar(entry.value);
    const withinMs = typeof value === "string" ? parseDurationMs(value) : undefined;
    if (withinMs === undefined) {
      problems.error(entry.value.place, "mfa-within must look like 15m (s, m, h, d)");
      return [];
    }
    if (!action) return [];
    checkMeetable(action, entry.place, around, problems);
    return [{ line: entry.place.line, action, withinMs }];
  });
}

/** Who is no user of the provider cannot log in there: the policy would quietly take the action away. */
function checkMeetable(action: RoleAction, place: Place, around: Surroundings, problems: Problems): void {
  const { roles, members, owners, login } = around;
  const allowing = new Set(roles.filter((role) => withImplied(role.can).includes(action)).map((role) => role.id));
  if (allowing.size === 0) {
    problems.error(place, `mfa-within can never fire on ${action}: no role allows it`);
    return;
  }
  if (!login) return;
  const able = members.filter(
    (member) => member.suspended === undefined && member.roles.some((h) => allowing.has(h.role)),
  );
  const without = able.filter((member) => member.oidc?.issuer !== login.issuer);
  const changers = able.filter((member) => owners.includes(member.id));
  if (action === "policy.change" && changers.length > 0 && changers.every((member) => without.includes(member))) {
    const hint = `add oidc: { issuer: ${login.issuer}, sub: … } to ${changers[0]?.id ?? "an owner"}`;
    problems.error(place, "no owner who may change the policy can log in: the policy could never change", hint);
  } else if (without.length > 0) {
    const names = without.map((member) => member.id).join(", ");
    problems.warning(place, `without oidc at ${login.issuer}, ${names} can never ${action}`);
  }
}

function actionEntries(
  tree: Tree | undefined,
  what: string,
  problems: Problems,
): readonly { readonly action: RoleAction | undefined; readonly entry: Entry }[] {
  if (!tree) return [];
  return entriesOf(tree, what, problems).map((entry) => {
    references([{ value: entry.key, ...entry.place }], "action", ROLE_ACTIONS, problems);
    return { action: isRoleAction(entry.key) ? entry.key : undefined, entry };
  });
}
