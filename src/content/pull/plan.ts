// In which order chunks are opened, and how many of them together.
import type { Batch } from "./engine.ts";
import type { Layout } from "./layout.ts";

/** Content that a worker opens at once, in bytes, and blocks that it may lie in. */
export const BATCH_BYTES = 1024 * 1024;
const BATCH_BLOCKS = 4;
/** Chunks in one batch: hostile ones may hold a byte each. */
const BATCH_CHUNKS = 2048;

/** A batch with its number in the order in which they are planned: the same for the same tree and files. */
export interface PlannedBatch extends Batch {
  readonly number: number;
}

/**
 * All chunks that are needed, each once and in the order in which they lie in packs, so that nothing is fetched twice. Only
 * for whoever takes content in any order.
 */
export function* inPackOrder(layout: Layout): Generator<PlannedBatch> {
  yield* batches(layout, rowsInPackOrder(layout));
}

/** The chunks at places `from` to `to` of the line, one after the other. */
export function* inStreamOrder(layout: Layout, from: number, to: number): Generator<PlannedBatch> {
  yield* batches(layout, layout.rows.subarray(from, to));
}

function* batches(layout: Layout, order: Iterable<number>): Generator<PlannedBatch> {
  let rows: number[] = [];
  let blocks = new Set<number>();
  let bytes = 0;
  let number = 0;
  for (const row of order) {
    const plain = layout.tree.chunks.plainBytes(row);
    const needed = layout.blocksOf(row);
    const more = needed.filter((block, i) => !blocks.has(block) && needed.indexOf(block) === i).length;
    const full = bytes + plain > BATCH_BYTES || blocks.size + more > BATCH_BLOCKS || rows.length === BATCH_CHUNKS;
    if (rows.length > 0 && full) {
      yield { number: number++, rows, blocks: [...blocks], bytes };
      rows = [];
      blocks = new Set();
      bytes = 0;
    }
    rows.push(row);
    for (const block of needed) blocks.add(block);
    bytes += plain;
  }
  if (rows.length > 0) yield { number, rows, blocks: [...blocks], bytes };
}

/** Each row once. */
function rowsInPackOrder({ tree, rows, packBlocks }: Layout): Uint32Array {
  const wanted = new Uint8Array(tree.chunks.count);
  for (const row of rows) wanted[row] = 1;
  const order = new Uint32Array(wanted.reduce((sum, one) => sum + one, 0));
  const keys = new Float64Array(tree.chunks.count);
  let count = 0;
  for (let row = 0; row < wanted.length; row++) {
    if (wanted[row] === 0) continue;
    const { pack, offset } = tree.chunks.place(row);
    keys[row] = (packBlocks[pack] ?? 0) * 2 ** 20 + offset;
    order[count++] = row;
  }
  return order.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
}
