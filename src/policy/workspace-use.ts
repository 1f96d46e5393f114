// What one workspace may use beyond time and disk: one row for each kind, from the policy file's key to the refusal.
import { bytesFlag, durationFlag, formatBytes, formatDuration } from "../base/units.ts";
import { atMost, contains, containsAll, context, type Expr, ifHas, literal, negated, textSet } from "./cedar-json.ts";

/** What is asked for a workspace. What is left out, or empty, asks for nothing. */
export interface WorkspaceUse {
  /** Whole processors. */
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
  /** Processes and threads at once. */
  readonly processes?: number | undefined;
  /** Open files of one process. */
  readonly openFiles?: number | undefined;
  /** Longest time of one command. */
  readonly runMs?: number | undefined;
  /** `host:port` or `*.domain:port`, as the policy writes them. */
  readonly network?: readonly string[] | undefined;
  /** Folders of the host that are shown read-only, as the policy writes them. */
  readonly mounts?: readonly string[] | undefined;
  readonly gpu?: boolean | undefined;
  readonly driver?: string | undefined;
  /** Container image, by digest. */
  readonly image?: string | undefined;
}

/** Limits that a policy may demand to be enforced, whatever the host can do. */
export const ENFORCEABLE = ["cpus", "memory", "processes", "disk", "open-files", "run-time"] as const;
export type Enforceable = (typeof ENFORCEABLE)[number];

export const DRIVERS = ["bubblewrap", "podman"] as const;

/** What a role says; undefined where it sets no limit, and for lists and `gpu`, which are allowed only where named. */
export interface UseLimits {
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly processes: number | undefined;
  readonly openFiles: number | undefined;
  readonly runMs: number | undefined;
  readonly network: readonly string[];
  /** CIDRs beyond public addresses that allowed hosts may resolve to. */
  readonly privateNetworks: readonly string[];
  readonly mounts: readonly string[];
  readonly gpu: boolean;
  /** Undefined: any. */
  readonly drivers: readonly string[] | undefined;
  readonly images: readonly string[];
  readonly mustHold: readonly Enforceable[];
}

export type UsePart = keyof WorkspaceUse;

export const NO_LIMITS: UseLimits = {
  ...{ cpus: undefined, memoryBytes: undefined, processes: undefined, openFiles: undefined, runMs: undefined },
  ...{ network: [], privateNetworks: [], mounts: [], gpu: false, drivers: undefined, images: [], mustHold: [] },
};

/** One condition for each kind of use that a role limits. */
export function useConditions(limits: UseLimits): readonly { readonly part: UsePart; readonly when: Expr }[] {
  const atMostOf = (part: UsePart, max: number | undefined) =>
    max === undefined ? [] : [{ part, when: ifHas(context, part, (value) => atMost(value, literal(max)), true) }];
  // Cedar's validator refuses an empty set; where nothing is allowed, nothing may be asked for.
  const oneOf = (part: UsePart, allowed: readonly string[], holds: (value: Expr, set: Expr) => Expr) => ({
    part,
    when: ifHas(
      context,
      part,
      (value) => (allowed.length === 0 ? literal(false) : holds(value, textSet(allowed))),
      true,
    ),
  });
  const within = (value: Expr, set: Expr) => contains(set, value);
  const allWithin = (value: Expr, set: Expr) => containsAll(set, value);
  return [
    ...atMostOf("cpus", limits.cpus),
    ...atMostOf("memoryBytes", limits.memoryBytes),
    ...atMostOf("processes", limits.processes),
    ...atMostOf("openFiles", limits.openFiles),
    ...atMostOf("runMs", limits.runMs),
    oneOf("network", limits.network, allWithin),
    oneOf("mounts", limits.mounts, allWithin),
    ...(limits.gpu ? [] : [{ part: "gpu" as const, when: ifHas(context, "gpu", (value) => negated(value), true) }]),
    ...(limits.drivers ? [oneOf("driver", limits.drivers, within)] : []),
    oneOf("image", limits.images, within),
  ];
}

/** The use as Cedar's context has it. */
export function useContext(use: WorkspaceUse | undefined): Record<string, string | number | boolean | string[]> {
  const entries = Object.entries(use ?? {}).filter(([, value]) => value !== undefined && !isEmpty(value));
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]));
}

function isEmpty(value: unknown): boolean {
  return value === false || (Array.isArray(value) && value.length === 0);
}

/** Why a role does not allow what is asked. */
export function useLack(part: UsePart, role: string, limits: UseLimits | undefined, use: WorkspaceUse): string {
  const most = (text: string, asked: string) => `workspaces of role ${role} have at most ${text}, asked for ${asked}`;
  switch (part) {
    case "cpus":
      return most(`${String(limits?.cpus)} processors`, String(use.cpus));
    case "memoryBytes":
      return most(`${formatBytes(limits?.memoryBytes ?? 0)} of memory`, formatBytes(use.memoryBytes ?? 0));
    case "processes":
      return most(`${String(limits?.processes)} processes`, String(use.processes));
    case "openFiles":
      return most(`${String(limits?.openFiles)} open files`, String(use.openFiles));
    case "runMs":
      return most(`${formatDuration(limits?.runMs ?? 0)} for a command`, formatDuration(use.runMs ?? 0));
    case "network":
      return `workspaces of role ${role} reach ${named(limits?.network, "no network")}, not ${others(use.network, limits?.network)}`;
    case "mounts":
      return `workspaces of role ${role} show ${named(limits?.mounts, "no folder of the host")}, not ${others(use.mounts, limits?.mounts)}`;
    case "gpu":
      return `workspaces of role ${role} have no GPU`;
    case "driver":
      return `workspaces of role ${role} run with ${named(limits?.drivers, "no driver")}, not ${use.driver ?? "?"}`;
    case "image":
      return `workspaces of role ${role} may use ${named(limits?.images, "no container image")}, not ${use.image ?? "?"}`;
  }
}

/** The flag that asks for as much as a role allows; undefined for what has no such flag. */
export function useFlag(part: UsePart, limits: UseLimits | undefined): string | undefined {
  switch (part) {
    case "cpus":
      return `--cpus ${String(limits?.cpus)}`;
    case "memoryBytes":
      return `--memory ${bytesFlag(limits?.memoryBytes ?? 0)}`;
    case "processes":
      return `--processes ${String(limits?.processes)}`;
    case "openFiles":
      return `--open-files ${String(limits?.openFiles)}`;
    case "runMs":
      return `--run-time ${durationFlag(limits?.runMs ?? 0)}`;
    default:
      return undefined;
  }
}

/** What to choose instead, or undefined where there is no choice. */
export function useNext(part: UsePart, limits: UseLimits | undefined): string | undefined {
  if (part === "driver" && limits?.drivers?.[0] !== undefined) return `add --driver ${limits.drivers[0]}`;
  if (part === "image" && limits?.images[0] !== undefined) return `add --image ${limits.images[0]}`;
  return undefined;
}

/** The key of a role's `workspace:` that would have to name what is asked, with what to add; undefined for amounts. */
export function useKey(part: UsePart, limits: UseLimits | undefined, use: WorkspaceUse): string | undefined {
  if (part === "network" || part === "mounts") return `${others(use[part], limits?.[part])} to ${part}`;
  if (part === "gpu") return "gpu: true";
  if (part === "driver") return `${use.driver ?? "?"} to drivers`;
  return part === "image" ? `${use.image ?? "?"} to images` : undefined;
}

function named(values: readonly string[] | undefined, none: string): string {
  return values && values.length > 0 ? values.join(", ") : none;
}

function others(asked: readonly string[] | undefined, allowed: readonly string[] | undefined): string {
  return (asked ?? []).filter((value) => !(allowed ?? []).includes(value)).join(", ");
}
