// The `roles:` part of the policy file.

import { parseBytes, parseDurationMs } from "../base/units.ts";
import { isStaged, ROLE_ACTIONS, type RoleAction } from "./actions.ts";
import { keysOf } from "./file-keys.ts";
import { ANYBODY, type Quota } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { readUse, USE_KEYS } from "./read-use.ts";
import type { Role, WorkspaceLimits } from "./schema.ts";
import { namedEntries, reference, references, Section, type Spot, textList } from "./section.ts";
import { NO_LIMITS } from "./workspace-use.ts";
import type { Tree } from "./yaml-tree.ts";

const WORKSPACE_KNOWN = ["ttl", "max-open", "disk", ...USE_KEYS];

export function readRoles(tree: Tree | undefined, names: Names, problems: Problems): readonly Role[] {
  if (tree?.kind === "map" && tree.entries.length === 0) problems.error(tree.place, "there is no role");
  return namedEntries(tree, "role", problems).map((entry) => {
    const section = new Section(entry.value, `role ${entry.key}`, keysOf("role"), [], problems);
    if (entry.key === ANYBODY) {
      problems.error(entry.place, "a role cannot be called any", "it means anybody who may approve");
    }
    const can = section.required("can");
    const actions = references(textList(can, "can", problems), "action", ROLE_ACTIONS, problems);
    if (can?.kind === "list" && can.items.length === 0) problems.error(can.place, `role ${entry.key} can do nothing`);
    const purposes = section.optional("purposes");
    const purposeSpots = references(textList(purposes, "purposes", problems), "purpose", names.purposes, problems);
    if (purposes?.kind === "list" && purposes.items.length === 0) {
      problems.error(purposes.place, "purposes is empty", "leave it out to allow every purpose");
    }
    const workspace = section.optional("workspace");
    const canCreate = actions.some((spot) => spot.value === "workspace.create");
    if (workspace && can && !canCreate) {
      problems.error(section.placeOf("workspace"), `role ${entry.key} has workspace limits but no workspace.create`);
    }
    return {
      id: entry.key,
      line: entry.place.line,
      can: actions.map((spot) => spot.value),
      upTo: reference(section.required("up-to"), "classification", names.classes, problems),
      purposes: purposes ? purposeSpots.map((spot) => spot.value) : undefined,
      stages: readStages(section, entry.key, actions, names, problems),
      quota: readQuota(section, entry.key, actions, problems),
      workspace: readLimits(workspace, problems),
      credentialTtlMs: readCredentials(section, entry.key, actions, problems),
    };
  });
}

function readStages(
  role: Section,
  id: string,
  can: readonly Spot<RoleAction>[],
  names: Names,
  problems: Problems,
): readonly string[] | undefined {
  const tree = role.optional("stages");
  if (!tree) return undefined;
  if (tree.kind === "list" && tree.items.length === 0) {
    problems.error(tree.place, "stages is empty", "leave it out to allow every stage");
  }
  if (role.has("can") && !can.some((spot) => isStaged(spot.value))) {
    problems.error(role.placeOf("stages"), `role ${id} has stages and can do nothing with a version`);
  }
  const spots = textList(tree, "stages", problems);
  if (names.stages.length > 0) return references(spots, "stage", names.stages, problems).map(({ value }) => value);
  if (spots.length > 0) problems.error(role.placeOf("stages"), "there are no stages: no gate names one", "add gates");
  return [];
}

/** Which actions use up which quota. */
const QUOTAS = {
  "pull-bytes-per-day": ["artifact.pull"],
  "exports-per-week": ["artifact.export", "share.create"],
} as const satisfies Record<string, readonly RoleAction[]>;

function readQuota(role: Section, id: string, can: readonly Spot<RoleAction>[], problems: Problems): Quota {
  const tree = role.optional("quota");
  if (!tree) return { pullBytesPerDay: undefined, exportsPerWeek: undefined };
  const keys = Object.keys(QUOTAS) as (keyof typeof QUOTAS)[];
  const section = new Section(tree, "quota", keys, [], problems);
  if (tree.kind === "map" && tree.entries.length === 0) problems.error(tree.place, "quota limits nothing");
  for (const key of keys.filter((each) => section.has(each) && role.has("can"))) {
    const uses: readonly RoleAction[] = QUOTAS[key];
    if (can.some((spot) => uses.includes(spot.value))) continue;
    problems.error(section.placeOf(key), `role ${id} has a quota and no ${uses.join(" or ")}`);
  }
  return {
    pullBytesPerDay: section.measured("pull-bytes-per-day", parseBytes, "50GB (B, KB, MB, GB, TB)"),
    exportsPerWeek: section.has("exports-per-week") ? section.integer("exports-per-week", 1) : undefined,
  };
}

/** Longest life of a credential; only what can be issued can have one. */
function readCredentials(
  role: Section,
  id: string,
  can: readonly Spot<RoleAction>[],
  problems: Problems,
): number | undefined {
  const tree = role.optional("credentials");
  if (!tree) return undefined;
  if (role.has("can") && !can.some((spot) => spot.value === "creds.issue")) {
    problems.error(role.placeOf("credentials"), `role ${id} has a limit for credentials but no creds.issue`);
  }
  const section = new Section(tree, "credentials", keysOf("credentials"), [], problems);
  section.required("ttl");
  return section.measured("ttl", parseDurationMs, "1h (s, m, h, d)");
}

function readLimits(tree: Tree | undefined, problems: Problems): WorkspaceLimits {
  if (!tree) return { ttlMs: undefined, openMax: undefined, diskBytes: undefined, ...NO_LIMITS };
  const section = new Section(tree, "workspace", WORKSPACE_KNOWN, [], problems);
  return {
    ttlMs: section.measured("ttl", parseDurationMs, "8h (s, m, h, d)"),
    openMax: section.has("max-open") ? section.integer("max-open", 1) : undefined,
    diskBytes: section.measured("disk", parseBytes, "50GB (B, KB, MB, GB, TB)"),
    ...readUse(section, problems),
  };
}
