// Writes files among those that a folder already holds: each appears whole, under a name that nothing has, or in the
// place of a file where that was asked for. Nothing is written through a link.
import { constants } from "node:fs";
import { chmod, link, lstat, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CloisterError, systemCode } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { CollisionCheck } from "../base/path.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import { attempt, checkPath } from "./restore.ts";
import { StagedFiles } from "./staged-files.ts";
import { Staging } from "./staging.ts";

/**
 * Writes entries below `root`. All are staged beside their places, in a folder that only its owner reads, and checked
 * before the first of them appears.
 *
 * @throws CloisterError USAGE where something is in the way; INTEGRITY for a path that may not be written; FAILURE where
 * the disk is full or may not be written; INTERRUPTED; whatever `read()` throws. Before the last file was read nothing
 * appears.
 */
export async function placeFiles(
  root: string,
  entries: AsyncIterable<FileEntry>,
  options: {
    /** The path below `root` that an entry gets, by its own. */
    readonly place: (path: string) => string;
    readonly overwrite: boolean;
    /** Done once all was read, before the first of them appears. */
    readonly first: () => Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const target = resolve(root);
  const staging = await attempt(root, () => Staging.once(target));
  try {
    const files = new StagedFiles(staging.files);
    const collisions = new CollisionCheck();
    const paths: { readonly path: string; readonly directory: boolean }[] = [];
    for await (const entry of entries) {
      checkAborted(options.signal);
      const path = options.place(entry.path);
      checkPath(path, collisions);
      await checkPlace(target, path, entry.kind === "directory", options.overwrite);
      await attempt(path, () => files.write({ ...entry, path, read: () => entry.read() }));
      paths.push({ path, directory: entry.kind === "directory" });
    }
    await attempt(root, () => files.flush());
    checkAborted(options.signal);
    for (const { path, directory } of paths) await checkPlace(target, path, directory, options.overwrite);
    await options.first();
    for (const { path, directory } of paths) {
      await attempt(path, () => publish(staging.files, target, path, directory, options.overwrite));
    }
  } finally {
    await staging.remove();
  }
}

/** Refuses links on the way, and what may not be replaced. */
async function checkPlace(root: string, path: string, directory: boolean, overwrite: boolean): Promise<void> {
  const parts = path.split("/");
  for (let end = 1; end <= parts.length; end++) {
    const at = join(root, ...parts.slice(0, end));
    const found = await lstat(at).catch(ignoringAbsence);
    if (!found) return;
    const last = end === parts.length;
    if (found.isSymbolicLink()) throw inTheWay(at, "it is a symbolic link");
    if (found.isDirectory() && last && !directory) throw inTheWay(at, "it is a folder");
    if (!found.isDirectory() && (!last || directory)) throw inTheWay(at, "it is no folder");
    if (!found.isDirectory() && !found.isFile()) throw inTheWay(at, "it is no regular file");
    if (found.isFile() && !overwrite) throw inTheWay(at, "it is there already", "--force overwrites it");
  }
}

async function publish(
  staging: string,
  root: string,
  path: string,
  directory: boolean,
  overwrite: boolean,
): Promise<void> {
  const [from, to] = [join(staging, path), join(root, path)];
  await mkdir(directory ? to : dirname(to), { recursive: true });
  if (directory) return;
  // As what `pull` writes: for its owner alone, wherever it comes to lie.
  await chmod(from, (await lstat(from)).mode & 0o700);
  if (overwrite) await rename(from, to);
  else {
    // link(2), unlike rename(2), replaces nothing.
    await link(from, to).catch((error: unknown) => {
      throw systemCode(error) === "EEXIST" ? inTheWay(to, "something appeared there in the meantime") : error;
    });
    await unlink(from);
  }
  const parent = await open(dirname(to), constants.O_RDONLY | constants.O_DIRECTORY);
  await parent.sync().finally(() => parent.close());
}

function ignoringAbsence(error: unknown): undefined {
  if (!["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) throw error;
}

function inTheWay(path: string, why: string, next = "choose another name"): CloisterError {
  return new CloisterError("USAGE", `will not write ${printable(path)}`, { why, next });
}
