// What a folder of the host has to be before a workspace may see it, read-only. A read-only bind keeps out writes, and
// nothing else: a socket in it would still be connected to, a named pipe and a device still be opened.
import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CloisterError, systemCode } from "../../base/errors.ts";

/** More than the largest toolchains have; looked through again before every command. */
const ENTRIES_MAX = 1_000_000;

/** Kernel interfaces, users, and what programs of the host listen on. */
const SYSTEM = ["/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var/run", "/var/lib/docker", "/var/lib/containers"];

/** Folders in which people keep keys, and nobody packages anything. */
const PRIVATE: readonly string[] = [".aws", ".cloister", ".gnupg", ".password-store", ".ssh"];
/** The same, by names that are found in packages, too. */
const PRIVATE_ABOVE: readonly string[] = [
  ...PRIVATE,
  ...[".azure", ".config", ".docker", ".kube", ".mozilla", ".thunderbird", "keyrings"],
];

/**
 * Magic numbers (statfs(2)) of proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf and mqueue, which
 * may be mounted anywhere.
 */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  ...[0x9fa0, 0x62656572, 0x1cd1, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0xcafe4a11, 0x19800202],
]);

export interface Looker {
  /** Effective uid of the caller; root hands over to a user that has the rights of others. */
  readonly uid: number;
  /** Folders that must not be shown, nor anything around or in them: the state of this program. */
  readonly secluded: readonly string[];
  /** The caller's own home folder; those of `/etc/passwd` count anyway. */
  readonly home?: string | undefined;
}

/**
 * Opens a folder and checks everything through the descriptor, so that what is bound later is what was checked. The
 * caller closes it.
 *
 * @param source absolute, without links (`realpath`)
 * @throws {@link CloisterError} NOT_FOUND, USAGE with what is in the way
 */
export function openShownFolder(source: string, looker: Looker): number {
  const fd = open(source);
  try {
    const at = readlinkSync(`/proc/self/fd/${String(fd)}`);
    if (at !== source) throw refused(source, `it is a link to ${at}`, `--mount-ro ${at}`);
    checkPlace(source, looker);
    if (KERNEL_FILE_SYSTEMS.has(statfsSync(`/proc/self/fd/${String(fd)}`).type)) {
      throw refused(source, "it is an interface of the kernel");
    }
    checkMounts(source);
    if (looker.uid === 0) checkOthersRead(source);
    lookThrough(source, fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function open(source: string): number {
  try {
    return openSync(source, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    const code = systemCode(cause) ?? "";
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) {
      throw new CloisterError("NOT_FOUND", `there is no folder ${source} to show`, {
        next: `ls -ld ${source}`,
        cause,
      });
    }
    throw refused(source, `it cannot be opened (${code})`);
  }
}

function checkPlace(source: string, looker: Looker): void {
  const system = SYSTEM.find((place) => overlaps(source, place));
  if (source === "/" || system !== undefined) {
    throw refused(source, `${system ?? "/"} holds what a sandbox keeps away: devices, sockets, accounts`);
  }
  const secluded = looker.secluded.find((place) => overlaps(source, place));
  if (secluded !== undefined) throw refused(source, `Cloister keeps its own files in ${secluded}`);
  const home = homes(looker.home).find((place) => place === source || place.startsWith(`${source}/`));
  if (home !== undefined) {
    throw refused(source, `${home} is a home folder`, "show only the folder of the toolchain, such as ~/miniconda3");
  }
  const secret = source.split("/").find((part) => PRIVATE_ABOVE.includes(part));
  if (secret !== undefined) throw refused(source, `people keep keys and sessions in ${secret}`);
}

/** Whether one of two folders is the other, or lies in it. */
export function overlaps(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

/** Homes of people and of root (passwd(5)); those of services are folders like any other. */
function homes(own: string | undefined): readonly string[] {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const listed = lines.flatMap((line) => {
    const [, , uid = "", , , home = ""] = line.split(":");
    return (uid === "0" || Number(uid) >= 1000) && home.lastIndexOf("/") > 0 ? [home] : uid === "0" ? [home] : [];
  });
  return [...listed, ...(own === undefined ? [] : [own])].filter((home) => home.startsWith("/") && home !== "/");
}

/** A bind takes along what is mounted below (bwrap binds recursively). */
function checkMounts(source: string): void {
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const at = line
      .split(" ")[4]
      ?.replace(/\\([0-7]{3})/g, (_all, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (at?.startsWith(`${source}/`)) throw refused(source, `another file system is mounted in it, at ${at}`);
  }
}

function checkOthersRead(source: string): void {
  const why = "workspaces that root makes run as a user of their own, who may not";
  if ((statSync(source).mode & 0o005) !== 0o005) throw refused(source, `${why} read it`, `chmod o+rx ${source}`);
  for (let part = dirname(source); part !== "/"; part = dirname(part)) {
    if ((statSync(part).mode & 0o001) !== 0) continue;
    throw refused(source, `${why} pass ${part}`, "copy it to /opt, or work as an ordinary user");
  }
}

/** Through the descriptor: a folder that takes the path's place meanwhile is not the one that is bound. */
function lookThrough(source: string, fd: number): void {
  const waiting = [""];
  let entries = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const entry of list(source, join(`/proc/self/fd/${String(fd)}`, folder), folder)) {
      const path = join(folder, entry.name);
      if (++entries > ENTRIES_MAX) throw refused(source, `it holds more than ${String(ENTRIES_MAX)} files`);
      if (entry.isDirectory()) {
        if (PRIVATE.includes(entry.name)) throw refused(source, `people keep keys in ${join(source, path)}`);
        waiting.push(path);
      } else if (!entry.isFile() && !entry.isSymbolicLink()) {
        throw refused(source, `${join(source, path)} is a socket, pipe or device, which read-only does not keep shut`);
      }
    }
  }
}

function list(source: string, at: string, folder: string): readonly Dirent[] {
  try {
    return readdirSync(at, { withFileTypes: true });
  } catch (error) {
    // It went away, or it is shut to us and so to the workspace, too.
    if (systemCode(error) === "ENOENT" || (systemCode(error) === "EACCES" && isShut(at))) return [];
    throw refused(source, `${join(source, folder)} cannot be looked through (${systemCode(error) ?? "unreadable"})`);
  }
}

/** A folder that cannot be listed, and whose files cannot be reached by name either. */
function isShut(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return false;
  } catch {
    return true;
  }
}

function refused(source: string, why: string, next?: string): CloisterError {
  return new CloisterError("USAGE", `${source} cannot be shown in a workspace`, { why, next });
}
