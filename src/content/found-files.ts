// What a scan found, in columns: for a million files, objects with all that is known of each would take half a gigabyte.
import type { BigIntStats } from "node:fs";
import type { FileEntry, FileStats, LocalFile } from "../base/file-entry.ts";
import { grown } from "./grown.ts";
import { readUnchanged } from "./read-file.ts";
import { KINDS } from "./tree.ts";

const WORDS = 4;

export class FoundFiles {
  /** Folder that the paths are relative to. */
  readonly #root: string;
  readonly #paths: string[] = [];
  #kinds = new Uint8Array(64);
  #modes = new Uint32Array(64);
  #sizes = new Float64Array(64);
  /** Device, inode, time of the last change of content and of anything. */
  #words = new BigInt64Array(64 * WORDS);

  constructor(root: string) {
    this.#root = root;
  }

  /** Its number. A directory stands for an empty one. */
  add(path: string, kind: FileEntry["kind"], stats?: BigIntStats): number {
    const file = this.#paths.push(path) - 1;
    if (file === this.#kinds.length) this.#grow();
    this.#kinds[file] = KINDS.indexOf(kind);
    if (!stats) return file;
    this.#modes[file] = Number(stats.mode);
    this.#sizes[file] = Number(stats.size);
    const at = file * WORDS;
    this.#words[at] = stats.dev;
    this.#words[at + 1] = stats.ino;
    this.#words[at + 2] = stats.mtimeNs;
    this.#words[at + 3] = stats.ctimeNs;
    return file;
  }

  bytes(file: number): number {
    return this.#sizes[file] ?? 0;
  }

  path(file: number): string {
    return this.#paths[file] ?? "";
  }

  absolute(file: number): string {
    return `${this.#root}/${this.path(file)}`;
  }

  stats(file: number): FileStats {
    const at = file * WORDS;
    return {
      dev: this.#words[at] ?? 0n,
      ino: BigInt.asUintN(64, this.#words[at + 1] ?? 0n),
      mode: this.#modes[file] ?? 0,
      size: this.bytes(file),
      mtimeNs: this.#words[at + 2] ?? 0n,
      ctimeNs: this.#words[at + 3] ?? 0n,
    };
  }

  entry(file: number): FileEntry {
    const path = this.path(file);
    const kind = KINDS[this.#kinds[file] ?? 0] ?? "file";
    if (kind === "directory") return { path, kind, bytes: 0, read: nothing };
    const local = new FoundFile(this, file);
    return { path, kind, bytes: this.bytes(file), read: () => readUnchanged(local), local };
  }

  #grow(): void {
    const capacity = this.#kinds.length * 2;
    this.#kinds = grown(new Uint8Array(capacity), this.#kinds);
    this.#modes = grown(new Uint32Array(capacity), this.#modes);
    this.#sizes = grown(new Float64Array(capacity), this.#sizes);
    this.#words = grown(new BigInt64Array(capacity * WORDS), this.#words);
  }
}

/** A few bytes that stand for all that was found of one file. */
class FoundFile implements LocalFile {
  readonly #found: FoundFiles;
  readonly #file: number;

  constructor(found: FoundFiles, file: number) {
    this.#found = found;
    this.#file = file;
  }

  get path(): string {
    return this.#found.path(this.#file);
  }

  get absolute(): string {
    return this.#found.absolute(this.#file);
  }

  get stats(): FileStats {
    return this.#found.stats(this.#file);
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {}
