// The `members:` part of the policy file.
import { keysOf } from "./file-keys.ts";
import type { Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { readDevices } from "./read-devices.ts";
import { Subjects } from "./read-login.ts";
import type { Holding, Member } from "./schema.ts";
import { namedEntries, references, Section, type Spot, scalar, textList, textOf } from "./section.ts";
import { quote, type Tree } from "./yaml-tree.ts";

const LATER = ["email"];

export function readMembers(tree: Tree | undefined, names: Names, problems: Problems): readonly Member[] {
  if (tree?.kind === "map" && tree.entries.length === 0) problems.error(tree.place, "there is no member");
  const holders = new Map<string, string>();
  const subjects = new Subjects(problems);
  return namedEntries(tree, "member", problems).map((entry) => {
    const section = new Section(entry.value, `member ${entry.key}`, keysOf("member"), LATER, problems);
    const suspended = section.optional("suspended");
    return {
      id: entry.key,
      line: entry.place.line,
      name: section.text("name"),
      roles: readHoldings(section.required("roles"), names, problems),
      devices: readDevices(section, entry, holders, problems),
      service: section.boolean("service"),
      oidc: subjects.read(section, entry.key),
      suspended: suspended ? readSuspended(suspended, problems) : undefined,
    };
  });
}

/** `suspended: left 2026-06-30`, or `true`. `false` is refused: who reads it quickly takes it for the opposite. */
function readSuspended(tree: Tree, problems: Problems): string {
  if (scalar(tree) === true) return "suspended";
  if (scalar(tree) === false) {
    problems.error(tree.place, "suspended says why, or is left out", "remove the key");
    return "suspended";
  }
  // Whatever else is wrong with the reason, the member stays suspended.
  return textOf(tree, "suspended", problems) || "suspended";
}

function readHoldings(tree: Tree | undefined, names: Names, problems: Problems): readonly Holding[] {
  return textList(tree, "roles", problems).flatMap((spot) => {
    const at = spot.value.indexOf("@");
    const role = at < 0 ? spot.value : spot.value.slice(0, at);
    const domain = at < 0 ? undefined : spot.value.slice(at + 1);
    const part = (value: string): Spot<string>[] => [{ ...spot, value }];
    const known = references(part(role), "role", names.roles, problems).length > 0;
    const inDomain = domain === undefined || references(part(domain), "domain", names.domains, problems).length > 0;
    if (domain === "") problems.error(spot, `${quote(spot.value)} names no domain after the @`);
    return known && inDomain ? [{ role, domain }] : [];
  });
}
