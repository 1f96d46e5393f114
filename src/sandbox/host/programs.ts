// The programs that isolation is made of, found only in folders that belong to the system, never through PATH.
import { accessSync, constants } from "node:fs";
import { CloisterError } from "../../base/errors.ts";

const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
const PROGRAMS = [
  "bwrap",
  "cat",
  "env",
  "find",
  "mount",
  "nsenter",
  "prlimit",
  "setpriv",
  "sh",
  "sleep",
  "sort",
  "tar",
  "taskset",
] as const;

/** All that the programs on the way into a sandbox get to see of an environment. */
export const OUTER_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** Absolute path of each program. */
export type Programs = Readonly<Record<(typeof PROGRAMS)[number], string>>;

/** Why something cannot work here, and what to do about it. */
export interface Problem {
  readonly why: string;
  readonly next: string;
}

/** All programs, or the problem where one is missing. */
export function findPrograms(): Programs | Problem {
  const found: [string, string][] = [];
  for (const name of PROGRAMS) {
    const path = findProgram(name);
    if (path === undefined) return missingProgram(name);
    found.push([name, path]);
  }
  return Object.fromEntries(found) as Programs;
}

/** Absolute path of a program in one of the system's folders, or undefined. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find(isExecutable);
}

/** @throws {@link CloisterError} UNSUPPORTED_HOST */
export function requirePrograms(): Programs {
  const programs = findPrograms();
  if ("why" in programs) throw unsupported(programs);
  return programs;
}

/** The error that refuses to go on without a sandbox. */
export function unsupported(problem: Problem, cause?: unknown): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "this host cannot run a sandboxed workspace", { ...problem, cause });
}

/** What to say where {@link findProgram} found nothing. */
export function missingProgram(name: string): Problem {
  if (name === "bwrap") {
    return {
      why: "bubblewrap is not installed",
      next: "apt install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora, RHEL), pacman -S bubblewrap (Arch)",
    };
  }
  return {
    why: `${name} is not in ${FOLDERS.join(", ")}`,
    next: "apt install util-linux coreutils findutils tar mount (or the same packages of your system)",
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
