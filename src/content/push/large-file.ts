// A large file of this machine: parts that any worker takes, and behind them its SHA-256, which one worker computes in order.
import { open } from "node:fs/promises";
import type { LocalFile } from "../../base/file-entry.ts";
import { type Part, planParts } from "../cut/plan-parts.ts";
import { READ } from "../local-file.ts";
import { attempt } from "../read-file.ts";

/** @throws CloisterError FAILURE naming the file where it cannot be read; NOT_FOUND */
export async function partsOf({ absolute, path, stats }: LocalFile): Promise<readonly Part[]> {
  return await attempt(path, async () => {
    const file = await open(absolute, READ);
    try {
      return await planParts(file, stats.size);
    } finally {
      await file.close();
    }
  });
}

/** Tells which parts of a file may be digested next: those before which nothing is missing. */
export class Digesting {
  readonly parts: readonly Part[];
  /** The worker that has the state of the digest. */
  readonly worker: number;
  readonly #read: boolean[];
  #next = 0;

  constructor(parts: readonly Part[], worker: number) {
    this.parts = parts;
    this.worker = worker;
    this.#read = parts.map(() => false);
  }

  /** The part is read, and in the page cache. */
  read(part: number): void {
    this.#read[part] = true;
  }

  get allRead(): boolean {
    return this.#read.every((read) => read);
  }

  /** Parts whose turn has come, each once. */
  *due(): Iterable<Part> {
    for (; this.#read[this.#next]; this.#next++) yield this.parts[this.#next] as Part;
  }
}
