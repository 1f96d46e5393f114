// Where the kernel's control groups are mounted, and where in them a process is (cgroups(7)).
import { readFileSync } from "node:fs";
import { dirname } from "node:path";

/** What limits a whole group of processes. */
export const CONTROLLERS = ["cpu", "memory", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** A folder of a hierarchy that has a controller. */
export interface Place {
  readonly version: 1 | 2;
  /** Where the hierarchy, or as much of it as is visible, is mounted. */
  readonly mount: string;
  /** The group that the process is in; at or below {@link mount}. */
  readonly folder: string;
}

/**
 * The group that decides for a process and a controller; undefined where no hierarchy that is mounted has the
 * controller, or the process is in a part of it that is not visible.
 */
export function placeOf(controller: Controller, pid: number | "self" = "self"): Place | undefined {
  const lines = textOf(`/proc/${String(pid)}/cgroup`).split("\n");
  const mounts = textOf("/proc/self/mountinfo").split("\n").flatMap(readMount);
  // A controller is in one hierarchy: one of version 1, or else the one of version 2.
  const v1 = pathIn(lines, (controllers) => controllers.split(",").includes(controller));
  if (v1 !== undefined)
    return place(1, v1, mounts, ({ type, options }) => type === "cgroup" && options.includes(controller));
  const v2 = pathIn(lines, (controllers, hierarchy) => hierarchy === "0" && controllers === "");
  if (v2 === undefined) return undefined;
  const found = place(2, v2, mounts, ({ type }) => type === "cgroup2");
  return found && wordsOf(`${found.mount}/cgroup.controllers`).includes(controller) ? found : undefined;
}

/** A group and those above it, the innermost first, as far as they are visible. */
export function upwards({ folder, mount }: Place): readonly string[] {
  return folder === mount ? [mount] : [folder, ...upwards({ folder: dirname(folder), mount, version: 2 })];
}

/** Text of a kernel file; empty where there is none, or it may not be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

export function wordsOf(path: string): readonly string[] {
  return textOf(path).split(/\s+/).filter(Boolean);
}

interface Mount {
  /** The group that is seen at {@link point}. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** A line of mountinfo (proc_pid_mountinfo(5)): fixed fields, tags, a dash, the file system's own fields. */
function readMount(line: string): Mount[] {
  const [fixed = "", own = ""] = line.split(" - ");
  const [, , , root, point] = fixed.split(" ");
  const [type, , options] = own.split(" ");
  if (root === undefined || point === undefined || type === undefined || options === undefined) return [];
  return [{ root: unescaped(root), point: unescaped(point), type, options: options.split(",") }];
}

function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function pathIn(
  lines: readonly string[],
  matches: (controllers: string, hierarchy: string) => boolean,
): string | undefined {
  for (const line of lines) {
    const [hierarchy, controllers, ...path] = line.split(":");
    if (hierarchy !== undefined && controllers !== undefined && matches(controllers, hierarchy)) return path.join(":");
  }
  return undefined;
}

function place(
  version: 1 | 2,
  path: string,
  mounts: readonly Mount[],
  fits: (mount: Mount) => boolean,
): Place | undefined {
  for (const { root, point } of mounts.filter(fits)) {
    const below =
      root === "/" ? path : path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
    // A group outside our own namespace is shown as /../….
    if (below === undefined || below.split("/").includes("..")) continue;
    return { version, mount: point, folder: below === "/" ? point : `${point}${below}` };
  }
  return undefined;
}
