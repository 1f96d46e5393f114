// Makes jobs of the files that are pushed, in the order in which they come.
import { createHash } from "node:crypto";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry, LocalFile } from "../../base/file-entry.ts";
import { printable } from "../../base/terminal.ts";
import { checkAborted } from "../abort.ts";
import { copyShared } from "../copy-shared.ts";
import { BATCH_BYTES_MAX, BATCH_FILES_MAX, endsBatch } from "./batch-ends.ts";
import type { FileTable } from "./file-table.ts";
import type { Jobs } from "./jobs.ts";
import { Digesting, partsOf } from "./large-file.ts";
import type { Streams } from "./push-tree.ts";
import type { SeenStreams } from "./seen-streams.ts";

/** A file whose size is known only when it has been read, such as standard input. It gets a stream of its own. */
export interface UnsizedEntry extends Omit<FileEntry, "bytes"> {
  readonly bytes: undefined;
}

export interface PlannerOptions {
  readonly files: FileTable;
  readonly streams: Streams;
  readonly jobs: Jobs;
  readonly seen: SeenStreams;
  readonly signal: AbortSignal;
  /** Called for content that is used again without being read. */
  readonly onReused: (bytes: number) => void;
}

/** Files up to this size share streams, so that 20,000 small files are not 20,000 chunks. */
const SMALL_BYTES = 1024 * 1024;
/** What is read in this thread is handed to the workers in parts of this size. */
const PART_BYTES = 8 * 1024 * 1024;

/** Small files that become one stream. */
class Batch<Content> {
  readonly files: { readonly file: number; readonly bytes: number; readonly content: Content }[] = [];
  bytes = 0;

  add(file: number, bytes: number, content: Content): void {
    this.files.push({ file, bytes, content });
    this.bytes += bytes;
  }

  hasRoomFor(bytes: number): boolean {
    return this.bytes + bytes <= BATCH_BYTES_MAX && this.files.length < BATCH_FILES_MAX;
  }
}

export class Planner {
  readonly #options: PlannerOptions;
  #local = new Batch<LocalFile>();
  #read = new Batch<readonly Uint8Array[]>();
  readonly #buffers: Uint8Array[] = [];
  #buffersOut = 0;

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** @throws CloisterError FAILURE where the file is not as long as it said; what reading it or a job throws; INTERRUPTED */
  async add(file: number, entry: FileEntry | UnsizedEntry): Promise<void> {
    const { bytes, local } = entry;
    if (bytes === undefined || bytes > SMALL_BYTES)
      await (local ? this.#large(file, local) : this.#stream(file, entry));
    else if (local) await this.#smallLocal(file, entry.path, bytes, local);
    else await this.#small(file, entry, bytes);
  }

  /** After the last file. */
  async end(): Promise<void> {
    await this.#endLocal();
    await this.#endRead();
  }

  async #smallLocal(file: number, path: string, bytes: number, local: LocalFile): Promise<void> {
    if (!this.#local.hasRoomFor(bytes)) await this.#endLocal();
    this.#local.add(file, bytes, local);
    if (endsBatch(path, bytes)) await this.#endLocal();
  }

  async #endLocal(): Promise<void> {
    const batch = this.#local;
    if (batch.files.length === 0) return;
    this.#local = new Batch();
    const stream = this.#streamOf(batch);
    const filled = batch.files.filter(({ bytes }) => bytes > 0);
    const read = async () => {
      const job = () => ({ kind: "batch", files: batch.files.map(({ content }) => sendable(content)) }) as const;
      await this.#options.jobs.add(job, ({ ranges, digests }) => {
        this.#options.streams.set(stream, 0, ranges);
        for (const [i, { file }] of batch.files.entries()) {
          this.#options.files.digested(file, digests.subarray(i * 32, i * 32 + 32));
        }
      });
    };
    if (filled.length === 0 || !this.#reused(stream, filled, read)) await read();
  }

  /** Gives the files of a batch their places in a stream of their own. */
  #streamOf(batch: Batch<unknown>): number {
    const stream = this.#options.streams.begin();
    let offset = 0;
    for (const { file, bytes } of batch.files) {
      if (bytes > 0) this.#options.files.locate(file, stream, offset, bytes);
      offset += bytes;
    }
    return stream;
  }

  /** Whether a known stream holds exactly these files and is used again. */
  #reused(
    stream: number,
    given: readonly { readonly file: number; readonly bytes: number; readonly content: LocalFile }[],
    read: () => Promise<void>,
  ): boolean {
    const { seen, streams, files, jobs, onReused } = this.#options;
    const found = seen.find(given.map(({ content }) => content));
    if (!found) return false;
    streams.set(stream, 0, found.ranges);
    for (const [i, { file }] of given.entries()) files.digestedHex(file, found.digests[i] ?? "");
    onReused(given.reduce((sum, { bytes }) => sum + bytes, 0));
    jobs.relyOn(found.ranges, read);
    return true;
  }

  async #large(file: number, local: LocalFile): Promise<void> {
    const { files, streams } = this.#options;
    const stream = streams.begin();
    const bytes = local.stats.size;
    files.locate(file, stream, 0, bytes);
    const read = () => this.#inParts(file, sendable(local), stream);
    if (!this.#reused(stream, [{ file, bytes, content: local }], read)) await read();
  }

  async #inParts(file: number, local: LocalFile, stream: number): Promise<void> {
    const { files, streams, jobs, seen } = this.#options;
    const digesting = new Digesting(await partsOf(local), jobs.digestWorker());
    const likely = seen.likely(local);
    let differs = !likely;
    const digest = () => {
      for (const { from, to } of digesting.due()) {
        jobs.digest(digesting.worker, { kind: "digest", file: local, from, to }, (sha256) => {
          if (to === local.stats.size) files.digested(file, sha256);
        });
      }
    };
    for (const [i, part] of digesting.parts.entries()) {
      const job = () => ({ kind: "part", file: local, ...part }) as const;
      await jobs.add(job, ({ ranges, bytesNew }) => {
        streams.set(stream, i, ranges);
        digesting.read(i);
        differs ||= bytesNew > 0;
        // As long as its chunks may all be those of an earlier version, so may its digest.
        if (!differs && !digesting.allRead) return;
        if (!differs && likely && streams.isSame(stream, likely.ranges))
          files.digestedHex(file, likely.digests[0] ?? "");
        else digest();
      });
    }
  }

  /** Read here: it is not a file of this machine. Borders depend on paths and sizes alone, as with those that are. */
  async #small(file: number, entry: FileEntry | UnsizedEntry, bytes: number): Promise<void> {
    const { path } = entry;
    if (!this.#read.hasRoomFor(bytes)) await this.#endRead();
    const hash = createHash("sha256");
    const content: Uint8Array[] = [];
    let done = 0;
    for await (const piece of entry.read()) {
      checkAborted(this.#options.signal);
      done += piece.length;
      if (done > bytes) throw changed(path);
      hash.update(piece);
      content.push(Buffer.from(piece));
    }
    if (done !== bytes) throw changed(path);
    this.#options.files.digested(file, hash.digest());
    this.#read.add(file, bytes, content);
    if (endsBatch(path, bytes)) await this.#endRead();
  }

  async #endRead(): Promise<void> {
    const batch = this.#read;
    if (batch.files.length === 0) return;
    this.#read = new Batch();
    const stream = this.#streamOf(batch);
    if (batch.bytes === 0) return;
    const bytes = new Uint8Array(new SharedArrayBuffer(batch.bytes));
    let at = 0;
    for (const { content } of batch.files) {
      for (const piece of content) {
        copyShared(piece, bytes, at);
        at += piece.length;
      }
    }
    await this.#options.jobs.add(
      () => ({ kind: "bytes", bytes }),
      ({ ranges }) => this.#options.streams.set(stream, 0, ranges),
    );
  }

  async #stream(file: number, entry: FileEntry | UnsizedEntry): Promise<void> {
    const { files, streams, signal } = this.#options;
    const stream = streams.begin();
    const hash = createHash("sha256");
    let bytes = 0;
    let parts = 0;
    let buffer: Uint8Array | undefined;
    let filled = 0;
    const hand = async (part: Uint8Array) => {
      await this.#hand(part, filled, stream, parts++);
      buffer = undefined;
      filled = 0;
    };
    for await (const piece of entry.read()) {
      checkAborted(signal);
      hash.update(piece);
      bytes += piece.length;
      if (entry.bytes !== undefined && bytes > entry.bytes) throw changed(entry.path);
      for (let taken = 0; taken < piece.length; ) {
        buffer ??= await this.#buffer();
        const rest = piece.subarray(taken, taken + buffer.length - filled);
        copyShared(rest, buffer, filled);
        filled += rest.length;
        taken += rest.length;
        if (filled === buffer.length) await hand(buffer);
      }
    }
    if (entry.bytes !== undefined && bytes !== entry.bytes) throw changed(entry.path);
    if (buffer) await hand(buffer);
    files.digested(file, hash.digest());
    if (bytes > 0) files.locate(file, stream, 0, bytes);
  }

  async #hand(buffer: Uint8Array, filled: number, stream: number, part: number): Promise<void> {
    const bytes = buffer.subarray(0, filled);
    await this.#options.jobs.add(
      () => ({ kind: "bytes", bytes }),
      ({ ranges }) => {
        this.#options.streams.set(stream, part, ranges);
        this.#buffers.push(buffer);
        this.#buffersOut--;
      },
    );
  }

  /** One that no job needs any more: as many as there are workers, and one to fill. */
  async #buffer(): Promise<Uint8Array> {
    const { jobs } = this.#options;
    if (this.#buffersOut > Math.max(1, jobs.workersMost)) {
      await jobs.until(() => this.#buffersOut <= Math.max(1, jobs.workersMost));
    }
    this.#buffersOut++;
    return this.#buffers.pop() ?? new Uint8Array(new SharedArrayBuffer(PART_BYTES));
  }
}

/** What a thread can be sent: the values themselves, wherever the entry keeps them. */
function sendable({ absolute, path, stats }: LocalFile): LocalFile {
  const { dev, ino, mode, size, mtimeNs, ctimeNs } = stats;
  return { absolute, path, stats: { dev, ino, mode, size, mtimeNs, ctimeNs } };
}

function changed(path: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} changed while it was read`, {
    why: "its size is not what it was when the push began; nothing was published",
    next: "wait until nothing writes to it, then push again",
  });
}
