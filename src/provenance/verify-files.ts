// Compares the files on disk with what a manifest says they are.
import { byUtf8 } from "../base/digest.ts";
import { folderDigests, sortedByPath } from "../base/folder-digests.ts";
import type { Manifest } from "./manifest.ts";

interface Found {
  readonly path: string;
  readonly sha256: string;
}

export interface FileDifferences {
  /** Nothing differs: `dirHash` of what was found is the manifest's. */
  readonly ok: boolean;
  /** Paths in order of their UTF-8 bytes. */
  readonly changed: readonly string[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  /** Files beyond the manifest's list differ, too; `dirHash` tells, but not which. */
  readonly unlisted: boolean;
}

/**
 * @param manifest of a statement whose signature was verified
 * @param found every file in the folder, each path once, in any order; digests in lower-case hex
 */
export async function verifyFiles(manifest: Manifest, found: AsyncIterable<Found>): Promise<FileDifferences> {
  const onDisk: Found[] = [];
  for await (const { path, sha256 } of found) onDisk.push({ path, sha256 });
  const sorted = sortedByPath(onDisk);
  const ok = sorted.length === manifest.fileCount && folderDigests(sorted).dirHash === manifest.dirHash;
  if (ok) return { ok, changed: [], missing: [], extra: [], unlisted: false };

  const digests = new Map(sorted.map((file) => [file.path, file.sha256]));
  const listed = new Map(manifest.files.map((file) => [file.path, file.sha256]));
  const isBeyond = beyondList(manifest);
  const present = manifest.files.filter((file) => digests.has(file.path));
  const changed = present.filter((file) => digests.get(file.path) !== file.sha256).map((file) => file.path);
  const missing = manifest.files.filter((file) => !digests.has(file.path)).map((file) => file.path);
  const extra = sorted.filter((file) => !listed.has(file.path) && !isBeyond(file.path)).map((file) => file.path);
  const beyond = sorted.filter((file) => isBeyond(file.path));
  return { ok, changed, missing, extra, unlisted: differsBeyond(manifest, beyond) };
}

/** Whether a path sorts after the last one listed, in a manifest that does not list all files. */
function beyondList(manifest: Manifest): (path: string) => boolean {
  const last = manifest.files.at(-1)?.path;
  if (last === undefined || manifest.files.length === manifest.fileCount) return () => false;
  return (path) => byUtf8(path, last) > 0;
}

/** Puts the listed files right and looks whether the whole is right then. */
function differsBeyond(manifest: Manifest, beyond: readonly Found[]): boolean {
  const repaired = [...manifest.files, ...beyond];
  return repaired.length !== manifest.fileCount || folderDigests(repaired).dirHash !== manifest.dirHash;
}
