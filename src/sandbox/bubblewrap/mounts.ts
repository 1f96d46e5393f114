// Folders of the host in a command's view. Each is opened and checked here, and handed to bwrap as a descriptor, which binds
// what it stands for and compares it with what then lies at its place.
import { closeSync } from "node:fs";
import { CloisterError } from "../../base/errors.ts";
import type { ExecSpec } from "../exec-spec.ts";
import { type Looker, openShownFolder, overlaps } from "../host/shown-folder.ts";
import { HOLDER_FOLDER } from "./runtime.ts";

type Mounts = NonNullable<ExecSpec["mounts"]>;

/** What the sandbox fills itself. Nothing may lie over it, and nothing in a folder that a command can write to. */
const RESERVED = [
  ...["/bin", "/dev", "/etc", "/home/user", "/inputs", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin"],
  ...["/sys", "/tmp", "/usr", "/var/run", "/var/tmp", "/workspace"],
];

export interface OpenedMounts {
  /** Descriptors to hand to bwrap, in the order of the mounts. */
  readonly descriptors: readonly number[];
  close(): void;
}

/** @throws {@link CloisterError} as `openShownFolder`, and USAGE for a place that cannot be used */
export function openMounts(mounts: Mounts, looker: Looker): OpenedMounts {
  checkPaths(mounts);
  const descriptors: number[] = [];
  const close = (): void => descriptors.splice(0).forEach(closeSync);
  try {
    for (const { source } of mounts) descriptors.push(openShownFolder(source, looker));
  } catch (error) {
    close();
    throw error;
  }
  return { descriptors, close };
}

function checkPaths(mounts: Mounts): void {
  for (const mount of mounts) {
    const { source, path } = mount;
    // The volume hides what the host has there.
    if (overlaps(source, HOLDER_FOLDER)) throw wrong(source, path, `workspaces have their volume at ${HOLDER_FOLDER}`);
    const reserved = RESERVED.find((place) => overlaps(path, place));
    if (path === "/" || reserved !== undefined) throw wrong(source, path, `${reserved ?? "/"} is the workspace's own`);
    const other = mounts.find((candidate) => candidate !== mount && overlaps(path, candidate.path));
    if (other) throw wrong(source, path, `${other.source} is shown at ${other.path}`);
  }
}

function wrong(source: string, path: string, why: string): CloisterError {
  const name = path.split("/").at(-1) || "tools";
  const next =
    path.startsWith("/usr/") || path === "/usr" ? "it is there already: workspaces see all of /usr" : undefined;
  return new CloisterError("USAGE", `${source} cannot be shown at ${path}`, {
    why,
    next: next ?? `--mount-ro ${source}:/opt/${name}`,
  });
}

/** bwrap's options for mounts whose descriptors start at `first` in the child. */
export function mountArguments(mounts: Mounts, first: number): readonly string[] {
  return mounts.flatMap(({ path }, index) => ["--ro-bind-fd", String(first + index), path]);
}
