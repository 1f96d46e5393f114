// Which bytes of which files the chunks of a batch are.
import type { StagedPart } from "./job.ts";
import type { Layout } from "./layout.ts";
import type { PlannedBatch } from "./plan.ts";

export interface BatchTargets {
  /** Numbers of the files in the layout, ascending. */
  readonly numbers: readonly number[];
  readonly files: readonly StagedPart[];
  /** As in a job of kind `write`. */
  readonly targets: Float64Array;
}

/** Where on the line each chunk belongs, for whoever takes chunks in another order. */
export class Targets {
  readonly #layout: Layout;
  /** For each row where its places begin in {@link #places}; one more for the end. */
  readonly #first: Uint32Array;
  readonly #places: Uint32Array;

  constructor(layout: Layout) {
    this.#layout = layout;
    const { rows, tree } = layout;
    const first = new Uint32Array(tree.chunks.count + 1);
    for (const row of rows) first[row + 1] = (first[row + 1] ?? 0) + 1;
    for (let row = 0; row < tree.chunks.count; row++) first[row + 1] = (first[row + 1] ?? 0) + (first[row] ?? 0);
    const next = first.slice();
    this.#places = new Uint32Array(rows.length);
    for (const [place, row] of rows.entries()) {
      const at = next[row] ?? 0;
      this.#places[at] = place;
      next[row] = at + 1;
    }
    this.#first = first;
  }

  /** The same batch with its chunks in the order of the content, so that what belongs together is written at once. */
  ordered(batch: PlannedBatch): PlannedBatch {
    const placeOf = (row: number) => this.#places[this.#first[row] ?? 0] ?? 0;
    return { ...batch, rows: [...batch.rows].sort((a, b) => placeOf(a) - placeOf(b)) };
  }

  /** @param batch as {@link ordered} gives it */
  of(batch: PlannedBatch): BatchTargets {
    const { files } = this.#layout;
    const numbers: number[] = [];
    const parts: StagedPart[] = [];
    const targets: number[] = [];
    for (const { number, to, from, length } of this.#pieces(batch)) {
      const file = files[number];
      if (!file) continue;
      const last = targets.length - 4;
      const follows =
        numbers.at(-1) === number &&
        (targets[last + 1] ?? 0) + (targets[last + 3] ?? 0) === to &&
        (targets[last + 2] ?? 0) + (targets[last + 3] ?? 0) === from;
      if (follows) {
        targets[last + 3] = (targets[last + 3] ?? 0) + length;
        continue;
      }
      if (numbers.at(-1) !== number) {
        numbers.push(number);
        const { path, bytes, sha256 } = file;
        parts.push({ path, bytes, sha256, executable: file.kind === "executable" });
      }
      targets.push(numbers.length - 1, to, from, length);
    }
    return { numbers, files: parts, targets: Float64Array.from(targets) };
  }

  *#pieces(batch: PlannedBatch) {
    const { files, fileStarts } = this.#layout;
    for (const { start, at, bytes } of this.#spans(batch)) {
      for (let number = this.#layout.fileAfter(start); number < files.length; number++) {
        const begins = fileStarts[number] ?? 0;
        const from = Math.max(begins, start);
        const length = Math.min(begins + (files[number]?.bytes ?? 0), start + bytes) - from;
        if (length <= 0) break;
        yield { number, to: from - begins, from: at + from - start, length };
      }
    }
  }

  /** Where on the line each chunk belongs, and where it lies in the content of the batch; ascending on the line. */
  #spans({ rows }: PlannedBatch) {
    const { starts, tree } = this.#layout;
    const spans: { readonly start: number; readonly at: number; readonly bytes: number }[] = [];
    let at = 0;
    for (const row of rows) {
      const bytes = tree.chunks.plainBytes(row);
      for (let i = this.#first[row] ?? 0; i < (this.#first[row + 1] ?? 0); i++) {
        spans.push({ start: starts[this.#places[i] ?? 0] ?? 0, at, bytes });
      }
      at += bytes;
    }
    return spans.sort((a, b) => a.start - b.start);
  }
}
