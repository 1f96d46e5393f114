// The SHA-256 of files that are written in pieces and in any order, computed from their start while the rest is written.
import { integrity } from "../../base/errors.ts";
import type { Engine } from "./engine.ts";
import type { Layout } from "./layout.ts";

/** A digest goes on when so many bytes follow what it has, or the file is complete. */
const STEP_BYTES = 8 * 1024 * 1024;
/** Digests under way: each is only a message, but there may be a million small files. */
const PENDING_MAX = 256;

interface Growing {
  /** Bytes that were written from the start on without a gap. */
  upTo: number;
  /** What was written beyond: where it ends, by where it starts. */
  readonly beyond: Map<number, number>;
  /** Bytes that are digested or about to be. */
  digested: number;
  worker: number;
}

export class FileDigests {
  readonly #layout: Layout;
  readonly #engine: Engine;
  readonly #onFile: (number: number, good: boolean) => void;
  readonly #growing = new Map<number, Growing>();
  readonly #pending = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** @param onFile hears of each file once, when its digest is known */
  constructor(layout: Layout, engine: Engine, onFile: (number: number, good: boolean) => void) {
    this.#layout = layout;
    this.#engine = engine;
    this.#onFile = onFile;
  }

  /** A piece of a file was written. */
  async written(number: number, from: number, length: number): Promise<void> {
    const file = this.#growing.get(number) ?? { upTo: 0, beyond: new Map<number, number>(), digested: 0, worker: -1 };
    this.#growing.set(number, file);
    file.beyond.set(from, from + length);
    for (let end = file.beyond.get(file.upTo); end !== undefined; end = file.beyond.get(file.upTo)) {
      file.beyond.delete(file.upTo);
      file.upTo = end;
    }
    const bytes = this.#layout.files[number]?.bytes ?? 0;
    if (file.upTo < bytes && file.upTo - file.digested < STEP_BYTES) return;
    const [start, end] = [file.digested, file.upTo];
    file.digested = end;
    if (end === bytes) this.#growing.delete(number);
    if (file.worker < 0) file.worker = this.#engine.idlest();
    const pending: Promise<void> = this.#digest(number, file.worker, start, end)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
    if (this.#pending.size > PENDING_MAX) await Promise.race(this.#pending);
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits for all of them. */
  async end(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#failure) throw this.#failure.error;
    if (this.#growing.size > 0) throw integrity("a file has bytes that no chunk holds");
  }

  async #digest(number: number, worker: number, from: number, to: number): Promise<void> {
    const { path = "", bytes = 0, sha256 } = this.#layout.files[number] ?? {};
    const digested = await this.#engine.runOn(worker, { kind: "digest", path, from, to, bytes }, to - from);
    if (to === bytes) this.#onFile(number, digested.sha256 === sha256);
  }
}
