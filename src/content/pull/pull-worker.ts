// Opens chunks and writes what they hold.
import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { explained, isIntegrity, systemCode } from "../../base/errors.ts";
import { copyShared } from "../copy-shared.ts";
import type { Worker } from "../crew.ts";
import {
  type BadChunk,
  PLACE_COLUMNS,
  type PullJob,
  type PullResult,
  type PullSetup,
  type SealedChunks,
  type StagedPart,
  WRITTEN,
} from "./job.ts";
import { openChunkInto } from "./open-chunk.ts";

/** The folder is private, but nothing is ever written through a link. */
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
const READ_BYTES = 512 * 1024;

export class PullWorker implements Worker<PullJob, never, PullResult> {
  readonly #setup: PullSetup;
  readonly #stop: () => void;
  readonly #sealed: Uint8Array;
  readonly #opened: Buffer;
  /** Content of one job. */
  #plain = new Uint8Array();
  #piece: Uint8Array | undefined;
  /** Digests under way, by path. */
  readonly #digests = new Map<string, Hash>();

  private constructor(setup: PullSetup, stop: () => void) {
    this.#setup = setup;
    this.#stop = stop;
    this.#sealed = new Uint8Array(setup.sealed);
    this.#opened = Buffer.from(setup.opened);
  }

  static from(setup: PullSetup, stop: () => void): PullWorker {
    return new PullWorker(setup, stop);
  }

  // biome-ignore lint/correctness/useYield: a job has one result and nothing before it
  *run(job: PullJob): Generator<never, PullResult, void> {
    if (job.kind === "digest") return this.#digest(job);
    if (job.kind === "check") return this.#check(job.chunks);
    const bytes = contentBytes(job.chunks);
    if (this.#plain.length < bytes) this.#plain = new Uint8Array(bytes);
    if (job.kind === "open") {
      const bad = this.#open(job.chunks, true);
      copyShared(this.#plain.subarray(0, bytes), this.#opened, job.at);
      return { bad };
    }
    // Its digest decides over every file before anybody sees it: that of each chunk would say nothing more.
    const bad = this.#open(job.chunks, false);
    return bad.length > 0 ? { bad } : { verdicts: this.#write(job.files, job.targets) };
  }

  /** Opens all chunks, one after the other; those that are not what they should be. */
  #open(chunks: SealedChunks, check: boolean): BadChunk[] {
    const bad: BadChunk[] = [];
    let at = 0;
    for (let chunk = 0; chunk * PLACE_COLUMNS < chunks.places.length; chunk++) {
      this.#stop();
      const why = this.#openOne(chunks, chunk, at, check);
      if (why !== undefined) bad.push({ chunk, why });
      at += chunks.places[chunk * PLACE_COLUMNS + 2] ?? 0;
    }
    return bad;
  }

  /** Why a chunk is not what it should be; undefined where it is. */
  #openOne({ digests, places }: SealedChunks, chunk: number, at: number, check: boolean): string | undefined {
    const columns = places.subarray(chunk * PLACE_COLUMNS, (chunk + 1) * PLACE_COLUMNS);
    const [key = 0, codec = 0, plain = 0, first = 0, firstBytes = 0, rest = 0, restBytes = 0] = columns;
    const head = this.#sealed.subarray(first, first + firstBytes);
    const sealed = restBytes === 0 ? head : joined(head, this.#sealed.subarray(rest, rest + restBytes));
    const pushKey = this.#setup.pushKeys[key] ?? new Uint8Array(32);
    const digest = digests.subarray(chunk * 32, chunk * 32 + 32);
    try {
      openChunkInto({ pushKey, digest, codec, plain }, sealed, this.#plain, at, check);
      return undefined;
    } catch (error) {
      if (isIntegrity(error)) return explained(error);
      throw error;
    }
  }

  #check(chunks: SealedChunks): PullResult {
    const count = chunks.places.length / PLACE_COLUMNS;
    const verdicts = new Uint8Array(count);
    for (let chunk = 0; chunk < count; chunk++) {
      this.#stop();
      const plain = chunks.places[chunk * PLACE_COLUMNS + 2] ?? 0;
      if (this.#plain.length < plain) this.#plain = new Uint8Array(plain);
      verdicts[chunk] = this.#openOne(chunks, chunk, 0, true) === undefined ? 1 : 0;
    }
    return { verdicts };
  }

  #write(files: readonly StagedPart[], targets: Float64Array): Uint8Array {
    const verdicts = new Uint8Array(files.length);
    let first = 0;
    for (const [number, file] of files.entries()) {
      let end = first;
      while (end < targets.length && targets[end] === number) end += 4;
      verdicts[number] = this.#writeFile(file, targets.subarray(first, end));
      first = end;
    }
    return verdicts;
  }

  #writeFile({ path, executable, bytes, sha256 }: StagedPart, targets: Float64Array): number {
    const file = openSync(join(this.#setup.root, path), WRITE, executable ? 0o777 : 0o666);
    try {
      for (let i = 0; i < targets.length; i += 4) {
        // A chunk of zeros may be most of a file.
        this.#stop();
        const [, to = 0, from = 0, length = 0] = targets.subarray(i, i + 4);
        writeAll(file, this.#plain, from, length, to);
      }
    } finally {
      closeSync(file);
    }
    // More than one piece is left to `digest`, which need not know whether they are the whole.
    const [, to, from = 0, length] = targets;
    if (targets.length !== 4 || to !== 0 || length !== bytes) return WRITTEN.part;
    return sha256Hex(this.#plain.subarray(from, from + bytes)) === sha256 ? WRITTEN.whole : WRITTEN.damaged;
  }

  #digest({ path, from, to, bytes }: Extract<PullJob, { kind: "digest" }>): PullResult {
    const hash = from === 0 ? createHash("sha256") : this.#digests.get(path);
    if (!hash) throw new TypeError("a digest goes on that was never begun");
    this.#digests.set(path, hash);
    this.#piece ??= new Uint8Array(READ_BYTES);
    const piece = this.#piece;
    const file = openIfThere(join(this.#setup.root, path));
    // What an earlier pull left may be gone.
    if (file < 0) return { sha256: "" };
    try {
      let at = from;
      while (at < to) {
        this.#stop();
        const read = readSync(file, piece, 0, Math.min(piece.length, to - at), at);
        if (read === 0) break;
        hash.update(piece.subarray(0, read));
        at += read;
      }
      if (to < bytes && at === to) return {};
      this.#digests.delete(path);
      return { sha256: at === bytes && fstatSync(file).size === bytes ? hash.digest("hex") : "" };
    } finally {
      closeSync(file);
    }
  }
}

/** A chunk that lies in two blocks. */
function joined(head: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(head.length + rest.length);
  copyShared(head, whole, 0);
  copyShared(rest, whole, head.length);
  return whole;
}

function contentBytes({ places }: SealedChunks): number {
  let bytes = 0;
  for (let at = 2; at < places.length; at += PLACE_COLUMNS) bytes += places[at] ?? 0;
  return bytes;
}

function writeAll(file: number, content: Uint8Array, from: number, length: number, to: number): void {
  for (let done = 0; done < length; ) done += writeSync(file, content, from + done, length - done, to + done);
}

function openIfThere(path: string): number {
  try {
    return openSync(path, READ);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return -1;
    throw error;
  }
}
