// The `owners:` part of the policy file: whose signatures make the next version.
import { keysOf } from "./file-keys.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import type { Member, Policy, Role } from "./schema.ts";
import { references, Section, type Spot, textList } from "./section.ts";
import { counted } from "./words.ts";
import type { Tree } from "./yaml-tree.ts";

export function readOwners(
  tree: Tree | undefined,
  members: readonly Member[],
  roles: readonly Role[],
  names: Names,
  problems: Problems,
): Policy["owners"] {
  const section = new Section(tree, "owners", keysOf("owners"), [], problems);
  if (!tree) return { line: section.place.line, threshold: 1, members: [] };
  const listed = section.required("members");
  const spots = references(textList(listed, "owners.members", problems), "member", names.members, problems);
  if (listed?.kind === "list" && listed.items.length === 0) problems.error(listed.place, "the policy has no owner");
  const able = spots.filter((spot) => isAble(spot, members, problems));
  const changers = new Set(roles.filter((role) => role.can.includes("policy.change")).map((role) => role.id));
  const canChange = able.some(({ value }) =>
    members.find((each) => each.id === value)?.roles.some((holding) => changers.has(holding.role)),
  );
  if (listed && spots.length > 0 && !canChange) {
    const hint = "give an owner a role that can policy.change";
    problems.error(listed.place, "no owner holds a role with policy.change: the policy could never change", hint);
  }
  const threshold = section.integer("threshold", 1);
  if (spots.length > 0 && threshold > spots.length) {
    problems.error(
      section.placeOfValue("threshold"),
      `the threshold is ${String(threshold)}, and there ${spots.length === 1 ? "is" : "are"} ${counted(spots.length, "owner")}: the policy could never change`,
      `write 1 to ${String(spots.length)}`,
    );
  }
  return { line: section.place.line, threshold, members: spots.map((spot) => spot.value) };
}

/** An owner signs: that needs a person, and one who is still here. */
function isAble(spot: Spot<string>, members: readonly Member[], problems: Problems): boolean {
  const member = members.find((each) => each.id === spot.value);
  if (member?.suspended !== undefined) {
    problems.error(spot, `owner ${spot.value} is suspended`, "name an owner who is not");
    return false;
  }
  if (member?.service) {
    problems.error(spot, `owner ${spot.value} is a service`, "an owner is a person");
    return false;
  }
  return true;
}
