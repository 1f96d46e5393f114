// The `rules:` part of the policy file.

import { KINDS, ROLE_ACTIONS, type RoleAction, scopeOf, withImplied } from "./actions.ts";
import type { Staff } from "./approvals.ts";
import { keysOf } from "./file-keys.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import type { ApprovalsFor } from "./read-approvals.ts";
import { NOTHING_REQUIRED, type Required, readRequire } from "./read-require.ts";
import type { Role, Rule } from "./schema.ts";
import { namedEntries, references, Section, type Spot, textList, textOf } from "./section.ts";
import { type Entry, quote, type Tree } from "./yaml-tree.ts";

/** What else the file says that a rule must fit. */
interface Around {
  readonly names: Names;
  readonly staff: Staff;
}

export function readRules(tree: Tree | undefined, around: Around, problems: Problems): readonly Rule[] {
  return namedEntries(tree, "rule", problems).map((entry) => readRule(entry, around, problems));
}

function readRule(entry: Entry, around: Around, problems: Problems): Rule {
  const { names } = around;
  const section = new Section(entry.value, `rule ${entry.key}`, keysOf("rule"), [], problems);
  const from = section.optional("from");
  const fromClass = from ? textOf(from, "from", problems) : undefined;
  if (from && fromClass) references([{ value: fromClass, ...from.place }], "classification", names.classes, problems);
  const on = readOn(section, problems);
  const domains = readSome(section, "domains", "domain", names.domains, problems);
  const about: ApprovalsFor = {
    what: `rule ${entry.key}`,
    domains: domains ?? names.domains,
    class: fromClass ?? names.classes[0],
    actions: on.map((spot) => spot.value),
  };
  const rule = {
    id: entry.key,
    line: entry.place.line,
    on: about.actions,
    kinds: readSome(section, "kinds", "kind", KINDS, problems),
    from: fromClass,
    domains,
    ...readEffect(section, entry, about, on, around, problems),
  };
  checkFires(rule, on, names, around.staff.roles, problems);
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
  about: ApprovalsFor,
  on: readonly Spot<RoleAction>[],
  around: Around,
  problems: Problems,
): Pick<Rule, "refuse"> & Required {
  const refuse = section.optional("refuse");
  const require = section.optional("require");
  if (!refuse === !require) {
    problems.error(entry.place, `rule ${entry.key} needs either refuse or require`, "refuse: why, in a sentence");
  }
  const text = refuse ? textOf(refuse, "refuse", problems) : undefined;
  return { refuse: text, ...(require ? readRequire(require, about, on, around, problems) : NOTHING_REQUIRED) };
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
