// The control group of a workspace: made before its holder, entered by every process on its way in, gone with it.
import { makeFolders, parentsFor, removeFolders, requireGroup } from "./folders.ts";
import { CONTROLLERS, type Controller } from "./hierarchy.ts";
import { allowedFor } from "./settings.ts";
import {
  ATTACH,
  controllersOf,
  managerFor,
  runtimeFolder,
  type Scope,
  scopeName,
  startScope,
  systemdPrograms,
} from "./systemd.ts";

/** What entering a group needs of the process it is done from. */
interface Entrant {
  readonly programs: { readonly sh: string; readonly env: string };
  readonly uid: number;
}

/** Plain JSON that is enough to enter a group, and to end it, from another process. */
export interface Cgroup {
  /** A scope of systemd, and whose. */
  readonly scope?: Scope | undefined;
  /** Folders that we made, each in a hierarchy of its own. */
  readonly folders: readonly string[];
  /** What the kernel was seen to hold for the workspace. */
  readonly holds: readonly Controller[];
}

/** A group for a workspace that has no process yet. */
export interface PreparedCgroup {
  readonly cgroup: Cgroup;
  /** Words before the command line of the first process: it is in the group before it runs. */
  readonly words: readonly string[];
}

/** $1 times a folder whose group the shell enters; 0 stands for itself. */
const ENTER = `left=$1; shift
while [ "$left" -gt 0 ]; do echo 0 >"$1/cgroup.procs" || exit 125; shift; left=$((left - 1)); done`;

/** A shell that does something, and becomes the rest of its arguments; where it cannot do it, nothing is run. */
function shell(sh: string, script: string, args: readonly string[]): readonly string[] {
  return [sh, "-c", `${script}\nexec "$@"`, "cloister", ...args];
}

/**
 * A group with as many of the limits as can be had here.
 *
 * @param amounts what each controller is to allow
 * @returns undefined where none is wanted or can be had
 */
export function prepareCgroup(
  { programs: { sh, env }, uid }: Entrant,
  workspace: string,
  amounts: ReadonlyMap<Controller, number>,
): PreparedCgroup | undefined {
  const id = workspace.replace(/[^0-9A-Za-z]/g, "");
  if (amounts.size === 0 || id === "") return undefined;
  const [manager, programs] = [managerFor(uid), systemdPrograms()];
  if (manager && programs) {
    const scope = { manager, name: scopeName(id) };
    return { cgroup: { scope, folders: [], holds: [] }, words: startScope({ ...programs, env }, scope, uid, amounts) };
  }
  const folders = makeFolders(id, amounts);
  if (folders.length === 0) return undefined;
  return { cgroup: { folders, holds: [] }, words: shell(sh, ENTER, [String(folders.length), ...folders]) };
}

/** The group as it is once its first process runs: what the kernel allows that process decides, not what was asked for. */
export function provenCgroup(cgroup: Cgroup, amounts: ReadonlyMap<Controller, number>, pid: number): Cgroup {
  const held = [...amounts].filter(([controller, amount]) => allowedFor(pid, controller) <= amount);
  return { ...cgroup, holds: held.map(([controller]) => controller) };
}

/**
 * Words before the command line of every later process of the workspace.
 *
 * @throws {@link CloisterError} FAILURE where the record names what is no group of ours
 */
export function enterWords({ programs: { sh }, uid }: Entrant, cgroup: Cgroup | undefined): readonly string[] {
  if (cgroup?.scope) {
    const { manager, name } = cgroup.scope;
    const busctl = systemdPrograms()?.busctl ?? "";
    return shell(sh, ATTACH, [busctl, `--${manager}`, name, runtimeFolder(uid)]);
  }
  const folders = cgroup?.folders ?? [];
  for (const folder of folders) requireGroup(folder);
  return folders.length === 0 ? [] : shell(sh, ENTER, [String(folders.length), ...folders]);
}

/** What a shell does that is to be ended before all else where its workspace, or the host, has no memory left. */
export const FIRST_TO_GO = "{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null || :";

/** {@link FIRST_TO_GO} as words before a command. */
export function firstToGoWords({ programs: { sh } }: Entrant): readonly string[] {
  return shell(sh, FIRST_TO_GO, []);
}

/** Removes a group whose processes are ending. A scope of systemd goes by itself. */
export async function removeCgroup(cgroup: Cgroup | undefined): Promise<void> {
  await removeFolders(cgroup?.folders ?? []);
}

/** Which controllers a group of this user would have here, and whether systemd would make it. */
export function cgroupSupport(uid: number): {
  readonly bySystemd: boolean;
  readonly controllers: readonly Controller[];
} {
  const manager = managerFor(uid);
  if (manager) return { bySystemd: true, controllers: controllersOf(manager, uid) };
  return { bySystemd: false, controllers: [...parentsFor(CONTROLLERS).keys()] };
}
