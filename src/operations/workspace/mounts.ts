// Folders of the host that a workspace shows read-only (`--mount-ro`): what was asked for, resolved, checked, and named by
// something cheap that tells one state of a toolchain from another.
import { closeSync, constants, openSync, readSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { pathEntry } from "../../policy/host-entry.ts";
import type { ShownFolder } from "../../sandbox/exec-spec.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";

export interface WorkspaceMount extends ShownFolder {
  /** As it was asked for; the policy has to cover it as well as `source`. */
  readonly given: string;
  /** `conda-meta/history sha256:…`; undefined where the folder has no file that names its state. */
  readonly identity: string | undefined;
}

/** Files that say which state of a toolchain this is, the most telling first. */
const IDENTITY_FILES = [
  ...["conda-meta/history", "version.json", "version.txt", "VERSION", "pyvenv.cfg", "package-lock.json"],
  ...["package.json", "toolchain.toml"],
];
const IDENTITY_BYTES_MAX = 4 * 1024 * 1024;

/** What showing a folder gives up, as people read it. */
export const MOUNTS_WEAKEN =
  "mounted folders: a socket that a program of the host opens in one while a command runs can be reached by it";

/** Resolves `HOSTDIR[:/path]`. @throws CloisterError USAGE, NOT_FOUND */
export async function resolveMount(text: string): Promise<WorkspaceMount> {
  const at = text.indexOf(":/");
  const [given, path] = at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 1)];
  for (const part of [given, path]) {
    if (pathEntry(part) !== undefined) continue;
    throw new CloisterError("USAGE", `${JSON.stringify(part)} is no folder that can be shown`, {
      next: "write an absolute path, such as --mount-ro /opt/conda or --mount-ro /data/conda:/opt/conda",
    });
  }
  const source = await realpath(given).catch((cause: unknown) => {
    throw new CloisterError("NOT_FOUND", `there is no folder ${given} to show`, { cause });
  });
  return { given, source, path, identity: identityOf(source) };
}

/** The folders that the policy has to allow: as asked for, and where links lead to. */
export function foldersOf(mounts: readonly WorkspaceMount[]): readonly string[] {
  return [...new Set(mounts.flatMap(({ given, source }) => [given, source]))];
}

/** @throws CloisterError USAGE where one cannot be shown */
export function checkMounts(session: Session, sandbox: Sandbox, mounts: readonly ShownFolder[]): void {
  if (mounts.length === 0) return;
  const { places, config, host } = session;
  const secluded = [places.config, places.state, places.cache, join(config.folder, ".cloister")];
  // A store in a folder holds nothing that is not encrypted, but a workspace has no business there.
  if (config.store.startsWith("/")) secluded.push(config.store);
  sandbox.checkMounts(mounts, { secluded, home: host.home });
}

function identityOf(folder: string): string | undefined {
  for (const name of IDENTITY_FILES) {
    const bytes = readSmall(join(folder, name));
    if (bytes) return `${name} sha256:${sha256Hex(bytes)}`;
  }
  return undefined;
}

function readSmall(path: string): Buffer | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(IDENTITY_BYTES_MAX);
      return bytes.subarray(0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    // Not there, or nothing that names a state.
    return undefined;
  }
}
