// What somebody who holds roles can reach, as far as names of objects can tell: the rest of the policy is about facts
// (kinds, purposes, justifications) that a server which sees names alone cannot judge.
import { KINDS, type RoleAction, scopeOf, withImplied } from "../actions.ts";
import type { Policy, Role, Rule } from "../schema.ts";

/** A domain and a class: what keys and prefixes are for. */
export interface Place {
  readonly domain: string;
  readonly class: string;
}

/** A role as it is held; in every domain where there is none. */
export interface Held {
  readonly role: Role;
  readonly domain: string | undefined;
}

/** Places in the order of the policy. */
export interface Reach {
  /** Whose artifacts may be read. */
  readonly read: readonly Place[];
  /** Whose manifests may be read, and nothing more. */
  readonly describe: readonly Place[];
  /** Where may be pushed. */
  readonly push: readonly Place[];
  /** Whose secrets may be read: to use them, or to set them anew. */
  readonly readSecrets: readonly Place[];
  /** Where secrets may be set and removed. */
  readonly writeSecrets: readonly Place[];
  /** Whose keys may be destroyed. */
  readonly end: readonly Place[];
  /** About whose versions may be stated something. */
  readonly attest: readonly Place[];
  /** Whose artifacts may be tagged. */
  readonly tag: readonly Place[];
  /** About whose versions others may be asked. */
  readonly ask: readonly Place[];
  /** About whose versions others may be answered. */
  readonly approve: readonly Place[];
  /** Whether the whole store may be copied, sealed as it is. */
  readonly copy: boolean;
  /** Whether the store may be cleaned up: any pack, seal and wrap may be deleted, whatever is in it. */
  readonly collect: boolean;
  /** Whether join requests may be answered. */
  readonly admit: boolean;
  /** Whether policy versions may be published: policies, key epochs and key files. */
  readonly publish: boolean;
  /** Lines of the roles and rules that this rests on. */
  readonly lines: readonly number[];
  /** Rules about these places that names of objects cannot tell. */
  readonly unseen: readonly Rule[];
}

const READING: readonly RoleAction[] = ["artifact.pull", "workspace.mount"];
const PUBLISHING: readonly RoleAction[] = ["policy.change", "member.add", "key.rotate"];

/** @param within places that are to be left out give false */
export function reachOf(policy: Policy, held: readonly Held[], within: (place: Place) => boolean = () => true): Reach {
  const may = (action: RoleAction, place: Place): boolean => allows(policy, held, action, place);
  const anywhere = (action: RoleAction): boolean =>
    held.some(({ role }) => role.can.includes(action)) && !policy.rules.some((rule) => refusesAll(rule, action));
  const places = placesOf(policy).filter(within);
  const push = places.filter((place) => may("artifact.push", place));
  // A push looks among the earlier versions for what need not be stored again, and so reads where it may see them.
  const deduplicates = (place: Place): boolean => push.includes(place) && may("artifact.read-metadata", place);
  const read = places.filter((place) => READING.some((action) => may(action, place)) || deduplicates(place));
  const describe = places.filter((place) => !read.includes(place) && may("artifact.read-metadata", place));
  const writeSecrets = places.filter((place) => may("secret.write", place));
  const readSecrets = places.filter((place) => may("secret.read", place) || writeSecrets.includes(place));
  const touched = [...read, ...describe, ...push, ...readSecrets];
  const rules = policy.rules.filter((rule) => rule.on.some((action) => scopeOf(action) !== "project"));
  const applying = (rule: Rule, among: readonly Place[]): boolean => among.some((place) => about(policy, rule, place));
  const refusing = rules.filter((rule) => rule.refuse !== undefined && whole(rule));
  const reached = placesOf(policy).filter((place) => held.some((holding) => reaches(policy, holding, place)));
  const lines = [
    ...held.map(({ role }) => role.line),
    ...refusing.filter((rule) => applying(rule, reached)).map((rule) => rule.line),
  ];
  return {
    read,
    describe,
    push,
    readSecrets,
    writeSecrets,
    end: places.filter((place) => may("artifact.retire", place)),
    attest: places.filter((place) => may("artifact.attest", place)),
    tag: places.filter((place) => may("artifact.tag", place)),
    ask: places.filter((place) => may("request.create", place)),
    approve: places.filter((place) => may("request.approve", place)),
    copy: anywhere("store.copy"),
    collect: anywhere("store.gc"),
    admit: anywhere("member.add"),
    publish: PUBLISHING.some(anywhere),
    lines: [...new Set(lines)].sort((a, b) => a - b),
    unseen: rules.filter((rule) => !refusing.includes(rule) && applying(rule, touched)),
  };
}

/** Every domain with every class. */
export function placesOf(policy: Policy): readonly Place[] {
  return policy.domains.flatMap(({ id }) => policy.classifications.map((name) => ({ domain: id, class: name })));
}

/** Whether one of the roles allows it there and no rule refuses it there whatever the facts are. */
export function allows(policy: Policy, held: readonly Held[], action: RoleAction, place: Place): boolean {
  const covered = held.some(
    (holding) => withImplied(holding.role.can).includes(action) && reaches(policy, holding, place),
  );
  return covered && !policy.rules.some((rule) => refusesAll(rule, action) && about(policy, rule, place));
}

/** Whether the place is in the role's domain and not above its ceiling. */
function reaches(policy: Policy, { role, domain }: Held, place: Place): boolean {
  const rank = (name: string): number => policy.classifications.indexOf(name);
  return (domain ?? place.domain) === place.domain && rank(role.upTo) >= rank(place.class);
}

function refusesAll(rule: Rule, action: RoleAction): boolean {
  return rule.refuse !== undefined && rule.on.includes(action) && whole(rule);
}

/** About artifacts of every kind: the kind is no part of any name. */
function whole(rule: Rule): boolean {
  return rule.kinds === undefined || KINDS.every((kind) => rule.kinds?.includes(kind));
}

function about(policy: Policy, rule: Rule, place: Place): boolean {
  const rank = (name: string): number => policy.classifications.indexOf(name);
  return (
    (rule.from === undefined || rank(place.class) >= rank(rule.from)) &&
    (rule.domains === undefined || rule.domains.includes(place.domain))
  );
}
