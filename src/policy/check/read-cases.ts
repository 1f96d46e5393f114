// Reads a policy's test file as strictly as the policy itself: a misspelt fact would make a case pass for the wrong reason.
import { ACTIONS, type Action, KINDS } from "../actions.ts";
import type { Problem } from "../problem.ts";
import { Problems } from "../problem.ts";
import type { Holding, Policy } from "../schema.ts";
import { reference, references, Section, scalar, textList, textOf } from "../section.ts";
import { parseTree, quote, type Tree } from "../yaml-tree.ts";
import type { PolicyCase } from "./case.ts";
import { GOVERNANCE_KEYS, readGovernance } from "./read-governance.ts";
import { readUse, USE_KEY } from "./read-workspace.ts";
import { type StandIns, standInId } from "./stand-ins.ts";
import { duration, readTime } from "./values.ts";

const CASES_MAX = 5000;
const WHO = ["as", "role"];
const ASKED = ["action", "domain", "class", "kind", "purpose", "justification", "ttl"];
const FACTS = ["mfa", "at", "fields", "provenance", "inputs", "epoch", "own-workspace"];
const KNOWN = ["name", ...WHO, ...ASKED, ...FACTS, USE_KEY, ...GOVERNANCE_KEYS, "expect", "rule"];
const EXPECT = ["allow", "deny"] as const;

/** What a test file holds. */
export interface CaseFile {
  readonly cases: readonly PolicyCase[];
  /** Those who ask as somebody with a role, by the id they ask as. */
  readonly standIns: StandIns;
}

/** Reads the cases for a policy. With any problem of severity `error` there are none. */
export function readCases(bytes: Uint8Array, policy: Policy): { file: CaseFile | undefined; problems: Problem[] } {
  const problems = new Problems();
  const tree = parseTree(bytes, problems);
  const file = tree ? readTop(tree, policy, problems) : undefined;
  return { file: problems.failed ? undefined : file, problems: problems.list() };
}

function readTop(tree: Tree, policy: Policy, problems: Problems): CaseFile | undefined {
  const top = new Section(tree, "the test file", ["cloister-test", "defaults", "cases"], [], problems);
  const format = top.required("cloister-test");
  if (format && scalar(format) !== 1) {
    problems.error(format.place, "this version of Cloister reads only files with cloister-test: 1", "upgrade Cloister");
    return undefined;
  }
  const defaults = top.optional("defaults");
  // Whatever is wrong there is said once, and not at every case.
  new Section(defaults, "defaults", KNOWN.slice(1), [], problems);
  const listed = top.required("cases");
  if (listed && listed.kind !== "list") problems.error(listed.place, "cases must be a list");
  if (listed?.kind !== "list" || problems.failed) return undefined;
  if (listed.items.length === 0) problems.error(listed.place, "there is no case");
  if (listed.items.length > CASES_MAX) problems.error(listed.place, `there are more than ${String(CASES_MAX)} cases`);
  const standIns = new Map<string, readonly Holding[]>();
  const reader = { policy, problems, standIns };
  const cases = listed.items.slice(0, CASES_MAX).map((item) => readCase(withDefaults(item, defaults), reader));
  checkNames(cases, problems);
  return { cases, standIns };
}

/** What a case does not say, the defaults say; it leaves one of them out by saying `null`. */
function withDefaults(item: Tree, defaults: Tree | undefined): Tree {
  if (item.kind !== "map" || defaults?.kind !== "map") return item;
  const said = new Set(item.entries.map(({ key }) => key));
  // One person asks: who is named in the case stands instead of whoever the defaults name.
  if (WHO.some((key) => said.has(key))) for (const key of WHO) said.add(key);
  const usual = new Set(defaults.entries.map(({ key }) => key));
  const entries = item.entries.filter(({ key, value }) => !(usual.has(key) && scalar(value) === null));
  return { ...item, entries: [...entries, ...defaults.entries.filter(({ key }) => !said.has(key))] };
}

interface Reader {
  readonly policy: Policy;
  readonly problems: Problems;
  readonly standIns: Map<string, readonly Holding[]>;
}

function readCase(tree: Tree, reader: Reader): PolicyCase {
  const { policy, problems } = reader;
  const section = new Section(tree, "a case", KNOWN, [], problems);
  const name = section.text("name");
  const { who, member } = readWho(section, reader);
  const action = reference(section.required("action"), "action", ACTIONS, problems) as Action;
  const domain = oneOf(
    section,
    "domain",
    policy.domains.map(({ id }) => id),
    problems,
  );
  const ttl = section.optional("ttl");
  const mfa = section.optional("mfa");
  const inputs = oneOf(section, "inputs", policy.classifications, problems);
  const fields = textList(section.optional("fields"), "fields", problems).map(({ value }) => value);
  const at = section.optional("at");
  const request = {
    ...{ action, member, domain, now: at && readTime(at, "at", problems) },
    class: oneOf(section, "class", policy.classifications, problems),
    kind: oneOf(section, "kind", KINDS, problems),
    purpose: readPurpose(section, policy, problems),
    justification: optionalText(section, "justification", problems),
    ttlMs: ttl && duration(ttl, "ttl", problems),
    mfaAgeMs: mfa && duration(mfa, "mfa", problems),
    ...{ fields, provenance: oneOf(section, "provenance", ["run", "none"] as const, problems) },
    label: inputs === undefined ? undefined : { class: inputs, from: "an input" },
    // What a push would write with, so that only what a person controls can refuse it.
    epoch: section.has("epoch") ? section.integer("epoch", 1) : epochOf(policy, domain),
    ownWorkspace: section.boolean("own-workspace"),
    ...readUse(section.optional(USE_KEY), problems),
    governance: readGovernance(section, policy, problems),
  };
  const expect = oneOf(section, "expect", EXPECT, problems) ?? "deny";
  if (!section.has("expect")) problems.error(section.place, `case ${quote(name)} expects nothing`, "add expect: deny");
  const rule = optionalText(section, "rule", problems);
  return { name, line: section.place.line, who, request, expect, rule };
}

/** A member by id, or somebody with one role. */
function readWho(section: Section, { policy, problems, standIns }: Reader): { who: string; member: string } {
  const [as, role] = [section.optional("as"), section.optional("role")];
  if (!as === !role) {
    const message = as
      ? "a case asks as a member or as somebody with a role, not as both"
      : "the case does not say who asks";
    problems.error(section.place, message, "add as: MEMBER or role: ROLE");
  }
  if (as) {
    const member = reference(
      as,
      "member",
      policy.members.map(({ id }) => id),
      problems,
    );
    return { who: member, member };
  }
  const [name = "", domain, ...rest] = role ? textOf(role, "role", problems).split("@") : [];
  const at = role ?? { place: section.place };
  if (role && name !== "")
    references(
      [{ value: name, ...at.place }],
      "role",
      policy.roles.map(({ id }) => id),
      problems,
    );
  const domains = policy.domains.map(({ id }) => id);
  if (domain !== undefined)
    references([{ value: [domain, ...rest].join("@"), ...at.place }], "domain", domains, problems);
  const holding = { role: name, domain };
  const member = standInId(holding);
  standIns.set(member, [holding]);
  return { who: `role ${member.slice(1)}`, member };
}

/** A purpose that the policy does not name may be what the case is about, or a mistake. */
function readPurpose(section: Section, policy: Policy, problems: Problems): string | undefined {
  const purpose = optionalText(section, "purpose", problems);
  if (purpose === undefined || policy.purposes.some(({ id }) => id === purpose)) return purpose;
  problems.warning(section.placeOf("purpose"), `the policy has no purpose ${quote(purpose)}`);
  return purpose;
}

function optionalText(section: Section, key: string, problems: Problems): string | undefined {
  const tree = section.optional(key);
  return tree && textOf(tree, key, problems);
}

function oneOf<T extends string>(
  section: Section,
  key: string,
  known: readonly T[],
  problems: Problems,
): T | undefined {
  const tree = section.optional(key);
  return tree && (reference(tree, key, known, problems) as T);
}

function epochOf(policy: Policy, domain: string | undefined): number | undefined {
  return policy.domains.find(({ id }) => id === domain)?.epoch;
}

/** Two cases of one name could not be told apart in what is printed. */
function checkNames(cases: readonly PolicyCase[], problems: Problems): void {
  const seen = new Map<string, number>();
  for (const { name, line } of cases) {
    const before = seen.get(name);
    if (before !== undefined) {
      problems.error(
        { line, column: 1 },
        `the case ${quote(name)} is there twice`,
        `the first is in line ${String(before)}`,
      );
    }
    seen.set(name, line);
  }
}
