// Reads `cloister.policy.yaml`: everything that is wrong with it, in one pass, or the policy.

import { parseDurationMs } from "../base/units.ts";
import { DAY_MS, readDate } from "./dates.ts";
import { keysOf } from "./file-keys.ts";
import type { Problem } from "./problem.ts";
import { Problems } from "./problem.ts";
import { readAccessReview } from "./read-access-review.ts";
import { readAlways } from "./read-always.ts";
import { readAws } from "./read-aws.ts";
import { readBreakGlass } from "./read-break-glass.ts";
import { readEvidence, warnUnasked } from "./read-evidence.ts";
import { readGates, stagesOf } from "./read-gates.ts";
import { readLogin, warnUnreachable } from "./read-login.ts";
import { readMembers } from "./read-members.ts";
import { readOwners } from "./read-owners.ts";
import { readRetention } from "./read-retention.ts";
import { readRoles } from "./read-roles.ts";
import { readRules } from "./read-rules.ts";
import { readSeparate } from "./read-separate.ts";
import type { Dated, Domain, Member, Policy, Purpose, Role } from "./schema.ts";
import { checkId, entriesOf, namedEntries, reference, Section, scalar, textList } from "./section.ts";
import { parseTree, type Tree } from "./yaml-tree.ts";

const LATER = ["scan"];

/** Every (domain, class) pair has its own keys, and every member holds many: this bounds them. */
const KEYS_MAX = 100;
const EXPIRY_WARNING_DAYS = 30;

/** The ids that the parts of the file may refer to. */
export interface Names {
  readonly classes: readonly string[];
  readonly domains: readonly string[];
  readonly purposes: readonly string[];
  readonly members: readonly string[];
  readonly roles: readonly string[];
  /** From the first to the last. */
  readonly stages: readonly string[];
  /** Kinds of evidence. */
  readonly evidence: readonly string[];
}

/**
 * Reads a policy file. With any problem of severity `error` there is no policy.
 *
 * @param options.now wall clock in ms since 1970, for warnings only: an expired policy is still a policy
 */
export function readPolicy(
  bytes: Uint8Array,
  options: { readonly now: number },
): { policy: Policy | undefined; problems: Problem[] } {
  const problems = new Problems();
  const tree = parseTree(bytes, problems);
  const policy = tree ? readTop(tree, problems, options.now) : undefined;
  return { policy: problems.failed ? undefined : policy, problems: problems.list() };
}

function readTop(tree: Tree, problems: Problems, now: number): Policy | undefined {
  const top = new Section(tree, "the policy", keysOf("policy"), LATER, problems);
  const format = top.required("cloister");
  if (format && scalar(format) !== 1) {
    problems.error(format.place, "this version of Cloister reads only policies with cloister: 1", "upgrade Cloister");
    return undefined;
  }
  const names = collectNames(top, problems);
  const members = readMembers(top.required("members"), names, problems);
  const roles = readRoles(top.required("roles"), names, problems);
  const purposes = readPurposes(top.optional("purposes"), problems, now);
  warnUnheld(top, roles, members, problems);
  const project = top.text("project");
  const owners = readOwners(top.required("owners"), members, roles, names, problems);
  const login = readLogin(top.optional("login"), problems);
  warnUnreachable(top.optional("members"), members, login, problems);
  return {
    project,
    projectId: top.formed("id", /^[0-9a-f]{32}$/, "32 hexadecimal digits, as cloister init writes them"),
    ...readVersion(top, problems),
    expires: readExpires(top.required("expires"), problems, now),
    owners,
    classifications: names.classes,
    domains: readDomains(top.required("domains"), members, names, problems),
    purposes,
    members,
    roles,
    ...readAlways(top.optional("always"), { roles, members, owners: owners.members, login }, problems),
    ...readConsent(top, names, members, roles, problems),
    retention: readRetention(top.optional("retention"), names, problems),
    login,
    aws: readAws(top.optional("aws"), { project, names, roles }, problems),
    rotateSecretsMs: readSecrets(top.optional("secrets"), problems),
  };
}

/** Everything that needs other people. */
function readConsent(
  top: Section,
  names: Names,
  members: readonly Member[],
  roles: readonly Role[],
  problems: Problems,
): Pick<Policy, "separate" | "rules" | "evidence" | "stages" | "gates" | "breakGlass" | "accessReview"> {
  const separate = readSeparate(top.optional("separate"), names, roles, problems);
  const staff = { classifications: names.classes, members, roles, separate };
  const evidence = readEvidence(top.optional("evidence"), names, staff, problems);
  const rules = readRules(top.optional("rules"), { names, staff }, problems);
  const gates = readGates(top.optional("gates"), names, staff, problems);
  warnUnasked(
    top.optional("evidence"),
    [...rules, ...gates].flatMap((each) => each.evidence),
    problems,
  );
  return {
    ...{ separate, rules, evidence, stages: names.stages, gates },
    breakGlass: readBreakGlass(top.optional("break-glass"), names, staff, problems),
    accessReview: readAccessReview(top.optional("access-review"), names, staff, problems),
  };
}

/** How old a secret may become. */
function readSecrets(tree: Tree | undefined, problems: Problems): number | undefined {
  if (!tree) return undefined;
  const section = new Section(tree, "secrets", keysOf("secrets"), [], problems);
  section.required("rotate-every");
  return section.measured("rotate-every", parseDurationMs, "90d (s, m, h, d)");
}

function collectNames(top: Section, problems: Problems): Names {
  const keys = (tree: Tree | undefined): string[] =>
    tree?.kind === "map" ? tree.entries.map((entry) => entry.key) : [];
  const classTree = top.required("classifications");
  const classes = textList(classTree, "classifications", problems)
    .filter((spot) => checkId(spot.value, spot, "classification", problems))
    .map((spot) => spot.value);
  if (classTree?.kind === "list" && classTree.items.length === 0) {
    problems.error(classTree.place, "classifications is empty", "write them from low to high: [public, internal]");
  }
  const domains = keys(top.optional("domains"));
  if (domains.length * classes.length > KEYS_MAX) {
    const pairs = `${String(domains.length)} domains × ${String(classes.length)} classes`;
    problems.error(top.placeOf("domains"), `${pairs} is more than ${String(KEYS_MAX)}`, "split the project");
  }
  return {
    classes,
    domains,
    purposes: keys(top.optional("purposes")),
    members: keys(top.optional("members")),
    roles: keys(top.optional("roles")),
    stages: stagesOf(top.optional("gates")),
    evidence: keys(top.optional("evidence")),
  };
}

function readVersion(top: Section, problems: Problems): Pick<Policy, "version" | "previous"> {
  const version = top.integer("version", 1);
  if (version === 1) {
    if (top.has("previous")) problems.error(top.placeOf("previous"), "version 1 has no previous", "remove the line");
    return { version, previous: undefined };
  }
  const previous = top.formed("previous", /^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits");
  return { version, previous: previous.slice("sha256:".length) };
}

function readExpires(tree: Tree | undefined, problems: Problems, now: number): Dated {
  const expires = readDate(tree, "expires", problems);
  if (!tree || problems.failed) return expires;
  const hint = "set a later day, then: cloister policy propose";
  if (now >= expires.endMs) problems.warning(tree.place, `the policy expired on ${expires.date}`, hint);
  else if (expires.endMs - now <= EXPIRY_WARNING_DAYS * DAY_MS) {
    problems.warning(tree.place, `the policy expires on ${expires.date}, in less than 30 days`, hint);
  }
  return expires;
}

function readDomains(
  tree: Tree | undefined,
  members: readonly Member[],
  names: Names,
  problems: Problems,
): readonly Domain[] {
  const entries = namedEntries(tree, "domain", problems);
  if (tree?.kind === "map" && tree.entries.length === 0) problems.error(tree.place, "there is no domain");
  return entries.map((entry) => {
    const section = new Section(entry.value, `domain ${entry.key}`, keysOf("domain"), [], problems);
    const owner = reference(section.required("owner"), "member", names.members, problems);
    const member = members.find((each) => each.id === owner);
    if (member?.suspended !== undefined) {
      problems.error(section.placeOf("owner"), `the owner of domain ${entry.key} is suspended`);
    }
    return { id: entry.key, line: entry.place.line, owner, epoch: section.integer("epoch", 1) };
  });
}

function readPurposes(tree: Tree | undefined, problems: Problems, now: number): readonly Purpose[] {
  return namedEntries(tree, "purpose", problems).map((entry) => {
    const section = new Section(entry.value, `purpose ${entry.key}`, keysOf("purpose"), [], problems);
    const written = section.optional("until");
    const until = written ? readDate(written, "until", problems) : undefined;
    if (until && now >= until.endMs && !problems.failed) {
      problems.warning(section.placeOf("until"), `purpose ${entry.key} ended on ${until.date}`);
    }
    return { id: entry.key, line: entry.place.line, until };
  });
}

function warnUnheld(top: Section, roles: readonly Role[], members: readonly Member[], problems: Problems): void {
  const tree = top.optional("roles");
  const entries = tree ? (tree.kind === "map" ? entriesOf(tree, "roles", problems) : []) : [];
  for (const role of roles) {
    const held = members.some(
      (member) => member.suspended === undefined && member.roles.some((h) => h.role === role.id),
    );
    const place = entries.find((entry) => entry.key === role.id)?.place;
    if (!held && place) problems.warning(place, `nobody holds role ${role.id}`);
  }
}
