// The `access-review:` part of the policy file: how often every access is confirmed anew, and by whom.

import { parseDurationMs } from "../base/units.ts";
import type { Staff } from "./approvals.ts";
import { keysOf } from "./file-keys.ts";
import type { AccessReview } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { reference, Section, scalar } from "./section.ts";
import type { Tree } from "./yaml-tree.ts";

export function readAccessReview(
  tree: Tree | undefined,
  names: Names,
  staff: Staff,
  problems: Problems,
): AccessReview | undefined {
  if (!tree) return undefined;
  const section = new Section(tree, "access-review", keysOf("accessReview"), [], problems);
  section.required("every");
  const byTree = section.required("by");
  const by = reference(byTree, "role", names.roles, problems);
  const role = staff.roles.find(({ id }) => id === by);
  if (byTree && role && !role.can.includes("member.review")) {
    problems.error(byTree.place, `role ${by} cannot review access: it lacks member.review`, "add it to its can");
  }
  const reviewers = staff.members.filter(
    ({ suspended, service, roles }) => suspended === undefined && !service && roles.some((held) => held.role === by),
  );
  if (byTree && role && reviewers.length === 0) {
    problems.error(byTree.place, `nobody can review access: no person holds ${by}`);
  }
  const lapsed = section.required("lapsed");
  if (lapsed && scalar(lapsed) !== "read-only") problems.error(lapsed.place, "lapsed must be: read-only");
  const everyMs = section.measured("every", parseDurationMs, "90d (s, m, h, d, y)") ?? 0;
  return { line: tree.place.line, everyMs, by, lapsed: "read-only" };
}
