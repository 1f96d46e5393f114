// The private folder beside a target in which files wait until all of them are there and right.
//
// A pull that is cut off can go on: its folder then stays, under a name that only the same version for the same target has,
// with a journal of what was written. The name ends with the id of the process that works in it. Whoever finds that process
// gone takes the folder over by renaming it, which only one can. Folders that nobody comes back for go after a day, as soon as
// somebody writes beside them; those of work that cannot go on, at once.
import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CloisterError, systemCode } from "../base/errors.ts";
import { isAlive } from "../base/process-alive.ts";
import { shellWord } from "../base/shell-word.ts";
import { printable } from "../base/terminal.ts";
import { formatBytes } from "../base/units.ts";

const ONCE = ".cloister-restore-";
const KEPT = ".cloister-pull-";
const OWNED = /^\.cloister-(restore|pull-[0-9a-f]{16})-(\d{1,9})(?:-|$)/;
const STAGING = /^\.cloister-(?:restore-\d{1,9}-[A-Za-z0-9]{6}|pull-[0-9a-f]{16}-\d{1,9})$/;
const KEPT_MS = 24 * 3_600_000;

/** Of this process, and in use: a failed pull's folder is not, though its process lives. */
const inUse = new Set<string>();

/**
 * Whether a path leads to or into the private folder of an unfinished pull. No class is noted beside what lies there: it is
 * no content for anybody until it is published.
 */
export function isStaging(path: string): boolean {
  return path.split("/").some((name) => STAGING.test(name));
}

export class Staging {
  readonly folder: string;
  /** Whether another run can go on with what lies here. */
  readonly keeps: boolean;
  #kept = 0;

  private constructor(folder: string, keeps: boolean) {
    this.folder = folder;
    this.keeps = keeps;
    inUse.add(folder);
  }

  /** A folder that is of use only now. */
  static async once(parent: string): Promise<Staging> {
    await makeFolders(parent);
    await removeAbandoned(parent, undefined);
    return new Staging(await freshFolder(parent), false);
  }

  /** A folder that `id` may be gone on with for the same target: what an earlier one left, or a new one. */
  static async resumable(target: string, id: string): Promise<Staging> {
    const parent = dirname(target);
    await makeFolders(parent);
    const name = `${KEPT}${createHash("sha256")
      .update(`${id}\n${basename(target)}`)
      .digest("hex")
      .slice(0, 16)}`;
    await removeAbandoned(parent, name);
    const mine = join(parent, `${name}-${String(process.pid)}`);
    if (inUse.has(mine)) return new Staging(await freshFolder(parent), false);
    await takeOver(parent, name, mine);
    await mkdir(mine, { mode: 0o700 }).catch(ignoringExisting);
    // Anybody who may write to the parent can guess the name and be there first.
    if (isPrivate(mine)) return new Staging(mine, true);
    await rmdir(mine).catch(() => undefined);
    return new Staging(await freshFolder(parent), false);
  }

  /** Where the files go: what becomes the target. */
  get files(): string {
    return this.keeps ? join(this.folder, "files") : this.folder;
  }

  get journal(): string {
    return join(this.folder, "journal");
  }

  /** Begins anew. */
  async clear(): Promise<void> {
    await rm(this.files, { recursive: true, force: true });
    await mkdir(this.files, { mode: 0o700 });
  }

  /** So many bytes of content were written, and can be gone on with. */
  keeping(bytes: number): void {
    this.#kept = bytes;
  }

  /** Nothing in it is of use any more. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    inUse.delete(this.folder);
  }

  /**
   * After a failure: removes the folder, unless the same command can go on with it.
   * @returns the error, which then says so
   */
  async failed(error: unknown): Promise<unknown> {
    if (!this.keeps || this.#kept === 0 || isFinal(error)) {
      await this.remove();
      return error;
    }
    inUse.delete(this.folder);
    if (!(error instanceof CloisterError)) return error;
    const { code, message, why, next } = error;
    const kept = `${formatBytes(this.#kept)} are kept in ${printable(this.folder)}`;
    const again = "the same command then goes on from there; to give it up: rm -r";
    return new CloisterError(code, message, {
      why: why === undefined ? kept : `${why}; ${kept}`,
      next: `${code === "INTERRUPTED" || next === undefined ? "" : `${next}; `}${again} ${shellWord(this.folder)}`,
      cause: error,
    });
  }
}

/** Readable for its owner only, as mkdtemp(3) makes it. */
async function freshFolder(parent: string): Promise<string> {
  return await mkdtemp(join(parent, `${ONCE}${String(process.pid)}-`));
}

/** What a process left that is gone, under the name of another: of several, the one that was written to last. */
async function takeOver(parent: string, name: string, mine: string): Promise<void> {
  const left = (await readdir(parent))
    .filter((each) => each.startsWith(`${name}-`) && !isOwned(each) && join(parent, each) !== mine)
    .map((each) => join(parent, each))
    .filter(isPrivate)
    .sort((a, b) => usedMs(b) - usedMs(a));
  for (const folder of left) {
    const taken = await rename(folder, mine).then(
      () => true,
      () => false,
    );
    // It is another's by now, or there is a newer one.
    if (!taken) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * What a killed process left is plain text: it goes as soon as somebody restores beside it; what can be gone on with, after
 * a day.
 * @param name of what is about to be gone on with
 */
async function removeAbandoned(parent: string, name: string | undefined): Promise<void> {
  for (const each of await readdir(parent)) {
    const kind = OWNED.exec(each)?.[1];
    if (kind === undefined || isOwned(each) || (name !== undefined && each.startsWith(`${name}-`))) continue;
    const folder = join(parent, each);
    if (!isPrivate(folder)) continue;
    if (kind !== "restore" && Date.now() - usedMs(folder) < KEPT_MS) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Whether it is a folder that this user made and that nobody else has ever reached into. Others may write beside a target: what
 * they put there under such a name, a link above all, is neither written through nor read nor removed.
 */
function isPrivate(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return false;
  const uid = process.getuid?.();
  return uid === undefined || (found.uid === uid && (found.mode & 0o077) === 0);
}

/** Whether a process that lives works in it. This one's failed pulls are nobody's. */
function isOwned(name: string): boolean {
  const pid = Number(OWNED.exec(name)?.[2]);
  if (pid !== process.pid) return isAlive(pid);
  return [...inUse].some((folder) => basename(folder) === name);
}

/** When something was last written in it, ms since 1970. */
function usedMs(folder: string): number {
  const times = [folder, join(folder, "journal")].map((path) => {
    return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  });
  return Math.max(...times);
}

/** Not mkdir's `recursive`: Node 20 runs it for ever where a file system answers ENOENT below a folder that exists. */
async function makeFolders(path: string): Promise<void> {
  const make = () => mkdir(path).catch(ignoringExisting);
  await make().catch(async (error: unknown) => {
    if (systemCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    await make();
  });
}

function ignoringExisting(error: unknown): void {
  if (systemCode(error) !== "EEXIST") throw error;
}

const PASSING = new Set(["FAILURE", "UNAVAILABLE", "INTERRUPTED"]);

/** Whether the same command would end in the same way. */
function isFinal(error: unknown): boolean {
  return error instanceof CloisterError && !PASSING.has(error.code);
}
