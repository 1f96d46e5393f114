// Files of a real folder, or a single file, as entries to push. Everything odd is refused before anything is read.
import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { byUtf8 } from "../base/digest.ts";
import { CloisterError } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import { FoundFiles } from "./found-files.ts";
import { readFailure } from "./local-file.ts";
import { attempt } from "./read-file.ts";
import type { UnsizedEntry } from "./write.ts";

export interface FolderOptions {
  readonly signal: AbortSignal;
  /** Leaves out a file, or a folder with all that is in it; gets the path relative to the folder. */
  readonly exclude?: ((path: string) => boolean) | undefined;
}

/** What lay in a folder when it was scanned, in the order of paths, with empty folders. Can be iterated more than once. */
export interface FolderScan extends AsyncIterable<FileEntry> {
  /** Empty folders aside. */
  readonly files: number;
  readonly bytes: number;
}

/**
 * The files of a folder in the order of their paths, with empty folders; or one file under its own name. Only the
 * starting point may be a symbolic link.
 *
 * @throws CloisterError NOT_FOUND; FAILURE naming what is no file or folder (links, pipes, sockets, devices), cannot be
 * read, or has a name that is not UTF-8; INTERRUPTED. An entry's `read()`: FAILURE where it changed since the scan
 */
export async function scanFolder(path: string, options: FolderOptions): Promise<FolderScan> {
  const absolute = await attempt(path, () => realpath(path));
  const stats = await attempt(path, () => lstat(absolute, { bigint: true }));
  const scan = new Scan(stats.isDirectory() ? absolute : dirname(absolute), options);
  if (stats.isDirectory()) await scan.folder("");
  else scan.file(basename(absolute), stats);
  return scan;
}

/** As {@link scanFolder}, for whoever only wants the files. */
export async function* folderFiles(path: string, options: FolderOptions): AsyncIterable<FileEntry> {
  yield* await scanFolder(path, options);
}

/** Standard input, or any other stream of bytes, as one file whose length shows at its end. */
export async function* stdinFile(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
): AsyncIterable<UnsizedEntry> {
  yield { path: name, kind: "file", bytes: undefined, read: () => bytesFrom(stream) };
}

async function* bytesFrom(stream: AsyncIterable<Uint8Array | string>): AsyncIterable<Uint8Array> {
  for await (const piece of stream) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}

/** Looked at without letting anything else, signals above all, have a turn. */
const FILES_PER_TURN = 256;

class Scan implements FolderScan {
  readonly #root: string;
  readonly #options: FolderOptions;
  readonly #found: FoundFiles;
  /** Numbers of what was found, in the order of paths. */
  readonly #order: number[] = [];
  #looked = 0;
  files = 0;
  bytes = 0;

  constructor(root: string, options: FolderOptions) {
    this.#root = root;
    this.#options = options;
    this.#found = new FoundFiles(root);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<FileEntry> {
    for (const [i, file] of this.#order.entries()) {
      // Whoever reads small files of this machine does so without waiting.
      if (i % FILES_PER_TURN === 0) await setImmediate();
      checkAborted(this.#options.signal);
      yield this.#found.entry(file);
    }
  }

  file(path: string, stats: BigIntStats): void {
    this.#order.push(this.#add(path, stats));
  }

  /** @param path relative to the root; empty for the root itself */
  async folder(path: string): Promise<void> {
    checkAborted(this.#options.signal);
    const inside = await this.#entries(path);
    if (inside.length === 0 && path !== "") this.#order.push(this.#found.add(path, "directory"));
    for (const { key, file } of inside) {
      if (file !== undefined) this.#order.push(file);
      else await this.folder(`${prefixOf(path)}${key.slice(0, -1)}`);
    }
  }

  /** What is in a folder, so ordered that walking it gives whole paths in the order of their bytes. */
  async #entries(folder: string): Promise<readonly { readonly key: string; readonly file: number | undefined }[]> {
    const entries: { readonly key: string; readonly file: number | undefined }[] = [];
    for (const name of this.#names(folder)) {
      if (++this.#looked % FILES_PER_TURN === 0) {
        await setImmediate();
        checkAborted(this.#options.signal);
      }
      const path = prefixOf(folder) + name;
      if (this.#options.exclude?.(path)) continue;
      const stats = this.#attempt(path, () => lstatSync(`${this.#root}/${path}`, { bigint: true }));
      if (stats.isDirectory()) entries.push({ key: `${name}/`, file: undefined });
      else entries.push({ key: name, file: this.#add(path, stats) });
    }
    return entries.sort((a, b) => byUtf8(a.key, b.key));
  }

  #names(folder: string): readonly string[] {
    const absolute = folder === "" ? this.#root : `${this.#root}/${folder}`;
    return this.#attempt(folder || absolute, () => {
      const names = readdirSync(absolute);
      // What is not UTF-8 is read as U+FFFD, which may also stand there itself.
      if (names.some((name) => name.includes("\ufffd"))) {
        for (const bytes of readdirSync(absolute, { encoding: "buffer" })) {
          const name = bytes.toString("utf8");
          if (!Buffer.from(name).equals(bytes)) {
            throw refused(prefixOf(folder) + name, "its name is not UTF-8", "rename it");
          }
        }
      }
      return names;
    });
  }

  #add(path: string, stats: BigIntStats): number {
    const next = "replace it by what it stands for, or leave it out";
    if (stats.isSymbolicLink()) throw refused(path, "it is a symbolic link", next);
    if (!stats.isFile()) throw refused(path, "it is neither a file nor a folder but a pipe, socket or device", next);
    this.files++;
    this.bytes += Number(stats.size);
    return this.#found.add(path, (stats.mode & 0o100n) === 0n ? "file" : "executable", stats);
  }

  #attempt<T>(path: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw readFailure(path, error);
    }
  }
}

function prefixOf(folder: string): string {
  return folder === "" ? "" : `${folder}/`;
}

function refused(path: string, why: string, next: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} cannot be pushed`, { why, next });
}
