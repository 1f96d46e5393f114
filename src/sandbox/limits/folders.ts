// Control groups made by hand, where this user may: root outside systemd, in containers, and whoever was given a part.
import { accessSync, constants, mkdirSync, readdirSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { identify } from "../host/process.ts";
import { type Controller, type Place, placeOf, textOf, upwards, wordsOf } from "./hierarchy.ts";
import { allowedIn, settingsOf } from "./settings.ts";

/** A group of ours: the workspace, then the maker's pid and start time, which tell an abandoned one from a new one. */
const OURS = /^cloister-[0-9A-Za-z]+-(\d+)-(\d+)$/;
const ID_LENGTH = 16;
/** Magic numbers of both versions (statfs(2)). */
const CGROUP_FILE_SYSTEMS: readonly number[] = [0x27e0eb, 0x63677270];
const REMOVE_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

interface Parent {
  readonly folder: string;
  readonly version: 1 | 2;
}

/** For each controller the group below which one with that controller can be made; none where that cannot be. */
export function parentsFor(controllers: readonly Controller[]): ReadonlyMap<Controller, Parent> {
  const places = controllers.flatMap((controller) => {
    const place = placeOf(controller);
    return place ? [{ controller, place }] : [];
  });
  const parents = new Map<Controller, Parent>();
  for (const { controller, place } of places.filter(({ place }) => place.version === 1)) {
    const folder = parentOf1(place, controller);
    if (folder !== undefined) parents.set(controller, { folder, version: 1 });
  }
  const unified = places.filter(({ place }) => place.version === 2);
  const wanted = unified.map(({ controller }) => controller);
  const chosen = unified[0] && parentOf2(unified[0].place, wanted);
  for (const controller of chosen?.passed ?? []) parents.set(controller, { folder: chosen?.folder ?? "", version: 2 });
  return parents;
}

/**
 * As high up as the caller's own limits reach: a workspace must not be a way out of them, and must not keep a group
 * alive that was made for one command.
 */
function parentOf1(place: Place, controller: Controller): string | undefined {
  const limited = upwards(place).find((folder) => Number.isFinite(allowedIn(folder, controller, 1)));
  const parent = limited ?? place.mount;
  return isWritable(parent) ? parent : undefined;
}

/** The nearest that passes most of the controllers on; a process is in one group of version 2 for all of them. */
function parentOf2(place: Place, wanted: readonly Controller[]) {
  const candidates = upwards(place)
    .filter(isWritable)
    .map((folder) => ({ folder, passed: wanted.filter((controller) => passesOn(folder, controller)) }));
  const most = Math.max(0, ...candidates.map(({ passed }) => passed.length));
  return most === 0 ? undefined : candidates.find(({ passed }) => passed.length === most);
}

function passesOn(folder: string, controller: Controller): boolean {
  const passed = join(folder, "cgroup.subtree_control");
  if (wordsOf(passed).includes(controller)) return true;
  if (!wordsOf(join(folder, "cgroup.controllers")).includes(controller)) return false;
  try {
    // Refused (EBUSY) where processes are in it: in version 2 they are in leaves only.
    writeFileSync(passed, `+${controller}`);
    return true;
  } catch {
    return false;
  }
}

/** Whoever moves a process needs rights on the nearest group above both ends, which this one is. */
function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    accessSync(join(folder, "cgroup.procs"), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a group with limits: a folder in each hierarchy that is needed. What cannot be had is left out; whoever needs to
 * know looks at what a process in it is allowed.
 *
 * @param amounts what each controller is to allow
 * @returns the folders that a process has to be put in
 */
export function makeFolders(id: string, amounts: ReadonlyMap<Controller, number>): readonly string[] {
  const name = `cloister-${id.slice(0, ID_LENGTH)}-${String(process.pid)}-${identify(process.pid)?.startTime ?? "0"}`;
  const folders = new Set<string>();
  const parents = parentsFor([...amounts.keys()]);
  for (const parent of new Set([...parents.values()].map(({ folder }) => folder))) reapIn(parent);
  for (const [controller, parent] of parents) {
    const folder = join(parent.folder, name);
    try {
      mkdirSync(folder, { recursive: true });
      folders.add(folder);
      writeSettings(folder, controller, parent.version, amounts.get(controller) ?? 0);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
    }
  }
  return [...folders];
}

function writeSettings(folder: string, controller: Controller, version: 1 | 2, amount: number): void {
  for (const { file, text, optional } of settingsOf(controller, version, amount)) {
    try {
      writeFileSync(join(folder, file), text, { flag: "r+" });
    } catch (error) {
      if (!optional) throw error;
    }
  }
}

/** Root writes into it: a record that was changed must not have it write elsewhere. @throws CloisterError FAILURE */
export function requireGroup(folder: string): void {
  try {
    if (OURS.test(basename(folder)) && CGROUP_FILE_SYSTEMS.includes(statfsSync(folder).type)) return;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
  throw new CloisterError("FAILURE", "the workspace's control group is gone", {
    why: `${folder} is no control group of a workspace`,
    next: "push what you need, and create another workspace",
  });
}

/** Removes a group once the last process has left it. One that does not empty within 10 s is left to be reaped. */
export async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders.filter((path) => OURS.test(basename(path)))) {
    for (let waitedMs = 0; waitedMs < REMOVE_TIMEOUT_MS && !isRemoved(folder); waitedMs += POLL_MS)
      await sleep(POLL_MS);
  }
}

/** False where processes are in it. */
function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return true;
    if (systemCode(error) === "EBUSY") return false;
    throw error;
  }
}

/** Removes the groups of workspaces that ended by themselves: nobody is in them, and whoever made them is gone. */
function reapIn(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, startTime] = OURS.exec(name) ?? [];
    if (pid === undefined || identify(Number(pid))?.startTime === startTime) continue;
    const folder = join(parent, name);
    if (textOf(join(folder, "cgroup.procs")) !== "") continue;
    try {
      rmdirSync(folder);
    } catch {
      // Another user's, or another command was faster.
    }
  }
}
