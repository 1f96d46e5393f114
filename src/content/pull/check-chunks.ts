// Whether chunks that somebody else stored are what their tree says, before anything new relies on them.
import { ChunkTable } from "../chunk-table.ts";
import type { PackPlace, PackRef } from "../pack.ts";
import { Engine } from "./engine.ts";
import type { PullResult } from "./job.ts";
import { PackBlocks } from "./pack-blocks.ts";
import { inPackOrder, type PlannedBatch } from "./plan.ts";

/** A chunk, and where it should lie. */
export interface ClaimedChunk {
  readonly pack: PackRef;
  readonly offset: number;
  readonly stored: number;
  readonly plain: number;
  readonly codec: number;
  /** SHA-256 of its content. */
  readonly h: Uint8Array;
  readonly pushKey: Uint8Array;
}

/**
 * Fetches, opens and digests chunks, in parallel and in the order in which they lie in packs.
 *
 * @returns for each chunk whether it is there and is what it should be
 * @throws CloisterError INTERRUPTED; what the store throws
 */
export async function openedChunks(
  place: Pick<PackPlace, "store" | "prefix">,
  claimed: readonly ClaimedChunk[],
  signal: AbortSignal,
): Promise<boolean[]> {
  const tree = tableOf(claimed);
  const blocks = new PackBlocks(tree);
  const bytes = claimed.reduce((sum, { plain }) => sum + plain, 0);
  const engine = new Engine({ tree, blocks, place, signal, bytes });
  const good = new Array<boolean>(claimed.length).fill(false);
  const check = async (batch: PlannedBatch, done: Promise<PullResult>) => {
    const { verdicts } = await done;
    for (const [i, row] of batch.rows.entries()) good[row] = verdicts?.[i] === 1;
  };
  try {
    const rows = Uint32Array.from(claimed, (_, row) => row);
    await engine.runAll(inPackOrder(tree, blocks, rows), (_, chunks) => ({ kind: "check", chunks }), check);
    return good;
  } finally {
    await engine.close();
  }
}

function tableOf(claimed: readonly ClaimedChunk[]) {
  const chunks = new ChunkTable(Math.max(1, claimed.length));
  const packs = new Map<string, { readonly number: number; readonly pack: PackRef }>();
  const keys = new Map<string, { readonly number: number; readonly key: Buffer }>();
  for (const { pack, offset, stored, plain, codec, h, pushKey } of claimed) {
    const inPack = packs.get(pack.id) ?? { number: packs.size, pack };
    packs.set(pack.id, inPack);
    const hex = Buffer.from(pushKey).toString("hex");
    const underKey = keys.get(hex) ?? { number: keys.size, key: Buffer.from(pushKey) };
    keys.set(hex, underKey);
    chunks.add(h, { key: underKey.number, pack: inPack.number, offset, stored, plain, codec });
  }
  return {
    chunks,
    packs: Array.from(packs.values(), ({ pack }) => pack),
    pushKeys: Array.from(keys.values(), ({ key }) => key),
  };
}
