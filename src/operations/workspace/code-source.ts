// The code that comes into a workspace: what git tracks or would track, or a whole folder.
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { folderFiles, scanFolder } from "../../content/folder.ts";
import { isStaging } from "../../content/staging.ts";
import { captureGit, listCode } from "../../provenance/capture.ts";
import type { GitState } from "../../provenance/manifest.ts";
import { type Sayer, sayersAbove, sayersFor, saysClass } from "../artifact/carried-label.ts";
import type { Session } from "../session.ts";

export interface CodeSource {
  readonly folder: string;
  readonly git: GitState | undefined;
  /** What may say which class they carry: also what git leaves out. */
  readonly sayers: readonly Sayer[];
  /** Files so far handed out. */
  count(): number;
  readonly files: AsyncIterable<FileEntry>;
}

/**
 * @param given `--code DIR`; without it the project's folder, where that is a git work tree
 * @returns undefined where there is no code to bring
 */
export async function codeSource(session: Session, given: string | undefined): Promise<CodeSource | undefined> {
  const { host, config } = session;
  const folder = given === undefined ? config.folder : resolve(host.cwd, given);
  const options = { home: host.home, signal: host.signal };
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) {
    throw new CloisterError("NOT_FOUND", `there is no folder ${given ?? folder}`, {
      next: "--code FOLDER, with the code that the workspace needs",
    });
  }
  const listing = await listCode(folder, options).catch((error: unknown) => {
    if (given !== undefined || host.signal.aborted) throw error;
    host.notice(`no code was copied: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  if (!listing && given === undefined) return undefined;
  for (const { path, why } of listing?.skipped ?? []) host.notice(`left out of the workspace: ${path} (${why})`);
  const git = listing && (await captureGit(folder, options));
  const among = listing ? sayersFor(folder, listing.files) : await sayersBelow(folder, host.signal);
  const sayers = [...(await sayersAbove(folder)), ...among];
  let count = 0;
  return {
    folder,
    git,
    sayers,
    count: () => count,
    files: (async function* () {
      const files = listing
        ? listedFiles(folder, listing.files, host.signal)
        : folderFiles(folder, { signal: host.signal, exclude: notCode });
      for await (const file of files) {
        if (file.kind !== "directory") count++;
        yield file;
      }
    })(),
  };
}

/** The project's own state and store, and what a pull that was interrupted goes on with. */
function notCode(path: string): boolean {
  return path === ".cloister" || isStaging(path);
}

/** Each listed file, under its listed path. A file that vanished since is left out. */
async function* listedFiles(folder: string, paths: readonly string[], signal: AbortSignal): AsyncGenerator<FileEntry> {
  for (const path of paths) {
    if (path.startsWith(".cloister/") || notCode(path)) continue;
    try {
      for await (const file of folderFiles(join(folder, path), { signal }))
        yield { ...file, path, read: () => file.read() };
    } catch (error) {
      if (!(error instanceof CloisterError) || error.code !== "NOT_FOUND") throw error;
    }
  }
}

/** The files below a folder that say what class others carry. */
export async function sayersBelow(folder: string, signal: AbortSignal): Promise<readonly Sayer[]> {
  const found: Sayer[] = [];
  const exclude = (path: string): boolean => {
    if (saysClass(path)) found.push({ path: join(folder, path) });
    return notCode(path);
  };
  await scanFolder(folder, { signal, exclude });
  return found;
}
