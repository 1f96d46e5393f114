// What a rule of the policy file requires.

import { parseDurationMs } from "../base/units.ts";
import type { RoleAction } from "./actions.ts";
import { approvingRoles, type Staff } from "./approvals.ts";
import { schemesOf } from "./destination.ts";
import { keysOf } from "./file-keys.ts";
import { ANYBODY, type GrantNeeded } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { type ApprovalsFor, readApprovals } from "./read-approvals.ts";
import { patternProblem } from "./read-destination.ts";
import { FIELDS, type Rule } from "./schema.ts";
import { references, Section, type Spot, scalar, textList } from "./section.ts";
import { listed } from "./words.ts";
import type { Tree } from "./yaml-tree.ts";

const LATER = ["scan"];

/** For what a request can be made (`cloister request create export …`), so that somebody can approve it. */
const APPROVABLE: readonly RoleAction[] = [
  "artifact.export",
  "share.create",
  "artifact.promote",
  "artifact.declassify",
];
/** What access can be granted for. */
const GRANTABLE: readonly RoleAction[] = ["artifact.pull", "workspace.mount", "creds.issue"];
/** What is done to one version that is there already. */
const WITH_EVIDENCE: readonly RoleAction[] = ["artifact.pull", "workspace.mount", ...APPROVABLE];
const WITH_DESTINATION: readonly RoleAction[] = ["artifact.export", "share.create"];

export type Required = Pick<
  Rule,
  "fields" | "provenance" | "approvals" | "grant" | "release" | "evidence" | "destinations"
>;

export const NOTHING_REQUIRED: Required = {
  ...{ fields: [], provenance: undefined, approvals: undefined, grant: undefined, release: undefined },
  ...{ evidence: [], destinations: undefined },
};

/** @param on the rule's actions, with their places */
export function readRequire(
  tree: Tree,
  about: ApprovalsFor,
  on: readonly Spot<RoleAction>[],
  around: { readonly names: Names; readonly staff: Staff },
  problems: Problems,
): Required {
  const section = new Section(tree, "require", keysOf("require"), LATER, problems);
  if (tree.kind === "map" && tree.entries.length === 0) problems.error(tree.place, `${about.what} requires nothing`);
  const only = (key: string, allowed: readonly RoleAction[], why: (action: RoleAction) => string, hint: string) => {
    if (!section.has(key)) return;
    for (const spot of on.filter(({ value }) => !allowed.includes(value))) {
      problems.error(spot, why(spot.value), hint);
    }
  };
  only(
    "approvals",
    APPROVABLE,
    (action) => `${action} cannot wait for approvals`,
    hintFor(APPROVABLE, "grant is for reading"),
  );
  only("grant", GRANTABLE, (action) => `${action} cannot need a grant`, hintFor(GRANTABLE, "for others use approvals"));
  only("evidence", WITH_EVIDENCE, (action) => `there is no evidence for ${action} to look at`, hintFor(WITH_EVIDENCE));
  only("destination", WITH_DESTINATION, (action) => `${action} has no destination`, hintFor(WITH_DESTINATION));
  const fields = references(textList(section.optional("fields"), "fields", problems), "field", FIELDS, problems);
  const provenance = section.optional("provenance");
  if (provenance && scalar(provenance) !== "run") problems.error(provenance.place, "provenance must be: run");
  const approvals = section.optional("approvals");
  const grant = readGrant(section.optional("grant"), about, around.staff, problems);
  const evidence = readListed(section, "evidence", problems);
  return {
    fields: fields.map(({ value }) => value),
    provenance: provenance ? "run" : undefined,
    approvals: approvals ? readApprovals(approvals, about, around.staff, problems) : undefined,
    grant,
    release: readRelease(section, grant, about, around.staff, problems),
    evidence: references(evidence ?? [], "evidence kind", around.names.evidence, problems).map(({ value }) => value),
    destinations: readDestinations(section, on, around.names, problems),
  };
}

function hintFor(actions: readonly RoleAction[], more?: string): string {
  return `only ${listed(actions)} can${more === undefined ? "" : `; ${more}`}`;
}

function readListed(section: Section, key: string, problems: Problems): readonly Spot<string>[] | undefined {
  const tree = section.optional(key);
  if (tree?.kind === "list" && tree.items.length === 0) problems.error(tree.place, `${key} is empty`, "leave it out");
  return tree ? textList(tree, key, problems) : undefined;
}

function readGrant(
  tree: Tree | undefined,
  about: ApprovalsFor,
  staff: Staff,
  problems: Problems,
): GrantNeeded | undefined {
  if (!tree) return undefined;
  const section = new Section(tree, "grant", keysOf("grant"), [], problems);
  section.required("max");
  const approvals = section.required("approvals");
  const maxMs = section.measured("max", parseDurationMs, "4h (s, m, h, d)") ?? 0;
  if (!approvals) return undefined;
  return { line: tree.place.line, approvals: readApprovals(approvals, about, staff, problems), maxMs };
}

/** A key has two halves, one for each of two roles; one person with both could release it alone. */
function readRelease(
  section: Section,
  grant: GrantNeeded | undefined,
  about: ApprovalsFor,
  staff: Staff,
  problems: Problems,
): "keys" | undefined {
  const tree = section.optional("release");
  if (!tree) return undefined;
  if (scalar(tree) !== "keys") problems.error(tree.place, "release must be: keys");
  if (!section.has("grant")) {
    const hint = "grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h }";
    problems.error(tree.place, "keys are released by a grant, and the rule requires none", hint);
  }
  if (!grant) return "keys";
  const { needs } = grant.approvals;
  const [one, other] = needs;
  if (!one || !other || needs.length > 2 || needs.some(({ role, count }) => role === ANYBODY || count !== 1)) {
    const hint = "{ data-owner: 1, security-officer: 1 }";
    problems.error(tree.place, "release: keys needs a grant with one approval of each of two roles", hint);
    return "keys";
  }
  for (const member of staff.members) {
    const both = about.domains.find((domain) => {
      const roles = approvingRoles(staff, member, { domain, class: about.class });
      return roles.includes(one.role) && roles.includes(other.role);
    });
    if (both === undefined) continue;
    const why = `${member.id} is ${one.role} and ${other.role} in ${both}, and would hold both halves of every key`;
    problems.error(tree.place, why, "take one of the roles away");
  }
  return "keys";
}

function readDestinations(
  section: Section,
  on: readonly Spot<RoleAction>[],
  names: Names,
  problems: Problems,
): readonly string[] | undefined {
  const spots = readListed(section, "destination", problems);
  if (!spots) return undefined;
  let sound = true;
  for (const spot of spots) {
    const problem = patternProblem(spot.value, names.domains);
    if (!problem) continue;
    problems.error(spot, problem.message, problem.hint);
    sound = false;
  }
  const patterns = spots.map(({ value }) => value);
  for (const spot of on.filter(({ value }) => sound && WITH_DESTINATION.includes(value))) {
    const schemes = schemesOf(spot.value);
    if (patterns.some((pattern) => schemes.some((scheme) => pattern.startsWith(scheme)))) continue;
    problems.error(spot, `no destination of ${spot.value} is allowed`, `it goes to ${schemes.join("… or ")}…`);
  }
  return patterns;
}
