// The programs that the podman driver is made of.
import { findProgram, missingProgram, type Problem } from "../host/programs.ts";

export interface PodmanPrograms {
  readonly podman: string;
  readonly nsenter: string;
  readonly unshare: string;
  readonly sh: string;
  readonly cat: string;
  /** Undefined where it is not installed; podman then takes another runtime. */
  readonly runc: string | undefined;
}

const NEEDED = ["podman", "nsenter", "unshare", "sh", "cat"] as const;

/** All programs, or the problem where one is missing. */
export function findPodman(): PodmanPrograms | Problem {
  const found: [string, string][] = [];
  for (const name of NEEDED) {
    const path = findProgram(name);
    if (path === undefined) return name === "podman" ? NO_PODMAN : missingProgram(name);
    found.push([name, path]);
  }
  return { ...(Object.fromEntries(found) as Record<(typeof NEEDED)[number], string>), runc: findProgram("runc") };
}

const NO_PODMAN: Problem = {
  why: "podman is not installed",
  next:
    "apt install podman uidmap (Debian, Ubuntu), dnf install podman shadow-utils (Fedora, RHEL), " +
    "pacman -S podman (Arch)",
};
