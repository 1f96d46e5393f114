// Writes files under a private folder and flushes them to disk, several at a time: fsync is mostly waiting. The rest is
// synchronous: for thousands of small files a trip to the thread pool costs several times the system call.
import { execFile } from "node:child_process";
import { closeSync, constants, fdatasync, fsync, lstatSync, mkdirSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { platform, release } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { systemCode } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";

/** Never through a link, never over something that is there. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** To go on with what an interrupted run left, which is in a folder of its own. */
const REWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
/** Files whose flush to disk may be under way at once. */
const FLUSHING_MAX = 32;
/** From here on the whole file system is flushed in one go: a flush for each file of a few KiB costs more than all the rest. */
const MANY_FILES = 256;
const EARLY_BYTES = 128 * 1024 * 1024;

export class StagedFiles {
  readonly root: string;
  readonly #resumed: boolean;
  /** Folders made so far, relative; parents before what is in them. */
  readonly #folders = new Set<string>();
  readonly #flushing = new Set<Promise<void>>();
  /** Bytes that others wrote since the last early flush. */
  #grown = 0;
  #early: Promise<void> | undefined;
  /** Files that others wrote, to be flushed at the end. */
  #later: string[] = [];
  #failure: { readonly error: unknown } | undefined;

  /** @param resumed whether something may be there already, which is gone on with or replaced */
  constructor(root: string, resumed = false) {
    this.root = root;
    this.#resumed = resumed;
  }

  /** Writes an entry whose path was checked. Its flush to disk may go on after this returns. */
  async write(entry: FileEntry): Promise<void> {
    if (entry.kind === "directory") return this.#makeFolder(entry.path);
    this.makeFolderOf(entry.path);
    const mode = entry.kind === "executable" ? 0o777 : 0o666;
    const file = openSync(join(this.root, entry.path), this.#resumed ? REWRITE : CREATE, mode);
    try {
      for await (const piece of entry.read()) writeAll(file, piece);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    await this.#flushLater(file);
  }

  /** The folders that a file lies in, for whoever writes it. */
  makeFolderOf(path: string): void {
    this.#makeFolder(dirname(path));
  }

  /**
   * So much of a file was written by somebody else. Now and then what there is of it is sent to the disk, while the rest is
   * still written: else all of a large file waits for the disk at the end. A failure is remembered: the system tells it once.
   */
  grew(path: string, bytes: number): void {
    this.#grown += bytes;
    if (this.#grown < EARLY_BYTES || this.#early) return;
    this.#grown = 0;
    const file = openSync(join(this.root, path), READ);
    this.#early = promisify(fdatasync)(file)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        closeSync(file);
        this.#early = undefined;
      });
  }

  /** A file is complete that somebody else wrote. */
  written(path: string): void {
    this.#later.push(path);
  }

  /** Waits until all files survive power loss, and flushes the folders, deepest first. */
  async flush(): Promise<void> {
    await Promise.all([this.#early, ...this.#flushing]);
    const later = this.#later;
    this.#later = [];
    if (later.length >= MANY_FILES && !this.#failure && (await flushFileSystem(this.root))) return;
    for (const path of later) await this.#flushLater(openSync(join(this.root, path), READ));
    await Promise.all(this.#flushing);
    if (this.#failure) throw this.#failure.error;
    for (const folder of [...this.#folders].reverse()) await flushFolder(join(this.root, folder));
    await flushFolder(this.root);
  }

  #makeFolder(path: string): void {
    if (path === "." || this.#folders.has(path)) return;
    this.#makeFolder(dirname(path));
    try {
      mkdirSync(join(this.root, path));
    } catch (error) {
      const known = this.#resumed && systemCode(error) === "EEXIST";
      if (!known || !lstatSync(join(this.root, path)).isDirectory()) throw error;
    }
    this.#folders.add(path);
  }

  async #flushLater(file: number): Promise<void> {
    const flushed = promisify(fsync)(file)
      .finally(() => closeSync(file))
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .then(() => {
        this.#flushing.delete(flushed);
      });
    this.#flushing.add(flushed);
    if (this.#flushing.size >= FLUSHING_MAX) await Promise.race(this.#flushing);
    if (this.#failure) throw this.#failure.error;
  }
}

function writeAll(file: number, piece: Uint8Array): void {
  for (let done = 0; done < piece.length; ) done += writeSync(file, piece, done);
}

/**
 * syncfs(2), which Node does not have, by sync(1): all that was written to the file system survives power loss.
 * @returns false where it is not known to have worked; then fsync(2) of each file tells
 */
async function flushFileSystem(folder: string): Promise<boolean> {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  // Before Linux 5.8 it does not say whether writing failed.
  if (platform() !== "linux" || major < 5 || (major === 5 && minor < 8)) return false;
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
  return await promisify(execFile)("sync", ["-f", "--", folder], { env }).then(
    () => true,
    () => false,
  );
}

async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.sync().finally(() => handle.close());
}
