// Hundreds of differing answers as the few lines that a person reads before signing.
import { listed } from "../words.ts";
import type { Compared, Difference } from "./differences.ts";
import type { Spot } from "./questions.ts";

/** `+`: something is there that was not, an allowance or a need; `-`: it is gone. */
export interface ChangeLine {
  readonly sign: "+" | "-" | "~";
  /** Whether more is allowed now, or less; `other` where that is not the question. */
  readonly direction: "wider" | "narrower" | "other";
  readonly text: string;
}

/** One kind of difference, and everything it is alike for. */
interface Group {
  readonly variation: Difference["variation"];
  readonly allows: boolean;
  /** Where, as the end of a sentence. */
  readonly where: string;
  readonly roles: readonly string[];
  /** Whether these are all roles that may do it. */
  readonly everybody: boolean;
  readonly actions: readonly string[];
}

/** Answers that differ, with roles and actions of the same difference in one line; what allows more comes first. */
export function linesOf(compared: Compared): readonly ChangeLine[] {
  const alike = new Map<string, Difference[]>();
  for (const difference of compared.differences) {
    const { action, variation, allows } = difference;
    push(alike, JSON.stringify([action, variation, allows]), difference);
  }
  const groups = new Map<string, Group[]>();
  for (const group of [...alike.values()].flatMap((each) => groupsOf(compared, each))) {
    push(groups, JSON.stringify({ ...group, actions: [] }), group);
  }
  const lines = [...groups.values()].map(([first, ...others]) => {
    const group = first as Group;
    return lineOf({ ...group, actions: [...group.actions, ...others.flatMap(({ actions }) => actions)] });
  });
  return [
    ...lines.filter(({ direction }) => direction === "wider"),
    ...lines.filter(({ direction }) => direction !== "wider"),
  ];
}

/** Differences of one action, parted by where each role has them. */
function groupsOf(compared: Compared, differences: readonly Difference[]): readonly Group[] {
  const byRole = new Map<string, Difference[]>();
  for (const difference of differences) push(byRole, difference.role, difference);
  const { action, variation, allows } = differences[0] as Difference;
  const roles = new Map<string, string[]>();
  for (const [role, own] of byRole) {
    const asked = (variation ? compared.allowed : compared.places).get(`${role} ${action}`) ?? [];
    const spots = own.map(({ spot }) => spot);
    for (const where of factored(spots, asked)) push(roles, where, role);
  }
  const holders = [...compared.allowed.keys()].filter((key) => key.endsWith(` ${action}`)).length;
  return [...roles].map(([where, who]) => ({
    ...{ variation, allows, where, roles: who, everybody: who.length === holders, actions: [action] },
  }));
}

function lineOf({ variation, allows, where, roles, everybody, actions }: Group): ChangeLine {
  const direction = allows ? "wider" : "narrower";
  const what = listed(actions);
  if (variation?.is !== "needs") {
    const how = variation ? ` ${variation.text}` : "";
    const text = `${listed(roles)} may ${allows ? "now" : "no longer"} ${what}${where}${how}`;
    return { sign: allows ? "+" : "-", direction, text };
  }
  const who = everybody ? "" : ` by ${listed(roles, "or")}`;
  const verb = `${allows ? "no longer" : "now"} ${actions.length === 1 ? "needs" : "need"}`;
  return { sign: allows ? "-" : "+", direction, text: `${what}${where}${who} ${verb} ${variation.text}` };
}

/** The dimensions in the order of a sentence, and how each is said. */
const SAID: readonly (readonly [keyof Spot, (values: string) => string])[] = [
  ["class", (values) => ` of ${values}`],
  ["kind", (values) => ` (${values})`],
  ["domain", (values) => ` in domain ${values}`],
  ["stage", (values) => ` in stage ${values}`],
  ["to", (values) => ` to ${values}`],
];

/** Places as texts, as few as possible; a dimension that makes no difference is not said. */
function factored(spots: readonly Spot[], asked: readonly Spot[], dimensions = SAID): readonly string[] {
  const [first, ...rest] = dimensions;
  if (!first) return [""];
  const [name, say] = first;
  const alike = new Map<string, string[]>();
  for (const value of valuesOf(spots, name)) {
    const within = (each: Spot) => each[name] === value;
    const texts = factored(spots.filter(within), asked.filter(within), rest);
    push(alike, JSON.stringify(texts), value ?? "");
  }
  const all = valuesOf(asked, name).length;
  return [...alike].flatMap(([texts, values]) => {
    const here = values.length === all ? "" : say(listed(values));
    return (JSON.parse(texts) as string[]).map((text) => here + text);
  });
}

function valuesOf(spots: readonly Spot[], name: keyof Spot): readonly (string | undefined)[] {
  return [...new Set(spots.map((spot) => spot[name]))];
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  list.push(item);
}
