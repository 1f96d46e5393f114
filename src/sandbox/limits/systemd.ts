// Control groups of systemd, which wants to be the only one who makes any where it runs: a scope per workspace, with its
// limits. It ends with the last process in it.
import { existsSync } from "node:fs";
import { CONTROLLERS, type Controller, placeOf, wordsOf } from "./hierarchy.ts";

/** Whose systemd: the machine's, for root, or the user's own. */
export type Manager = "system" | "user";

export interface Scope {
  readonly manager: Manager;
  /** Name of the unit. */
  readonly name: string;
}

const FOLDERS = ["/usr/bin", "/bin"];

/** The manager that a user can ask for a scope, or undefined. */
export function managerFor(uid: number): Manager | undefined {
  // sd_booted(3).
  if (!existsSync("/run/systemd/system") || !systemdPrograms()) return undefined;
  if (uid === 0) return "system";
  const folder = runtimeFolder(uid);
  return existsSync(`${folder}/bus`) && existsSync(`${folder}/systemd`) ? "user" : undefined;
}

export function systemdPrograms(): { readonly run: string; readonly busctl: string } | undefined {
  const find = (name: string) => FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
  const [run, busctl] = [find("systemd-run"), find("busctl")];
  return run === undefined || busctl === undefined ? undefined : { run, busctl };
}

/** Where a user's systemd and message bus are reached (systemd.special(7)). */
export function runtimeFolder(uid: number): string {
  return `/run/user/${String(uid)}`;
}

/** The controllers that a manager may limit its scopes with. */
export function controllersOf(manager: Manager, uid: number): readonly Controller[] {
  if (manager === "system") return CONTROLLERS.filter((controller) => placeOf(controller) !== undefined);
  const own = `user.slice/user-${String(uid)}.slice/user@${String(uid)}.service`;
  return CONTROLLERS.filter((controller) => {
    const place = placeOf(controller);
    return place?.version === 2 && wordsOf(`${place.mount}/${own}/cgroup.controllers`).includes(controller);
  });
}

export function scopeName(id: string): string {
  return `cloister-${id}.scope`;
}

/**
 * The words that run the rest of a command line in a new scope (systemd-run(1), systemd.resource-control(5)).
 *
 * @param amounts what each controller is to allow
 */
export function startScope(
  programs: { readonly env: string; readonly run: string },
  { manager, name }: Scope,
  uid: number,
  amounts: ReadonlyMap<Controller, number>,
): readonly string[] {
  const [cpus, bytes, tasks] = CONTROLLERS.map((controller) => amounts.get(controller));
  const properties = [
    // Only to what is delegated may processes be attached later.
    "Delegate=yes",
    ...(cpus === undefined ? [] : [`CPUQuota=${String(cpus * 100)}%`]),
    // Swap would let a workspace have more than its limit, and leave its files on the host's disk.
    ...(bytes === undefined ? [] : [`MemoryMax=${String(bytes)}`, "MemorySwapMax=0"]),
    ...(tasks === undefined ? [] : [`TasksMax=${String(tasks)}`]),
  ];
  return [
    ...(manager === "user" ? [programs.env, ...busVariables(uid)] : []),
    ...[programs.run, `--${manager}`, "--scope", "--quiet", "--collect", `--unit=${name}`],
    ...["--description=workspace of Cloister", ...properties.map((property) => `--property=${property}`), "--"],
  ];
}

function busVariables(uid: number): readonly string[] {
  const folder = runtimeFolder(uid);
  return [`XDG_RUNTIME_DIR=${folder}`, `DBUS_SESSION_BUS_ADDRESS=unix:path=${folder}/bus`];
}

/**
 * A shell script that moves the shell itself into a scope: $1 busctl, $2 whose manager, $3 the scope, $4 where the user's
 * bus is (org.freedesktop.systemd1(5), AttachProcessesToUnit).
 */
export const ATTACH = `export XDG_RUNTIME_DIR="$4" DBUS_SESSION_BUS_ADDRESS="unix:path=$4/bus"
"$1" "$2" --quiet --timeout=10 call org.freedesktop.systemd1 /org/freedesktop/systemd1 \\
  org.freedesktop.systemd1.Manager AttachProcessesToUnit ssau "$3" "" 1 "$$" </dev/null >/dev/null || exit 125
unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
shift 4`;
