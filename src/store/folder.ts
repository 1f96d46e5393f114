// A store in a folder: on this machine, or on a shared file system that has hard links.
import { randomBytes } from "node:crypto";
import { constants, type Dirent, type Stats } from "node:fs";
import { chmod, type FileHandle, lstat, mkdir, open, readdir, realpath, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { integrity, systemCode } from "../base/errors.ts";
import { FolderDraft } from "./folder-draft.ts";
import { folderFailure, gone, planted } from "./folder-failure.ts";
import { changedAt, idOf, isGone, linkOnce, readAt, syncFolder, writeAll } from "./folder-files.ts";
import { checkObjectName, checkPrefix, isSegment } from "./names.ts";
import type { ObjectDraft, Store, StoredObject, Unfinished } from "./store.ts";

/** Never follows a link at the end of the path, never waits for the other end of a pipe. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const GROUP_WRITES = 0o020;
/** Permissions and set-group-id. */
const SHARED_BITS = 0o2777;
/** Objects are never changed: not writable, even for their owner. */
const OBJECT_MODE = 0o444;
/** A temporary file this old was left by a process that died: no upload of one object takes a day. */
const STALE_MS = 24 * 3_600_000;

/** A {@link Store} in the folder `root`, which the first `create` makes. */
export function folderStore(root: string): Store {
  return new FolderStore(root);
}

class FolderStore implements Store {
  readonly url: string;
  readonly #root: string;
  readonly #temporary: string;
  /** Folders whose entry in their parent is known to survive power loss. */
  readonly #durable = new Set<string>();
  /** Where the root really is: looked up once, so that it cannot become another folder in between. */
  #realRoot: string | undefined;
  #rootId: string | undefined;
  #swept = false;

  constructor(root: string) {
    this.url = root;
    this.#root = resolve(root);
    this.#temporary = join(this.#root, ".tmp");
  }

  async get(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    return await this.#reading(name, async (handle, bytes) => {
      if (bytes > bytesMax) {
        throw integrity(`the object ${name} is too large`, {
          why: `it has ${String(bytes)} bytes where at most ${String(bytesMax)} can be right`,
        });
      }
      return await readAt(handle, 0, bytes);
    });
  }

  async range(name: string, from: number, length: number, into?: Uint8Array): Promise<Uint8Array | undefined> {
    return await this.#reading(name, async (handle, bytes) =>
      readAt(handle, from, Math.max(0, Math.min(length, bytes - from)), into),
    );
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    checkPrefix(prefix);
    yield* this.#walk(prefix);
  }

  async create(name: string, parts: readonly Uint8Array[]): Promise<"created" | "exists"> {
    const path = this.#path(name);
    return await this.#doing(`write ${name}`, async () => {
      await this.#makeFolder(dirname(path));
      await this.#sweep();
      const made = await this.#withTemporary(async (temporary, handle) => {
        await writeAll(handle, parts);
        await handle.sync();
        return await linkOnce(temporary, path);
      });
      // Also where it exists: whoever made it may have died before this step, and the caller relies on it now.
      await syncFolder(dirname(path));
      return made;
    });
  }

  async begin(): Promise<ObjectDraft> {
    const doing = <T>(what: string, act: () => Promise<T>) => this.#doing(what, act);
    return await this.#doing("write", async () => {
      const { path: temporary, handle } = await this.#makeTemporary();
      const target = async (name: string) => {
        const path = this.#path(name);
        await this.#makeFolder(dirname(path));
        await this.#sweep();
        return path;
      };
      return new FolderDraft({ temporary, handle, target, doing });
    });
  }

  async delete(name: string): Promise<void> {
    const path = this.#path(name);
    await this.#doing(`delete ${name}`, async () => {
      if (!(await this.#isFolder(dirname(path)))) return;
      try {
        await unlink(path);
      } catch (error) {
        if (systemCode(error) !== "ENOENT") throw error;
      }
      await syncFolder(dirname(path));
    });
  }

  async *unfinished(): AsyncIterable<Unfinished> {
    const names = await this.#doing("list .tmp", async () =>
      (await this.#isFolder(this.#temporary)) ? readdir(this.#temporary) : [],
    );
    for (const id of names) {
      const found = isSegment(id)
        ? await this.#doing("list .tmp", async () => fileAt(join(this.#temporary, id)))
        : undefined;
      if (found) yield { id, bytes: found.size, changedMs: changedAt(found) };
    }
  }

  async discard({ id }: Unfinished): Promise<void> {
    await this.#doing(`delete .tmp/${id}`, async () => {
      if (!isSegment(id) || !(await this.#isFolder(this.#temporary))) return;
      await unlink(join(this.#temporary, id)).catch((error: unknown) => {
        if (systemCode(error) !== "ENOENT") throw error;
      });
    });
  }

  /** The file system's clock, which for a network mount is the server's. */
  async now(): Promise<number> {
    return await this.#doing("read the clock", async () =>
      this.#withTemporary(async (_, handle) => {
        await handle.write("t");
        return Math.floor((await handle.stat()).mtimeMs);
      }),
    );
  }

  async #reading<T>(name: string, use: (handle: FileHandle, bytes: number) => Promise<T>): Promise<T | undefined> {
    const path = this.#path(name);
    return await this.#doing(`read ${name}`, async () => {
      if (!(await this.#isFolder(dirname(path)))) return undefined;
      let handle: FileHandle;
      try {
        handle = await open(path, READ);
      } catch (error) {
        if (systemCode(error) === "ENOENT") return undefined;
        throw error;
      }
      try {
        const found = await handle.stat();
        if (!found.isFile()) throw planted(`read ${name}`, this.#root);
        return await use(handle, found.size);
      } finally {
        // Nothing was written: whether it closes well says nothing, and need not be waited for.
        handle.close().catch(() => undefined);
      }
    });
  }

  async *#walk(prefix: string): AsyncIterable<StoredObject> {
    for (const entry of await this.#entries(prefix)) {
      const name = prefix + entry.name;
      if (entry.isDirectory()) {
        yield* this.#walk(`${name}/`);
        continue;
      }
      const found = await this.#doing(`list ${prefix}`, async () => fileAt(join(this.#root, name)));
      if (found) yield { name, bytes: found.size, changedMs: changedAt(found) };
    }
  }

  /**
   * Files and folders of a folder, in the order of whole names. What the store never makes (`.tmp`, links, pipes, odd
   * names) is passed over: whoever can write junk must not be able to break every listing with it.
   */
  async #entries(prefix: string): Promise<Dirent[]> {
    return await this.#doing(`list ${prefix || "it"}`, async () => {
      const folder = join(this.#root, prefix);
      if (!(await this.#isFolder(folder))) return [];
      const entries = await readdir(folder, { withFileTypes: true });
      const key = (entry: Dirent) => (entry.isDirectory() ? `${entry.name}/` : entry.name);
      return entries
        .filter((entry) => isSegment(entry.name) && (entry.isFile() || entry.isDirectory()))
        .sort((a, b) => (key(a) < key(b) ? -1 : 1));
    });
  }

  #path(name: string): string {
    checkObjectName(name);
    return join(this.#root, name);
  }

  /** False where the folder is missing. @throws INTEGRITY where a link stands in its place or above it */
  async #isFolder(folder: string): Promise<boolean> {
    try {
      const inside = folder.slice(this.#root.length);
      this.#realRoot ??= await realpath(this.#root);
      this.#rootId ??= await idOf(this.#root);
      if ((await realpath(folder)) === this.#realRoot + inside.replace(/[/\\]$/, "")) return true;
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
      await this.#requireRoot();
      return false;
    }
    throw planted(`use ${folder.slice(this.#root.length + 1)}`, this.#root);
  }

  /** A store that was there and is not, as after its mount was lost, is neither an empty one nor one to be made. */
  async #requireRoot(): Promise<void> {
    if (this.#rootId !== undefined && (await isGone(this.#root, this.#rootId))) throw gone(this.#root);
  }

  /** Makes a folder with all above it so that they survive power loss, also where another process made them just now. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#durable.has(folder) && (await this.#isFolder(folder))) return;
    await this.#requireRoot();
    if (folder === this.#root) return await this.#makeRoot();
    await this.#makeFolder(dirname(folder));
    const made = await mkdir(folder).then(
      () => true,
      (error: unknown) => {
        if (systemCode(error) !== "EEXIST") throw error;
        return false;
      },
    );
    if (made) await this.#share(folder);
    await this.#isFolder(folder);
    await syncFolder(dirname(folder));
    this.#durable.add(folder);
  }

  /**
   * A store that a group may write to stays so in the folders that are made in it, whatever the umask: people who share
   * it would otherwise be stopped at whatever the first of them made. Nobody gets more than the root gives.
   */
  async #share(folder: string): Promise<void> {
    const { mode } = await stat(this.#root);
    if ((mode & GROUP_WRITES) !== 0) await chmod(folder, mode & SHARED_BITS);
  }

  async #makeRoot(): Promise<void> {
    const first = await mkdir(this.#root, { recursive: true });
    // Folders above a store that was there before may not even be readable for this user, and need nothing.
    if (first !== undefined) {
      for (let made = this.#root; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
    }
    this.#durable.add(this.#root);
  }

  /** Hands out a new file in `.tmp` and removes it afterwards, whatever happened. */
  async #withTemporary<T>(use: (path: string, handle: FileHandle) => Promise<T>): Promise<T> {
    const { path, handle } = await this.#makeTemporary();
    try {
      return await use(path, handle);
    } finally {
      await handle.close().finally(() => unlink(path));
    }
  }

  async #makeTemporary(): Promise<{ readonly path: string; readonly handle: FileHandle }> {
    // What is in it need not survive power loss: nor need the folder.
    if (!(await this.#isFolder(this.#temporary))) await this.#makeFolder(this.#temporary);
    const path = join(this.#temporary, randomBytes(16).toString("hex"));
    return { path, handle: await open(path, "wx", OBJECT_MODE) };
  }

  /** Once per process that writes: removes what processes that died left in `.tmp`. */
  async #sweep(): Promise<void> {
    if (this.#swept || !(await this.#isFolder(this.#temporary))) return;
    this.#swept = true;
    const { mtimeMs: newest } = await stat(this.#temporary);
    for (const name of await readdir(this.#temporary)) {
      const path = join(this.#temporary, name);
      const found = await lstat(path).catch(() => undefined);
      if (found?.isFile() && found.mtimeMs < newest - STALE_MS) await unlink(path).catch(() => undefined);
    }
  }

  async #doing<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw folderFailure(error, what, this.#root);
    }
  }
}

async function fileAt(path: string): Promise<Stats | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() ? found : undefined;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
