// The `retention:` part of the policy file: how long what is in a stage, or of a class, is kept.
import { parseDurationMs } from "../base/units.ts";
import type { Retention } from "./governance.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { entriesOf, Section, scalar } from "./section.ts";
import { quote, type Tree } from "./yaml-tree.ts";

const THEN = ["retire", "shred-keys"] as const;

export function readRetention(tree: Tree | undefined, names: Names, problems: Problems): Retention | undefined {
  if (!tree) return undefined;
  const section = new Section(tree, "retention", [...names.stages, ...names.classes, "then"], [], problems);
  const then = section.required("then");
  const action = THEN.find((each) => then && scalar(then) === each);
  if (then && !action) problems.error(then.place, `then must be one of: ${THEN.join(", ")}`);
  const kept = entriesOf(tree, "retention", problems)
    .map(({ key }) => key)
    .filter((key) => key !== "then" && (names.stages.includes(key) || names.classes.includes(key)))
    .map((key) => ({ key, keepMs: keepMs(section, key), line: section.placeOf(key).line }));
  if (tree.kind === "map" && kept.length === 0 && !problems.failed) {
    problems.error(tree.place, "retention keeps nothing for any time", "add a stage or a class: dev: 30d");
  }
  for (const { key } of kept.filter(({ key }) => names.stages.includes(key) && names.classes.includes(key))) {
    problems.error(section.placeOf(key), `${quote(key)} is a stage and a classification`, "give one another name");
  }
  return {
    line: tree.place.line,
    stages: kept.filter(({ key }) => names.stages.includes(key)).map(({ key, ...rest }) => ({ stage: key, ...rest })),
    classes: kept.filter(({ key }) => names.classes.includes(key)).map(({ key, ...rest }) => ({ class: key, ...rest })),
    after: action ?? "retire",
  };
}

function keepMs(section: Section, key: string): number {
  return section.measured(key, parseDurationMs, "30d (s, m, h, d, y)") ?? 0;
}
