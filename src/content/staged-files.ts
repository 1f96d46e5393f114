// Writes files under a private folder and flushes them to disk, several at a time: fsync is mostly waiting. The rest is
// synchronous: for thousands of small files a trip to the thread pool costs several times the system call.
import { closeSync, constants, fsync, mkdirSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { FileEntry } from "../base/file-entry.ts";

/** Never through a link, never over something that is there. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Files whose flush to disk may be under way at once. */
const FLUSHING_MAX = 32;

export class StagedFiles {
  readonly #root: string;
  /** Folders made so far, relative; parents before what is in them. */
  readonly #folders = new Set<string>();
  readonly #flushing = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** Writes an entry whose path was checked. Its flush to disk may go on after this returns. */
  async write(entry: FileEntry): Promise<void> {
    if (entry.kind === "directory") return this.#makeFolder(entry.path);
    this.#makeFolder(dirname(entry.path));
    const mode = entry.kind === "executable" ? 0o777 : 0o666;
    const file = openSync(join(this.#root, entry.path), CREATE, mode);
    try {
      for await (const piece of entry.read()) writeAll(file, piece);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    await this.#flushLater(file);
  }

  /** Waits for all flushes and flushes the folders, deepest first. */
  async flush(): Promise<void> {
    await Promise.all(this.#flushing);
    if (this.#failure) throw this.#failure.error;
    for (const folder of [...this.#folders].reverse()) await flushFolder(join(this.#root, folder));
    await flushFolder(this.#root);
  }

  #makeFolder(path: string): void {
    if (path === "." || this.#folders.has(path)) return;
    this.#makeFolder(dirname(path));
    mkdirSync(join(this.#root, path));
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

async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.sync().finally(() => handle.close());
}
