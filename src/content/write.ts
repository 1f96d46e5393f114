// Files in, packs in the store and a tree out.
import { CloisterError } from "../base/errors.ts";
import type { FileEntry, LocalFile } from "../base/file-entry.ts";
import { folderDigests } from "../base/folder-digests.ts";
import { CollisionCheck, pathProblem } from "../base/path.ts";
import { printable } from "../base/terminal.ts";
import { checkAborted } from "./abort.ts";
import type { PackPlace, PackRef } from "./pack.ts";
import { FileTable } from "./push/file-table.ts";
import { Jobs } from "./push/jobs.ts";
import { PackFiller } from "./push/pack-filler.ts";
import { KeyList, PackList } from "./push/pack-list.ts";
import type { PackRecord } from "./push/pack-record.ts";
import { Planner, type UnsizedEntry } from "./push/planner.ts";
import { Streams, treeOfPush } from "./push/push-tree.ts";
import { type SeenFiles, SeenStreams } from "./push/seen-streams.ts";
import { SharedChunks } from "./push/shared-chunks.ts";
import { type Ground, KnownRows, type PushSource } from "./push/sources.ts";
import { LIMITS, type TreeFile } from "./tree.ts";

export type { PushSource, UnsizedEntry };

export interface WriteOptions {
  readonly place: PackPlace;
  /** 32 random bytes, new for every push; the same again where a push is resumed. */
  readonly pushKey: Buffer;
  /** Where to find chunks that are stored already. */
  readonly sources?: readonly PushSource[] | undefined;
  /** Unchanged files of this machine that stand in a source's tree are not even read. */
  readonly seen?: SeenFiles | undefined;
  /** Packs that an interrupted push stored with this push key; used where they are still there. */
  readonly resume?: AsyncIterable<PackRecord> | Iterable<PackRecord> | undefined;
  /** Bytes of content to come, where that is known: only makes room for them. */
  readonly bytesExpected?: number | undefined;
  /** Compress what gains at least this factor on a sample; 0 compresses nothing. */
  readonly gainLeast?: number | undefined;
  /** Threads; 0 works in this one. Without it, as many as the work and the machine ask for. */
  readonly threads?: number | undefined;
  /** Called after the store has acknowledged a pack and before anything relies on it, one after the other. */
  onPack(record: PackRecord): Promise<void>;
  readonly signal: AbortSignal;
  /** Called a few times a second, and at the end. */
  progress(progress: WriteProgress): void;
}

export interface WriteProgress {
  /** Of content, so far. */
  readonly bytes: number;
  /** Those among them that are in no source. */
  readonly bytesNew: number;
  /** Sealed, and on their way into the store or there. */
  readonly bytesStored: number;
  /** What it is doing: reading and sealing; all is read, the rest goes to the store; the store has to catch up first. */
  readonly phase: "reading" | "uploading" | "waiting";
}

export interface WrittenFile extends Pick<TreeFile, "path" | "kind" | "bytes" | "sha256"> {
  /** Where it was read from, and as what, if it is a file of this machine. */
  readonly local: LocalFile | undefined;
}

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
  /** Bytes of sealed chunks that were stored for them, without padding. */
  readonly bytesStored: number;
}

/**
 * Cuts, seals and stores the content of files; finds again what sources, an interrupted push or this push itself have
 * stored. When it returns, all packs are acknowledged.
 *
 * @throws CloisterError FAILURE naming the file where a path may not stand in an artifact, two paths collide, or a file
 * is not what it was; INTERRUPTED; whatever the store throws
 */
export async function writeContent(
  files: AsyncIterable<FileEntry | UnsizedEntry>,
  options: WriteOptions,
): Promise<Written> {
  const writer = await ContentWriter.open(options);
  try {
    for await (const entry of files) await writer.file(entry);
    const written = await writer.finish();
    await writer.close();
    return written;
  } catch (error) {
    await writer.close(error);
    throw error;
  }
}

/** What gains less is not worth the time of those who read it. */
const GAIN_LEAST = 1.5;
const CHUNK_BYTES = 64 * 1024;
const REPORT_EVERY_MS = 200;

class ContentWriter {
  readonly #options: WriteOptions;
  readonly #chunks: SharedChunks;
  readonly #packs: PackList;
  readonly #keys: KeyList;
  readonly #filler: PackFiller;
  readonly #jobs: Jobs;
  readonly #planner: Planner;
  readonly #files = new FileTable();
  readonly #streams = new Streams();
  readonly #collisions = new CollisionCheck();
  readonly #timer: NodeJS.Timeout;
  #bytesReused = 0;
  #phase: WriteProgress["phase"] = "reading";
  #reportedMs = -REPORT_EVERY_MS;

  static async open(options: WriteOptions): Promise<ContentWriter> {
    const { place, pushKey, sources = [], resume = [], bytesExpected = 0 } = options;
    const known = sources.reduce((sum, { tree }) => sum + tree.chunks.count, 0);
    const chunks = SharedChunks.create(known + bytesExpected / CHUNK_BYTES);
    const ground = { place, chunks, packs: new PackList(), keys: new KeyList(pushKey) };
    return new ContentWriter(options, ground, await KnownRows.load(ground, sources, resume));
  }

  private constructor(options: WriteOptions, ground: Ground, known: KnownRows) {
    const { seen, gainLeast = GAIN_LEAST, threads, signal } = options;
    this.#options = options;
    this.#chunks = ground.chunks;
    this.#packs = ground.packs;
    this.#keys = ground.keys;
    this.#filler = new PackFiller({ ...ground, onPack: (record) => options.onPack(record) });
    const onDone = () => this.#report();
    this.#jobs = new Jobs({ ground, known, filler: this.#filler, gainLeast, threads, signal, onDone });
    this.#planner = new Planner({
      files: this.#files,
      streams: this.#streams,
      jobs: this.#jobs,
      seen: new SeenStreams(known, seen),
      signal,
      onReused: (bytes) => {
        this.#bytesReused += bytes;
      },
    });
    this.#timer = setInterval(onDone, REPORT_EVERY_MS).unref();
  }

  async file(entry: FileEntry | UnsizedEntry): Promise<void> {
    checkAborted(this.#options.signal);
    const { path, kind, local } = entry;
    this.#checkPath(path);
    if (this.#files.count >= LIMITS.files) throw refused(path, "the artifact has too many files", "push fewer");
    const file = this.#files.add(path, kind, local);
    if (kind !== "directory") await this.#planner.add(file, entry);
  }

  async finish(): Promise<Written> {
    await this.#planner.end();
    await this.#jobs.idle();
    this.#phase = "uploading";
    await this.#filler.finish();
    checkAborted(this.#options.signal);
    this.#report(true);
    const content = { files: this.#files, streams: this.#streams, chunks: this.#chunks };
    const { tree, packs } = treeOfPush({ ...content, packs: this.#packs, keys: this.#keys });
    const files = Array.from(this.#files.inOrder(), ({ path, kind, bytes, sha256, local }) => {
      return { path, kind, bytes, sha256, local };
    });
    return {
      tree,
      packs,
      files,
      ...folderDigests(files.filter((file) => file.kind !== "directory")),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      bytesNew: this.#jobs.bytesNew,
      bytesStored: this.#filler.storedBytes,
    };
  }

  /** Waits for what is under way. @param error why it ends, where it ends early: what is not whole is dropped */
  async close(error?: unknown): Promise<void> {
    clearInterval(this.#timer);
    await this.#jobs.close(error);
    await this.#filler.settle();
  }

  #report(last = false): void {
    const now = performance.now();
    if (!last && now - this.#reportedMs < REPORT_EVERY_MS) return;
    this.#reportedMs = now;
    const { bytes, bytesNew } = this.#chunks.claimed;
    const phase = this.#filler.waiting && this.#phase === "reading" ? "waiting" : this.#phase;
    this.#options.progress({
      bytes: bytes + this.#bytesReused,
      bytesNew,
      bytesStored: this.#filler.storedBytes,
      phase,
    });
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

function refused(path: string, why: string, next: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} cannot stand in an artifact`, { why, next });
}
