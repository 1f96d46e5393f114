// The `roles:` part of the policy file.
import { parseBytes, parseDurationMs } from "../base/units.ts";
import { ROLE_ACTIONS } from "./actions.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import type { Role, WorkspaceLimits } from "./schema.ts";
import { namedEntries, reference, references, Section, scalar, textList } from "./section.ts";
import type { Tree } from "./yaml-tree.ts";

const KNOWN = ["can", "up-to", "purposes", "workspace"];
const LATER = ["stages", "quota", "credentials"];
const WORKSPACE_KNOWN = ["ttl", "max-open", "disk", "network"];
const WORKSPACE_LATER = ["cpus", "memory"];

export function readRoles(tree: Tree | undefined, names: Names, problems: Problems): readonly Role[] {
  if (tree?.kind === "map" && tree.entries.length === 0) problems.error(tree.place, "there is no role");
  return namedEntries(tree, "role", problems).map((entry) => {
    const section = new Section(entry.value, `role ${entry.key}`, KNOWN, LATER, problems);
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
      workspace: readLimits(workspace, problems),
      credentialTtlMs: undefined,
    };
  });
}

function readLimits(tree: Tree | undefined, problems: Problems): WorkspaceLimits {
  if (!tree) return { ttlMs: undefined, openMax: undefined, diskBytes: undefined };
  const section = new Section(tree, "workspace", WORKSPACE_KNOWN, WORKSPACE_LATER, problems);
  const network = section.optional("network");
  if (network && !(network.kind === "list" && network.items.length === 0)) {
    problems.error(network.place, "a network for workspaces is not yet supported", "write network: []");
  }
  return {
    ttlMs: measured(section, "ttl", parseDurationMs, "8h (s, m, h, d)", problems),
    openMax: section.has("max-open") ? section.integer("max-open", 1) : undefined,
    diskBytes: measured(section, "disk", parseBytes, "50GB (B, KB, MB, GB, TB)", problems),
  };
}

function measured(
  section: Section,
  key: string,
  parse: (text: string) => number | undefined,
  example: string,
  problems: Problems,
): number | undefined {
  const tree = section.optional(key);
  if (!tree) return undefined;
  const value = scalar(tree);
  const number = typeof value === "string" ? parse(value) : undefined;
  if (number === undefined || number === 0) problems.error(tree.place, `${key} must look like ${example}`);
  return number;
}
