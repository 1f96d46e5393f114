// Files in, packs in the store and a tree out.
import { createHash } from "node:crypto";
import { sha256 } from "../base/digest.ts";
import { CloisterError } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { folderDigests, sortedByPath } from "../base/folder-digests.ts";
import { CollisionCheck, pathProblem } from "../base/path.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import { ChunkTable } from "./chunk-table.ts";
import { Chunker } from "./chunker.ts";
import { type KnownChunk, KnownChunks } from "./known-chunks.ts";
import type { PackPlace, PackRef } from "./pack.ts";
import { type PackRecord, PackWriter } from "./pack-writer.ts";
import { encodeTree, LIMITS, NO_STREAM, type Tree, type TreeFile } from "./tree.ts";

/** A file whose size is known only when it has been read, such as standard input. It gets a stream of its own. */
export interface UnsizedEntry extends Omit<FileEntry, "bytes"> {
  readonly bytes: undefined;
}

export interface WriteOptions {
  readonly place: PackPlace;
  /** 32 random bytes, new for every push; the same again where a push is resumed. */
  readonly pushKey: Buffer;
  /** Versions to find chunks in, in this order. `verify` where another member wrote it. */
  readonly sources?: readonly { readonly tree: Tree; readonly verify: boolean }[] | undefined;
  /** Packs that an interrupted push stored with this push key; used where they are still there. */
  readonly resume?: readonly PackRecord[] | undefined;
  /** Called after the store has acknowledged a pack and before anything relies on it. */
  onPack(record: PackRecord): Promise<void>;
  readonly signal: AbortSignal;
  /** Bytes of content so far, and those among them that had to be stored. */
  progress(progress: { readonly bytes: number; readonly bytesNew: number }): void;
}

export type WrittenFile = Pick<TreeFile, "path" | "kind" | "bytes" | "sha256">;

export interface Written {
  /** To be sealed. */
  readonly tree: Uint8Array;
  /** All packs that the tree refers to. */
  readonly packs: readonly PackRef[];
  /** In the order of their paths; `sha256` is empty for an empty directory. */
  readonly files: readonly WrittenFile[];
  /** See `folderDigests`. */
  readonly dirHash: string;
  readonly omsRoot: string;
  readonly bytes: number;
  /** Bytes of content that were not in the store already. */
  readonly bytesNew: number;
}

/**
 * Cuts, seals and stores the content of files; finds again what its sources, an interrupted push or this push
 * itself has stored. When it returns, all packs are acknowledged.
 *
 * @throws CloisterError FAILURE naming the file where a path may not stand in an artifact, two paths collide, or a file
 * is not as long as it said; INTERRUPTED; whatever the store throws
 */
export async function writeContent(
  files: AsyncIterable<FileEntry | UnsizedEntry>,
  options: WriteOptions,
): Promise<Written> {
  const writer = new ContentWriter(options);
  try {
    for await (const entry of files) await writer.file(entry);
    return await writer.finish();
  } finally {
    await writer.settle();
  }
}

/** Files up to this size share one stream, so that 20,000 small files are not 20,000 chunks. */
const SMALL_BYTES = 1024 * 1024;
const PROGRESS_BYTES = 1024 * 1024;

interface Stream {
  readonly number: number;
  readonly chunker: Chunker;
  readonly ranges: number[];
  bytes: number;
}

class ContentWriter {
  readonly #options: WriteOptions;
  readonly #known: KnownChunks;
  readonly #packWriter: PackWriter;
  readonly #collisions = new CollisionCheck();
  readonly #table = new ChunkTable();
  readonly #pushKeys = new Map<string, number>();
  readonly #packs = new Map<string, { readonly number: number; bytes: number }>();
  readonly #streams: Stream[] = [];
  readonly #files: TreeFile[] = [];
  readonly #largeChunker = new Chunker();
  #small: Stream | undefined;
  #bytes = 0;
  #bytesNew = 0;
  #reported = 0;

  constructor(options: WriteOptions) {
    this.#options = options;
    const { place, pushKey, sources = [], resume = [] } = options;
    this.#known = new KnownChunks(place, pushKey, sources, resume);
    this.#packWriter = new PackWriter({
      place,
      pushKey,
      table: this.#table,
      begin: (id) => ({ pack: this.#packNumber({ id, bytes: 0 }), key: this.#keyNumber(pushKey) }),
      onPack: async (record) => {
        const pack = this.#packs.get(record.id);
        if (pack) pack.bytes = record.bytes;
        await options.onPack(record);
      },
    });
  }

  async file(entry: FileEntry | UnsizedEntry): Promise<void> {
    checkAborted(this.#options.signal);
    this.#checkPath(entry.path);
    if (this.#files.length >= LIMITS.files) throw refused(entry.path, "the artifact has too many files", "push fewer");
    const { path, kind } = entry;
    if (kind === "directory") {
      this.#files.push({ path, kind, bytes: 0, sha256: "", stream: NO_STREAM, offset: 0 });
      return;
    }
    const small = entry.bytes !== undefined && entry.bytes <= SMALL_BYTES;
    const stream = small ? this.#smallStream() : this.#newStream(this.#largeChunker);
    const offset = stream.bytes;
    const hash = createHash("sha256");
    for await (const piece of entry.read()) {
      checkAborted(this.#options.signal);
      hash.update(piece);
      stream.bytes += piece.length;
      if (entry.bytes !== undefined && stream.bytes - offset > entry.bytes) throw changed(path);
      for (const chunk of stream.chunker.push(piece)) await this.#chunk(stream, chunk);
    }
    const bytes = stream.bytes - offset;
    if (entry.bytes !== undefined && bytes !== entry.bytes) throw changed(path);
    if (!small) await this.#endStream(stream);
    const place = bytes === 0 ? { stream: NO_STREAM, offset: 0 } : { stream: stream.number, offset };
    this.#files.push({ path, kind, bytes, sha256: hash.digest("hex"), ...place });
  }

  async finish(): Promise<Written> {
    if (this.#small) await this.#endStream(this.#small);
    await this.#packWriter.finish();
    checkAborted(this.#options.signal);
    this.#options.progress({ bytes: this.#bytes, bytesNew: this.#bytesNew });
    const files = sortedByPath(this.#files);
    const packs = Array.from(this.#packs, ([id, { bytes }]) => ({ id, bytes }));
    const tree = this.#tree(files, packs);
    const listed = files.map(({ path, kind, bytes, sha256: digest }) => ({ path, kind, bytes, sha256: digest }));
    return {
      tree,
      packs,
      files: listed,
      ...folderDigests(listed.filter((file) => file.kind !== "directory")),
      bytes: this.#bytes,
      bytesNew: this.#bytesNew,
    };
  }

  async settle(): Promise<void> {
    await this.#packWriter.settle();
  }

  /** Streams that turned out empty are left out, and the others numbered anew. */
  #tree(files: readonly TreeFile[], packs: readonly PackRef[]): Uint8Array {
    const streams = this.#streams.filter((stream) => stream.bytes > 0);
    const numbers = new Map(streams.map((stream, number) => [stream.number, number]));
    return encodeTree({
      pushKeys: Array.from(this.#pushKeys.keys(), (hex) => Buffer.from(hex, "hex")),
      packs,
      chunks: this.#table,
      streams: streams.map((stream) => stream.ranges),
      files: files.map((file) => ({ ...file, stream: numbers.get(file.stream) ?? NO_STREAM })),
    });
  }

  async #chunk(stream: Stream, chunk: Buffer): Promise<void> {
    const h = sha256(chunk);
    let row = this.#table.find(h);
    if (row < 0) {
      const known = await this.#known.find(h, chunk.length);
      if (!known) this.#bytesNew += chunk.length;
      row = known ? this.#adopt(h, known) : await this.#packWriter.add(h, chunk);
    }
    const last = stream.ranges.length - 2;
    if (last >= 0 && (stream.ranges[last] ?? 0) + (stream.ranges[last + 1] ?? 0) === row) {
      stream.ranges[last + 1] = (stream.ranges[last + 1] ?? 0) + 1;
    } else {
      stream.ranges.push(row, 1);
    }
    this.#bytes += chunk.length;
    if (this.#bytes - this.#reported < PROGRESS_BYTES) return;
    this.#reported = this.#bytes;
    this.#options.progress({ bytes: this.#bytes, bytesNew: this.#bytesNew });
  }

  /** The new tree repeats the digest, the old push key and the place. */
  #adopt(h: Buffer, { place, pushKey, pack }: KnownChunk): number {
    return this.#table.add(h, { ...place, key: this.#keyNumber(pushKey), pack: this.#packNumber(pack) });
  }

  #smallStream(): Stream {
    this.#small ??= this.#newStream(new Chunker());
    return this.#small;
  }

  #newStream(chunker: Chunker): Stream {
    const stream = { number: this.#streams.length, chunker, ranges: [], bytes: 0 };
    this.#streams.push(stream);
    return stream;
  }

  async #endStream(stream: Stream): Promise<void> {
    for (const chunk of stream.chunker.end()) await this.#chunk(stream, chunk);
  }

  #keyNumber(pushKey: Buffer): number {
    return numberOf(this.#pushKeys, pushKey.toString("hex"), this.#pushKeys.size);
  }

  #packNumber({ id, bytes }: PackRef): number {
    return numberOf(this.#packs, id, { number: this.#packs.size, bytes }).number;
  }

  #checkPath(path: string): void {
    const problem = pathProblem(path);
    if (problem) throw refused(path, problem, "rename it, then push again");
    const other = this.#collisions.add(path);
    if (other === undefined) return;
    const why = `on some systems it is the same as ${printable(other)}`;
    throw refused(path, other === path ? "it is there twice" : why, "rename one of them, then push again");
  }
}

function numberOf<T>(known: Map<string, T>, key: string, fresh: T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, fresh);
  return fresh;
}

function refused(path: string, why: string, next: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} cannot stand in an artifact`, { why, next });
}

function changed(path: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} changed while it was read`, {
    why: "its size is not what it was when the push began; nothing was published",
    next: "wait until nothing writes to it, then push again",
  });
}
