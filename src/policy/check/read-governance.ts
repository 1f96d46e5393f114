// The facts of a case that stand in the log when somebody really asks, in the words of GovernanceFacts.
import { ROLE_ACTIONS, type RoleAction } from "../actions.ts";
import type { GovernanceFacts, Stated } from "../facts.ts";
import type { Problems } from "../problem.ts";
import type { Policy } from "../schema.ts";
import { entriesOf, reference, references, Section, textList, textOf } from "../section.ts";
import type { Tree } from "../yaml-tree.ts";
import { count, duration, size } from "./values.ts";

const FLAGS = ["retired", "held", "break-glass", "unreviewed"];
export const GOVERNANCE_KEYS = [
  ...["stage", "to-stage", "to-class", "destination", "pushed-by", "did", "approvals", "grant", "evidence"],
  ...["pulled", "exports", "retire", "review-age", "stating", ...FLAGS],
];
const RETIRE = ["retire", "shred", "hold", "release"] as const;

export function readGovernance(section: Section, policy: Policy, problems: Problems): GovernanceFacts {
  const members = policy.members.map(({ id }) => id);
  const read = <T>(key: string, reader: (tree: Tree, what: string, problems: Problems) => T): T | undefined => {
    const value = section.optional(key);
    return value && reader(value, key, problems);
  };
  const known = (key: string, names: readonly string[]) => read(key, (tree) => reference(tree, key, names, problems));
  const facts: GovernanceFacts = {
    ...{ stage: known("stage", policy.stages), toStage: known("to-stage", policy.stages) },
    ...{ toClass: known("to-class", policy.classifications), destination: read("destination", textOf) },
    ...{ pushedBy: known("pushed-by", members), did: readActions(section.optional("did"), problems) },
    approvals: read("approvals", (tree) => people(tree, "approvals", members, problems)),
    grant: readGrant(section.optional("grant"), members, problems),
    evidence: readEvidence(section.optional("evidence"), policy, members, problems),
    ...{ pulledBytes: read("pulled", size), exports: read("exports", count) },
    stating: known(
      "stating",
      policy.evidence.map(({ id }) => id),
    ),
    retire: known("retire", RETIRE) as GovernanceFacts["retire"],
    reviewAgeMs: read("review-age", duration),
    ...{ retired: section.boolean("retired"), held: section.boolean("held") },
    ...{ breakGlass: section.boolean("break-glass"), unreviewed: section.boolean("unreviewed") },
  };
  // As gathered facts do: what is not there is left out.
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined && value !== false));
}

function people(tree: Tree, what: string, members: readonly string[], problems: Problems): readonly string[] {
  return references(textList(tree, what, problems), "member", members, problems).map(({ value }) => value);
}

function readActions(tree: Tree | undefined, problems: Problems): readonly RoleAction[] | undefined {
  if (!tree) return undefined;
  return references(textList(tree, "did", problems), "action", ROLE_ACTIONS, problems).map(({ value }) => value);
}

function readGrant(tree: Tree | undefined, members: readonly string[], problems: Problems): GovernanceFacts["grant"] {
  if (!tree) return undefined;
  const section = new Section(tree, "grant", ["approvals", "age"], [], problems);
  const [approvals, age] = [section.required("approvals"), section.optional("age")];
  return {
    approvals: approvals ? people(approvals, "approvals", members, problems) : [],
    ageMs: (age && duration(age, "age", problems)) ?? 0,
  };
}

/** `{ bias-review: priya }`, or several people who stated the same. */
function readEvidence(
  tree: Tree | undefined,
  policy: Policy,
  members: readonly string[],
  problems: Problems,
): readonly Stated[] | undefined {
  if (!tree) return undefined;
  const entries = entriesOf(tree, "evidence", problems);
  const keys = entries.map(({ key, place }) => ({ value: key, ...place }));
  references(
    keys,
    "kind of evidence",
    policy.evidence.map(({ id }) => id),
    problems,
  );
  return entries.flatMap(({ key, value }) => {
    const by =
      value.kind === "list" ? people(value, key, members, problems) : [reference(value, "member", members, problems)];
    return by.map((member) => ({ kind: key, by: member }));
  });
}
