// A tree and its packs in, files out.
import { createHash } from "node:crypto";
import { integrity, isIntegrity } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import type { PackPlace } from "./pack.ts";
import { Cursor } from "./pull/cursor.ts";
import { Layout } from "./pull/layout.ts";
import { NO_STREAM, type Tree, type TreeFile } from "./tree.ts";

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Bytes of content read so far. */
  progress(progress: { readonly bytes: number }): void;
  /** Only these files; of the store nothing else is read than what they need. */
  readonly select?: ((file: TreeFile) => boolean) | undefined;
  /** What the artifact is called in errors; left out, damage is reported by the file alone. */
  readonly artifact?: string | undefined;
}

/** A file of a stored version. Its `read()` may be called at any time, and more than once. */
export interface StoredFile extends FileEntry {
  /** SHA-256 of the content in hex; empty for an empty directory. */
  readonly sha256: string;
}

/**
 * All files of a tree: what has no content first, then in the order in which the content is stored. Each `read()` has
 * checked every chunk before it hands it out, and the whole file's digest before it hands out the last piece.
 *
 * Reading them in that order is fastest: then the next are fetched and opened in the meantime.
 *
 * @param tree files may have been left out of it; nothing is read for them
 * @throws CloisterError, from `read()`: INTEGRITY naming the file where content is missing or damaged; INTERRUPTED;
 * whatever the store throws
 */
export function readContent(
  tree: Tree,
  place: Pick<PackPlace, "store" | "prefix">,
  options: ReadOptions,
): StoredContent {
  return new StoredContent(tree, place, options);
}

/** The files of a version in the store, for whoever reads them one after the other. */
export class StoredContent implements AsyncIterable<StoredFile> {
  readonly tree: Tree;
  readonly place: Pick<PackPlace, "store" | "prefix">;
  readonly options: ReadOptions;

  constructor(tree: Tree, place: Pick<PackPlace, "store" | "prefix">, options: ReadOptions) {
    const { select } = options;
    this.tree = select ? { ...tree, files: tree.files.filter((file) => select(file)) } : tree;
    this.place = place;
    this.options = options;
  }

  /** The same, with some of the files. */
  only(select: (file: TreeFile) => boolean): StoredContent {
    return new StoredContent(this.tree, this.place, { ...this.options, select });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StoredFile> {
    const reader = new ContentReader(this);
    try {
      for (const file of this.tree.files.filter(({ stream }) => stream === NO_STREAM)) {
        checkAborted(this.options.signal);
        yield { ...entryOf(file), read: () => nothing() };
      }
      for (const [number, file] of reader.files.entries()) {
        checkAborted(this.options.signal);
        yield { ...entryOf(file), read: () => reader.read(number) };
      }
    } finally {
      await reader.end();
    }
  }
}

function entryOf({ path, kind, bytes, sha256 }: TreeFile) {
  return { path, kind, bytes, sha256 };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const PROGRESS_BYTES = 1024 * 1024;

class ContentReader {
  readonly #content: StoredContent;
  readonly #layout: Layout;
  /** Left by a file that was read to its end, and good for the next. */
  #idle: Cursor | undefined;
  #ended = false;
  /** Files that are being read. */
  #reading = 0;
  #bytes = 0;
  #reported = 0;

  constructor(content: StoredContent) {
    this.#content = content;
    this.#layout = new Layout(content.tree);
  }

  get files(): readonly TreeFile[] {
    return this.#layout.files;
  }

  async *read(number: number): AsyncGenerator<Uint8Array> {
    const file = this.#layout.files[number];
    if (!file) throw new TypeError("no such file");
    const { options } = this.#content;
    this.#reading++;
    const cursor = this.#take(number);
    let whole = false;
    try {
      for await (const piece of checked(cursor.read(number), file.sha256)) {
        checkAborted(options.signal);
        yield piece;
        this.#report(piece.length);
      }
      whole = true;
    } catch (error) {
      throw damagedFile(error, file.path, options.artifact);
    } finally {
      this.#reading--;
      if (whole) await this.#give(cursor);
      else await cursor.close();
    }
  }

  /** No more files are asked for; those that were may still be read. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#idle?.close();
    this.#idle = undefined;
  }

  /** Whoever reads two files at once, or one after the last was asked for, gets a cursor for this file alone. */
  #take(number: number): Cursor {
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle && number >= idle.next && number < idle.end) return idle;
    void idle?.close();
    const { place, options } = this.#content;
    const layout = this.#layout;
    const end = this.#ended || this.#reading > 1 ? number + 1 : layout.files.length;
    return new Cursor({ layout, place, signal: options.signal, first: number, end });
  }

  async #give(cursor: Cursor): Promise<void> {
    if (this.#ended || this.#idle || cursor.next >= cursor.end) await cursor.close();
    else this.#idle = cursor;
  }

  #report(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes - this.#reported < PROGRESS_BYTES) return;
    this.#reported = this.#bytes;
    this.#content.options.progress({ bytes: this.#bytes });
  }
}

/** The same pieces; the last only if the digest of all is this one. */
async function* checked(pieces: AsyncIterable<Uint8Array>, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (held) yield held;
    hash.update(piece);
    held = piece;
  }
  if (hash.digest("hex") !== sha256) throw integrity("its digest is not the one in the tree");
  if (held) yield held;
}

/** Says which file of which artifact damage was found in. */
export function damagedFile(error: unknown, path: string, artifact: string | undefined): unknown {
  if (!isIntegrity(error)) return error;
  const why = error.why === undefined ? error.message : `${error.message}: ${error.why}`;
  const what = `${printable(path)} is damaged in the store`;
  return integrity(artifact === undefined ? what : `${artifact}: ${what}`, { why, cause: error });
}
