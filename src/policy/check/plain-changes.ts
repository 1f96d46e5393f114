// What two policies say differently about people, places and times: read off, not asked.
import { formatBytes, formatDuration } from "../../base/units.ts";
import { holdingText, type Member, type Policy, type Role } from "../schema.ts";
import { withoutLines } from "../without-lines.ts";
import type { ChangeLine } from "./difference-lines.ts";

/** In the order of the file. */
export function plainChanges(before: Policy, after: Policy): readonly ChangeLine[] {
  const pair = [before, after] as const;
  return [
    ...single("the project's id", pair, ({ projectId }) => projectId),
    ...single("the policy ends", pair, ({ expires }) => expires.date),
    ...single("signatures that a change needs", pair, ({ owners }) => String(owners.threshold)),
    ...listChanges("owner", pair, ({ owners }) => owners.members),
    ...single("classes, from low to high", pair, ({ classifications }) => classifications.join(" < ")),
    ...domainChanges(pair),
    ...purposeChanges(pair),
    ...memberChanges(pair),
    ...byId(before.roles, after.roles).flatMap(([id, was, now]) => roleChanges(id, was, now)),
    ...otherChanges(pair),
  ];
}

type Pair = readonly [Policy, Policy];

function other(text: string): ChangeLine {
  return { sign: "~", direction: "other", text };
}

function single(what: string, [before, after]: Pair, read: (policy: Policy) => string): readonly ChangeLine[] {
  const [was, now] = [read(before), read(after)];
  return was === now ? [] : [other(`${what}: ${was} -> ${now}`)];
}

function listChanges(
  what: string,
  [before, after]: Pair,
  read: (policy: Policy) => readonly string[],
): readonly ChangeLine[] {
  const [was, now] = [read(before), read(after)];
  return [
    ...now
      .filter((each) => !was.includes(each))
      .map((each): ChangeLine => ({ ...other(`${what} ${each}`), sign: "+" })),
    ...was
      .filter((each) => !now.includes(each))
      .map((each): ChangeLine => ({ ...other(`${what} ${each}`), sign: "-" })),
  ];
}

/** Things by id, with what they were and what they are. */
function byId<T extends { readonly id: string }>(
  before: readonly T[],
  after: readonly T[],
): readonly (readonly [string, T | undefined, T | undefined])[] {
  const ids = new Set([...before, ...after].map(({ id }) => id));
  const find = (list: readonly T[], id: string) => list.find((each) => each.id === id);
  return [...ids].map((id) => [id, find(before, id), find(after, id)] as const);
}

function domainChanges([before, after]: Pair): readonly ChangeLine[] {
  return byId(before.domains, after.domains).flatMap(([id, was, now]): readonly ChangeLine[] => {
    if (!was) return [{ ...other(`domain ${id}, owner ${now?.owner ?? ""}`), sign: "+" }];
    if (!now) return [{ ...other(`domain ${id}`), sign: "-" }];
    const owner = was.owner === now.owner ? [] : [other(`domain ${id}: owner ${was.owner} -> ${now.owner}`)];
    const epochs = `domain ${id}: oldest key epoch ${String(was.epoch)} -> ${String(now.epoch)}`;
    return was.epoch === now.epoch ? owner : [...owner, other(epochs)];
  });
}

function purposeChanges([before, after]: Pair): readonly ChangeLine[] {
  return byId(before.purposes, after.purposes).flatMap(([id, was, now]): readonly ChangeLine[] => {
    if (!was) return [{ ...other(`purpose ${id}${now?.until ? `, until ${now.until.date}` : ""}`), sign: "+" }];
    if (!now) return [{ ...other(`purpose ${id}`), sign: "-" }];
    const [from, to] = [was.until?.date ?? "no end", now.until?.date ?? "no end"];
    return from === to ? [] : [other(`purpose ${id} ends: ${from} -> ${to}`)];
  });
}

function memberChanges([before, after]: Pair): readonly ChangeLine[] {
  return byId(before.members, after.members).flatMap(([id, was, now]): readonly ChangeLine[] => {
    if (!was) return [{ sign: "+", direction: "wider", text: `member ${id} (${now?.name ?? ""}): ${heldBy(now)}` }];
    if (!now) return [{ sign: "-", direction: "narrower", text: `member ${id} (${was.name}): ${heldBy(was)}` }];
    return oneMember(id, was, now);
  });
}

function oneMember(id: string, was: Member, now: Member): readonly ChangeLine[] {
  const [held, holds] = [was.roles.map(holdingText), now.roles.map(holdingText)];
  const about = (text: string) => `member ${id}: ${text}`;
  const lines: ChangeLine[] = [
    ...holds
      .filter((role) => !held.includes(role))
      .map((role) => ({ sign: "+" as const, direction: "wider" as const, text: about(`role ${role}`) })),
    ...held
      .filter((role) => !holds.includes(role))
      .map((role) => ({ sign: "-" as const, direction: "narrower" as const, text: about(`role ${role}`) })),
  ];
  if (was.suspended === undefined && now.suspended !== undefined) {
    lines.push({ sign: "-", direction: "narrower", text: about(`suspended: ${now.suspended}`) });
  } else if (was.suspended !== undefined && now.suspended === undefined) {
    lines.push({ sign: "+", direction: "wider", text: about("suspended no longer") });
  }
  if (was.name !== now.name) lines.push(other(about(`name ${was.name} -> ${now.name}`)));
  if (was.service !== now.service) lines.push(other(about(now.service ? "a service" : "a service no longer")));
  if (withoutLines(was.devices) !== withoutLines(now.devices))
    lines.push(other(about("other keys: compare the fingerprints with them")));
  if (withoutLines(was.oidc) !== withoutLines(now.oidc)) lines.push(other(about("another login")));
  return lines;
}

function heldBy(member: Member | undefined): string {
  const roles = member?.roles.map(holdingText) ?? [];
  return roles.length === 0 ? "no role" : roles.join(", ");
}

/** Amounts of a role; what it may do at all is asked, not read off. */
function roleChanges(id: string, was: Role | undefined, now: Role | undefined): readonly ChangeLine[] {
  if (!was) return [{ ...other(`role ${id}`), sign: "+" }];
  if (!now) return [{ ...other(`role ${id}`), sign: "-" }];
  return AMOUNTS.flatMap(([what, show]): ChangeLine[] => {
    const [from, to] = [show(was), show(now)];
    return from === to ? [] : [other(`role ${id}: ${what} ${from} -> ${to}`)];
  });
}

const upTo = <T>(value: T | undefined, show: (value: T) => string): string =>
  value === undefined ? "without limit" : show(value);
const listedOr = (values: readonly string[] | undefined, none: string): string =>
  values === undefined ? "any" : values.length === 0 ? none : values.join(", ");

const AMOUNTS: readonly (readonly [string, (role: Role) => string])[] = [
  ["purposes", (role) => listedOr(role.purposes, "none")],
  ["stages", (role) => listedOr(role.stages, "none")],
  ["workspaces live", ({ workspace }) => upTo(workspace.ttlMs, formatDuration)],
  ["open workspaces", ({ workspace }) => upTo(workspace.openMax, String)],
  ["disk", ({ workspace }) => upTo(workspace.diskBytes, formatBytes)],
  ["processors", ({ workspace }) => upTo(workspace.cpus, String)],
  ["memory", ({ workspace }) => upTo(workspace.memoryBytes, formatBytes)],
  ["processes", ({ workspace }) => upTo(workspace.processes, String)],
  ["open files", ({ workspace }) => upTo(workspace.openFiles, String)],
  ["time of a command", ({ workspace }) => upTo(workspace.runMs, formatDuration)],
  ["network", ({ workspace }) => listedOr(workspace.network, "none")],
  ["private networks", ({ workspace }) => listedOr(workspace.privateNetworks, "none")],
  ["folders of the host", ({ workspace }) => listedOr(workspace.mounts, "none")],
  ["GPUs", ({ workspace }) => (workspace.gpu ? "yes" : "no")],
  ["drivers", ({ workspace }) => listedOr(workspace.drivers, "none")],
  ["images", ({ workspace }) => listedOr(workspace.images, "none")],
  ["limits that must hold", ({ workspace }) => listedOr(workspace.mustHold, "none")],
  ["credentials live", (role) => upTo(role.credentialTtlMs, formatDuration)],
  ["bytes pulled a day", ({ quota }) => upTo(quota.pullBytesPerDay, formatBytes)],
  ["exports a week", ({ quota }) => upTo(quota.exportsPerWeek, String)],
];

function otherChanges(pair: Pair): readonly ChangeLine[] {
  const whole = (what: string, read: (policy: Policy) => unknown): readonly ChangeLine[] => {
    const [was, now] = [read(pair[0]), read(pair[1])];
    if (withoutLines(was) === withoutLines(now)) return [];
    if (was === undefined) return [{ ...other(what), sign: "+" }];
    return now === undefined ? [{ ...other(what), sign: "-" }] : [other(`${what} changed`)];
  };
  return [
    ...single("stages", pair, ({ stages }) => listedOr(stages, "none")),
    ...single("the label floor reaches back", pair, ({ labelFloor }) => upTo(labelFloor?.ms, formatDuration)),
    ...single("secrets live", pair, ({ rotateSecretsMs }) => upTo(rotateSecretsMs, formatDuration)),
    ...listChanges("key release: rule", pair, ({ rules }) =>
      rules.filter(({ release }) => release).map(({ id }) => id),
    ),
    ...whole("retention", ({ retention }) => retention),
    ...whole("break-glass", ({ breakGlass }) => breakGlass),
    ...whole("access review", ({ accessReview }) => accessReview),
    ...whole("login", ({ login }) => login),
    ...whole("aws", ({ aws }) => aws),
  ];
}
