// In which order chunks are opened, and how many of them together.
import type { ChunkTable } from "../chunk-table.ts";
import type { Batch } from "./engine.ts";
import { BLOCK_BYTES, type PackBlocks, type Stored } from "./pack-blocks.ts";

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
 * Chunks in the order in which they lie in packs, each once, so that nothing is fetched twice. Only for whoever takes content
 * in any order.
 *
 * @param rows the chunks, in any order and any number of times
 */
export function* inPackOrder({ chunks }: Stored, blocks: PackBlocks, rows: Uint32Array): Generator<PlannedBatch> {
  const wanted = new Uint8Array(chunks.count);
  for (const row of rows) wanted[row] = 1;
  const order = new Uint32Array(wanted.reduce((sum, one) => sum + one, 0));
  const places = new Float64Array(chunks.count);
  let count = 0;
  for (let row = 0; row < wanted.length; row++) {
    if (wanted[row] === 0) continue;
    const [block, inside] = blocks.startOf(row);
    places[row] = block * BLOCK_BYTES + inside;
    order[count++] = row;
  }
  order.sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  yield* batches(chunks, blocks, order);
}

/** Chunks one after the other. */
export function* inOrder({ chunks }: Stored, blocks: PackBlocks, rows: Uint32Array): Generator<PlannedBatch> {
  yield* batches(chunks, blocks, rows);
}

function* batches(chunks: ChunkTable, all: PackBlocks, order: Iterable<number>): Generator<PlannedBatch> {
  let rows: number[] = [];
  let blocks = new Set<number>();
  let bytes = 0;
  let number = 0;
  for (const row of order) {
    const plain = chunks.plainBytes(row);
    const needed = all.of(row);
    const more = needed.filter((block) => !blocks.has(block)).length;
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
