// The `separate:` part of the policy file: segregation of duties.

import { isRoleAction, ROLE_ACTIONS, type RoleAction, scopeOf, withImplied } from "./actions.ts";
import { keysOf } from "./file-keys.ts";
import type { Separation } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import type { Role } from "./schema.ts";
import { reference, Section } from "./section.ts";
import { quote, type Tree } from "./yaml-tree.ts";

export function readSeparate(
  tree: Tree | undefined,
  names: Names,
  roles: readonly Role[],
  problems: Problems,
): readonly Separation[] {
  if (!tree) return [];
  if (tree.kind !== "list") {
    problems.error(tree.place, "separate must be a list", "- { who: artifact.push, cannot: request.approve }");
    return [];
  }
  const seen = new Set<string>();
  return tree.items.flatMap((item) => {
    const separation = readSeparation(item, names, roles, problems);
    if (!separation) return [];
    const { who, cannot } = separation;
    const key = `${who} ${cannot}`;
    if (seen.has(key)) problems.error(item.place, `${who} and ${cannot} are separated twice`, "remove one of the two");
    seen.add(key);
    return [separation];
  });
}

function readSeparation(tree: Tree, names: Names, roles: readonly Role[], problems: Problems): Separation | undefined {
  const section = new Section(tree, "an entry of separate", keysOf("separation"), [], problems);
  const who = readAction(section, "who", roles, problems);
  const cannot = readAction(section, "cannot", roles, problems);
  const aboveTree = section.optional("above");
  const above = aboveTree ? reference(aboveTree, "classification", names.classes, problems) : undefined;
  if (aboveTree && above === names.classes.at(-1)) {
    problems.error(aboveTree.place, `nothing is above ${quote(above ?? "")}: this can never hold anybody back`);
  }
  if (who === undefined || cannot === undefined) return undefined;
  if (who === cannot) problems.error(tree.place, `${who} cannot be separated from itself`);
  return { line: tree.place.line, who, cannot, above };
}

function readAction(section: Section, key: string, roles: readonly Role[], problems: Problems): RoleAction | undefined {
  const tree = section.required(key);
  const action = reference(tree, "action", ROLE_ACTIONS, problems);
  if (!tree || !isRoleAction(action)) return undefined;
  if (scopeOf(action) !== "artifact" || action.startsWith("secret.")) {
    problems.error(tree.place, `${action} is not done to an artifact or a request: nothing tells who did it`);
  } else if (!roles.some(({ can }) => withImplied(can).includes(action))) {
    problems.error(tree.place, `no role can ${action}: this can never hold anybody back`);
  }
  return action;
}
