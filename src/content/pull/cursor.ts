// Reads content in order, from any file on, and ahead of whoever takes it.
import { integrity } from "../../base/errors.ts";
import type { PackPlace } from "../pack.ts";
import { Engine } from "./engine.ts";
import type { BadChunk } from "./job.ts";
import type { Layout } from "./layout.ts";
import { BATCH_BYTES, inOrder, type PlannedBatch } from "./plan.ts";

/** Batches that are opened ahead, and wait to be taken, at most. */
const AHEAD_MAX = 8;

/** Opened chunks, one after the other. */
interface Opened {
  /** Place on the line of the first of them. */
  readonly first: number;
  /** Where each begins in the content; one more for the end. */
  readonly offsets: Uint32Array;
  /** Valid until the next is asked for. */
  readonly content: Uint8Array;
  readonly bad: readonly BadChunk[];
}

export interface CursorOptions {
  readonly layout: Layout;
  readonly place: Pick<PackPlace, "store" | "prefix">;
  readonly signal: AbortSignal;
  /** Numbers of the files in the layout that can be read: from the first up to but without `end`. */
  readonly first: number;
  readonly end: number;
}

export class Cursor {
  /** Number of the file that it goes on with at no cost. */
  next: number;
  readonly end: number;
  readonly #layout: Layout;
  readonly #engine: Engine;
  readonly #ahead: number;
  #batches: AsyncGenerator<Opened> | undefined;
  #opened: Opened | undefined;

  constructor({ layout, place, signal, first, end }: CursorOptions) {
    this.next = first;
    this.end = end;
    this.#layout = layout;
    const bytes = layout.files.slice(first, end).reduce((sum, file) => sum + file.bytes, 0);
    const { tree, blocks } = layout;
    this.#ahead = Math.min(AHEAD_MAX, 1 + Math.ceil(bytes / BATCH_BYTES));
    this.#engine = new Engine({ tree, blocks, place, signal, bytes, openedBytes: this.#ahead * BATCH_BYTES });
  }

  /**
   * The content of a file, in pieces that are whoever's who takes them. Each chunk was checked.
   * @throws CloisterError INTEGRITY, INTERRUPTED, what the store throws; it is of no use then
   */
  async *read(file: number): AsyncGenerator<Uint8Array> {
    const start = this.#layout.fileStarts[file] ?? 0;
    const end = start + (this.#layout.files[file]?.bytes ?? 0);
    let place = this.#layout.placeAt(start);
    if (file !== this.next) await this.#seek(place);
    for (let point = start; point < end; ) {
      const opened = await this.#holding(place);
      const piece = this.#cut(opened, place, point, end);
      point += piece.length;
      place = opened.first + opened.offsets.length - 1;
      yield piece;
    }
    this.next = file + 1;
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await this.#batches?.return(undefined);
  }

  async #seek(place: number): Promise<void> {
    if (this.#opened && place >= this.#opened.first && place < endOf(this.#opened)) return;
    await this.#batches?.return(undefined);
    this.#batches = undefined;
    this.#opened = undefined;
  }

  /** The opened chunks that the one at a place is among. */
  async #holding(place: number): Promise<Opened> {
    while (!this.#opened || place >= endOf(this.#opened)) {
      this.#batches ??= this.#open(place);
      const next = await this.#batches.next();
      if (next.done) throw new TypeError("the content ends before its files do");
      this.#opened = next.value;
    }
    return this.#opened;
  }

  /** What a file has among opened chunks, from a place and a point of the line on. */
  #cut({ first, offsets, content, bad }: Opened, place: number, point: number, end: number): Uint8Array {
    const { starts } = this.#layout;
    const chunk = place - first;
    const from = (offsets[chunk] ?? 0) + point - (starts[place] ?? 0);
    // The places of a file lie side by side, on the line as in what is opened.
    const to = Math.min(content.length, from + end - point);
    const damaged = bad.find((each) => each.chunk >= chunk && (offsets[each.chunk] ?? 0) < to);
    if (damaged) throw integrity("a chunk in the store is damaged", { why: damaged.why });
    return Buffer.from(content.subarray(from, to));
  }

  async *#open(first: number): AsyncGenerator<Opened> {
    const layout = this.#layout;
    const lastFile = this.end - 1;
    const point = (layout.fileStarts[lastFile] ?? 0) + (layout.files[lastFile]?.bytes ?? 0);
    const planned = inOrder(layout.tree, layout.blocks, layout.rows.subarray(first, layout.placeAt(point - 1) + 1));
    const waiting: {
      readonly batch: PlannedBatch;
      readonly slot: number;
      readonly done: Promise<readonly BadChunk[]>;
    }[] = [];
    const free = Array.from({ length: this.#ahead }, (_, slot) => slot);
    let next = planned.next();
    let place = first;
    try {
      for (;;) {
        for (let slot = free.at(-1); !next.done && slot !== undefined; slot = free.at(-1)) {
          const done = this.#start(next.value, slot);
          if (!done) break;
          free.pop();
          waiting.push({ batch: next.value, slot, done });
          next = planned.next();
        }
        const head = waiting.shift();
        if (!head) return;
        const bad = await head.done;
        yield opened(this.#engine.opened, layout, head.batch, head.slot, place, bad);
        place += head.batch.rows.length;
        free.push(head.slot);
      }
    } finally {
      await Promise.allSettled(waiting.map(({ done }) => done));
    }
  }

  #start(batch: PlannedBatch, slot: number): Promise<readonly BadChunk[]> | undefined {
    const at = slot * BATCH_BYTES;
    const done = this.#engine.start(batch, (chunks) => ({ kind: "open", chunks, at }))?.then(({ bad = [] }) => bad);
    // It shows when its turn comes.
    done?.catch(() => undefined);
    return done;
  }
}

function endOf({ first, offsets }: Opened): number {
  return first + offsets.length - 1;
}

function opened(
  memory: SharedArrayBuffer,
  { tree }: Layout,
  { rows, bytes }: PlannedBatch,
  slot: number,
  first: number,
  bad: readonly BadChunk[],
): Opened {
  const offsets = new Uint32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) offsets[i + 1] = (offsets[i] ?? 0) + tree.chunks.plainBytes(row);
  return { first, offsets, content: new Uint8Array(memory, slot * BATCH_BYTES, bytes), bad };
}
