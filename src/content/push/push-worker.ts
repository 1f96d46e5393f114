// Reads, cuts, digests, compresses and seals what is pushed.
import { createHash, type Hash } from "node:crypto";
import { sha256 } from "../../base/digest.ts";
import { copyShared } from "../copy-shared.ts";
import type { Worker } from "../crew.ts";
import { byPieces, type Cutting, Slab } from "../cut/slab.ts";
import { OpenFile, readWhole } from "../local-file.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import type { PushJob, PushResult, PushSetup, SealedSection } from "./job.ts";

type Job<Kind extends PushJob["kind"]> = Extract<PushJob, { readonly kind: Kind }>;
type Sections<Result> = Generator<SealedSection, Result, void>;

/** Read at once, so that it is still in the processor's cache when it is cut and sealed. */
const READ_BYTES = 256 * 1024;
/** The same for what is only digested. */
const DIGEST_BYTES = 256 * 1024;
const NOTHING = new Uint8Array(0);

/** @see PushJob for what each kind of job is */
export class PushWorker implements Worker<PushJob, SealedSection, PushResult> {
  readonly #stop: () => void;
  readonly #writer: ChunkWriter;
  /** Files whose SHA-256 is under way, by absolute path. */
  readonly #digests = new Map<string, Hash>();
  #slabOnUse: Slab | undefined;
  #pieceOnUse: Buffer | undefined;

  private constructor(setup: PushSetup, stop: () => void) {
    this.#stop = stop;
    this.#writer = new ChunkWriter(setup);
  }

  /** @param stop throws where the worker is to end; asked between chunks */
  static from(setup: PushSetup, stop: () => void): PushWorker {
    return new PushWorker(setup, stop);
  }

  /** @throws CloisterError FAILURE or NOT_FOUND where a file cannot be read or is not what the scan found; INTERRUPTED */
  *run(job: PushJob): Sections<PushResult> {
    if (job.kind === "digest") return this.#digest(job);
    this.#slab.clear();
    this.#writer.begin();
    const digests = yield* this.#seal(job);
    const rest = this.#writer.close();
    if (rest) yield rest;
    return { ...this.#writer.end(), digests };
  }

  *#seal(job: Exclude<PushJob, Job<"digest">>): Sections<Uint8Array> {
    if (job.kind === "batch") return yield* this.#batch(job);
    if (job.kind === "bytes") yield* this.#bytes(job);
    else yield* this.#part(job);
    return NOTHING;
  }

  *#part({ file, from, to, cuts }: Job<"part">): Sections<void> {
    const cutting = cuts ? byPieces(from, cuts) : this.#slab.byContent;
    const open = new OpenFile(file);
    try {
      open.checkSame();
      yield* this.#stream(to - from, cutting, (into, at) => open.read(into, from + at));
      open.checkSame();
    } finally {
      open.close();
    }
  }

  *#bytes({ bytes }: Job<"bytes">): Sections<void> {
    yield* this.#stream(bytes.length, this.#slab.byContent, (into, at) =>
      copyShared(bytes.subarray(at, at + into.length), into, 0),
    );
  }

  /** @param read fills a buffer with what lies from a byte of the stream on */
  *#stream(bytes: number, cutting: Cutting, read: (into: Buffer, at: number) => void): Sections<void> {
    for (let at = 0; at < bytes; ) {
      const into = this.#slab.room(Math.min(READ_BYTES, bytes - at));
      read(into, at);
      this.#slab.taken(into.length);
      at += into.length;
      yield* this.#cut(cutting, at === bytes);
    }
  }

  /** The SHA-256 of each file. */
  *#batch({ files }: Job<"batch">): Sections<Uint8Array> {
    const slab = this.#slab;
    const digests = new Uint8Array(files.length * 32);
    for (const [i, file] of files.entries()) {
      this.#stop();
      const into = slab.room(file.stats.size);
      readWhole(file, into);
      digests.set(sha256(into), i * 32);
      slab.taken(into.length);
      if (slab.uncut >= READ_BYTES) yield* this.#cut(slab.byContent, false);
    }
    yield* this.#cut(slab.byContent, true);
    return digests;
  }

  *#cut(cutting: Cutting, last: boolean): Sections<void> {
    for (const chunk of this.#slab.cut(cutting, last)) {
      this.#stop();
      const section = this.#writer.add(chunk);
      if (section) yield section;
    }
  }

  #digest({ file, from, to }: Job<"digest">): PushResult {
    const hash = from === 0 ? createHash("sha256") : this.#digests.get(file.absolute);
    if (!hash) throw new TypeError("a file is digested by one worker, from its beginning on");
    this.#digests.set(file.absolute, hash);
    const open = new OpenFile(file);
    try {
      open.checkSame();
      for (let at = from; at < to; at += DIGEST_BYTES) {
        this.#stop();
        const piece = this.#piece.subarray(0, Math.min(DIGEST_BYTES, to - at));
        open.read(piece, at);
        hash.update(piece);
      }
      open.checkSame();
    } finally {
      open.close();
    }
    const digests = to === file.stats.size ? hash.digest() : NOTHING;
    if (digests !== NOTHING) this.#digests.delete(file.absolute);
    return { ranges: new Uint32Array(0), digests, bytes: 0, bytesNew: 0 };
  }

  get #slab(): Slab {
    this.#slabOnUse ??= new Slab(() => this.#writer.keep());
    return this.#slabOnUse;
  }

  get #piece(): Buffer {
    this.#pieceOnUse ??= Buffer.allocUnsafeSlow(DIGEST_BYTES);
    return this.#pieceOnUse;
  }
}
