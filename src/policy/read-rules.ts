// The `rules:` part of the policy file.
import { KINDS, ROLE_ACTIONS, type RoleAction, scopeOf, withImplied } from "./actions.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { FIELDS, type Field, type Role, type Rule } from "./schema.ts";
import { namedEntries, references, Section, type Spot, scalar, textList, textOf } from "./section.ts";
import { type Entry, quote, type Tree } from "./yaml-tree.ts";

const RULE_KNOWN = ["on", "kinds", "from", "domains", "refuse", "require"];
const REQUIRE_KNOWN = ["fields", "provenance"];
const REQUIRE_LATER = ["grant", "approvals", "scan", "evidence", "release", "destination", "max"];

export function readRules(
  tree: Tree | undefined,
  names: Names,
  roles: readonly Role[],
  problems: Problems,
): readonly Rule[] {
  return namedEntries(tree, "rule", problems).map((entry) => readRule(entry, names, roles, problems));
}

function readRule(entry: Entry, names: Names, roles: readonly Role[], problems: Problems): Rule {
  const section = new Section(entry.value, `rule ${entry.key}`, RULE_KNOWN, [], problems);
  const from = section.optional("from");
  const fromClass = from ? textOf(from, "from", problems) : undefined;
  if (from && fromClass) references([{ value: fromClass, ...from.place }], "classification", names.classes, problems);
  const on = readOn(section, problems);
  const rule = {
    id: entry.key,
    line: entry.place.line,
    on: on.map((spot) => spot.value),
    kinds: readSome(section, "kinds", "kind", KINDS, problems),
    from: fromClass,
    domains: readSome(section, "domains", "domain", names.domains, problems),
    ...readEffect(section, entry, problems),
    approvals: undefined,
    grant: undefined,
    release: undefined,
    evidence: [],
    destinations: undefined,
  };
  checkFires(rule, on, names, roles, problems);
  return rule;
}

function readOn(section: Section, problems: Problems): readonly Spot<RoleAction>[] {
  const tree = section.required("on");
  if (tree?.kind === "list" && tree.items.length === 0) problems.error(tree.place, "the rule is on no action");
  return references(textList(tree, "on", problems), "action", ROLE_ACTIONS, problems);
}

function readSome(
  section: Section,
  key: string,
  what: string,
  known: readonly string[],
  problems: Problems,
): readonly string[] | undefined {
  const tree = section.optional(key);
  if (!tree) return undefined;
  if (tree.kind === "list" && tree.items.length === 0) {
    problems.error(tree.place, `${key} is empty: the rule can never fire`, `leave ${key} out to mean all`);
  }
  return references(textList(tree, key, problems), what, known, problems).map((spot) => spot.value);
}

function readEffect(
  section: Section,
  entry: Entry,
  problems: Problems,
): Pick<Rule, "refuse" | "fields" | "provenance"> {
  const refuse = section.optional("refuse");
  const require = section.optional("require");
  if (!refuse === !require) {
    problems.error(entry.place, `rule ${entry.key} needs either refuse or require`, "refuse: why, in a sentence");
  }
  const text = refuse ? textOf(refuse, "refuse", problems) : undefined;
  if (!require) return { refuse: text, fields: [], provenance: undefined };
  const required = new Section(require, "require", REQUIRE_KNOWN, REQUIRE_LATER, problems);
  const listed = textList(required.optional("fields"), "fields", problems);
  const fields: Field[] = references(listed, "field", FIELDS, problems).map((spot) => spot.value);
  const provenance = required.optional("provenance");
  if (provenance && scalar(provenance) !== "run") problems.error(provenance.place, "provenance must be: run");
  if (!provenance && listed.length === 0) problems.error(require.place, `rule ${entry.key} requires nothing`);
  return { refuse: text, fields, provenance: provenance ? "run" : undefined };
}

/** Only a push declares fields and provenance; only artifacts have a kind; project-wide actions touch no data. */
function checkFires(
  rule: Rule,
  on: readonly Spot<RoleAction>[],
  names: Names,
  roles: readonly Role[],
  problems: Problems,
): void {
  const rank = (name: string): number => names.classes.indexOf(name);
  for (const spot of on) {
    const action = spot.value;
    const never = (why: string): void => {
      problems.error(spot, `rule ${rule.id} can never fire on ${action}: ${why}`);
    };
    const allowing = roles.filter((role) => withImplied(role.can).includes(action));
    const scope = scopeOf(action);
    const narrowed = rule.from !== undefined || rule.kinds !== undefined || rule.domains !== undefined;
    if (allowing.length === 0) never("no role allows it");
    else if (scope === "project" && narrowed) never("it is about the whole project, not about data");
    else if (scope === "area" && rule.kinds !== undefined && action !== "artifact.read-metadata") {
      never("it is not about one artifact");
    } else if (action.startsWith("secret.") && rule.kinds !== undefined) {
      never("a secret is of no kind");
    } else if (rule.from !== undefined && !allowing.some((role) => rank(role.upTo) >= rank(rule.from ?? ""))) {
      never(`no role that allows it reaches ${quote(rule.from)}`);
    }
    const declared = rule.fields.filter((field) => field === "owner" || field === "licence");
    if ((declared.length > 0 || rule.provenance) && action !== "artifact.push") {
      problems.error(spot, `${action} declares no ${declared[0] ?? "provenance"}`, "only artifact.push does");
    }
  }
}
