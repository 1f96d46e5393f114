// The `evidence:` part of the policy file: who may state what about a version.

import type { Staff } from "./approvals.ts";
import { keysOf } from "./file-keys.ts";
import type { EvidenceKind } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { namedEntries, references, Section, scalar, textList } from "./section.ts";
import type { Entry, Tree } from "./yaml-tree.ts";

export function readEvidence(
  tree: Tree | undefined,
  names: Names,
  staff: Staff,
  problems: Problems,
): readonly EvidenceKind[] {
  return namedEntries(tree, "evidence kind", problems).map((entry) => readKind(entry, names, staff, problems));
}

function readKind(entry: Entry, names: Names, staff: Staff, problems: Problems): EvidenceKind {
  const section = new Section(entry.value, `evidence ${entry.key}`, keysOf("evidence"), [], problems);
  const by = section.required("by");
  if (by?.kind === "list" && by.items.length === 0) problems.error(by.place, `nobody can state ${entry.key}`);
  const roles = references(textList(by, "by", problems), "role", names.roles, problems);
  for (const spot of roles) {
    const role = staff.roles.find(({ id }) => id === spot.value);
    if (role && !role.can.includes("artifact.attest")) {
      problems.error(spot, `role ${role.id} cannot state ${entry.key}: it lacks artifact.attest`, "add it to its can");
    }
  }
  const ids = roles.map(({ value }) => value);
  const able = staff.members.filter(
    ({ suspended, roles: held }) => suspended === undefined && held.some(({ role }) => ids.includes(role)),
  );
  if (by && ids.length > 0 && able.length === 0) {
    problems.warning(by.place, `nobody can state ${entry.key}: nobody holds ${ids.join(" or ")}`);
  }
  const notBy = section.optional("not-by");
  if (notBy && scalar(notBy) !== "pusher") problems.error(notBy.place, "not-by must be: pusher");
  return { id: entry.key, line: entry.place.line, by: ids, notByPusher: notBy !== undefined };
}

/** Evidence that is declared and asked for nowhere does nothing. */
export function warnUnasked(tree: Tree | undefined, asked: readonly string[], problems: Problems): void {
  for (const { key, place } of tree?.kind === "map" ? tree.entries : []) {
    if (!asked.includes(key)) problems.warning(place, `no rule and no gate asks for ${key}`);
  }
}
