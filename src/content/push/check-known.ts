// Opens the chunks that somebody else wrote and that were found again, before anything relies on them.
import { isIntegrity } from "../../base/errors.ts";
import { checkAborted } from "../abort.ts";
import type { ChunkPlace } from "../chunk-table.ts";
import { packName } from "../pack.ts";
import { openChunk } from "../seal-chunk.ts";
import type { Ground, KnownRows } from "./sources.ts";

/** Packs are read in ranges that start and end at whole MiB, so that the store sees no chunk lengths. */
const BLOCK_BYTES = 1024 * 1024;
const RANGE_BYTES_MAX = 4 * BLOCK_BYTES;

interface Placed extends ChunkPlace {
  readonly row: number;
}

/** Chunks of one pack that lie close to one another. */
interface Group {
  readonly pack: number;
  readonly from: number;
  readonly to: number;
  readonly chunks: readonly Placed[];
}

/**
 * Whether all chunks of these ranges may be relied on. Damaged ones are not found any more: whoever asks for the same
 * content again gets other rows, and all that was found in the first place was then looked at.
 * @param ranges of rows: first, count, first, count, …
 * @throws whatever the store throws but INTEGRITY; INTERRUPTED
 */
export async function mayRelyOn(
  ranges: Uint32Array,
  known: KnownRows,
  ground: Ground,
  signal: AbortSignal,
): Promise<boolean> {
  const rows = new Set<number>();
  for (let i = 0; i < ranges.length; i += 2) {
    const first = ranges[i] ?? 0;
    for (let row = first; row < first + (ranges[i + 1] ?? 0); row++) {
      if (ground.chunks.isDropped(row)) return false;
      if (known.needsCheck(row)) rows.add(row);
    }
  }
  let good = true;
  for (const group of groupsOf(Array.from(rows, (row) => ({ row, ...ground.chunks.place(row) })))) {
    checkAborted(signal);
    for (const { row, opens } of await tried(group, ground)) {
      if (opens) known.checked(row);
      else ground.chunks.drop(row);
      good &&= opens;
    }
  }
  return good;
}

function groupsOf(chunks: readonly Placed[]): readonly Group[] {
  const groups: (Group & { to: number; chunks: Placed[] })[] = [];
  for (const chunk of [...chunks].sort((a, b) => a.pack - b.pack || a.offset - b.offset)) {
    const from = Math.floor(chunk.offset / BLOCK_BYTES) * BLOCK_BYTES;
    const to = Math.ceil((chunk.offset + chunk.stored) / BLOCK_BYTES) * BLOCK_BYTES;
    const last = groups.at(-1);
    if (last?.pack === chunk.pack && from <= last.to && to - last.from <= RANGE_BYTES_MAX) {
      last.to = Math.max(last.to, to);
      last.chunks.push(chunk);
    } else {
      groups.push({ pack: chunk.pack, from, to, chunks: [chunk] });
    }
  }
  return groups;
}

async function tried({ pack, from, to, chunks }: Group, ground: Ground) {
  const { id, bytes } = ground.packs.ref(pack);
  const { store, prefix } = ground.place;
  const range = await store.range(packName(prefix, id), from, Math.min(to, bytes) - from).catch(missing);
  return chunks.map((chunk) => {
    const sealed = range?.subarray(chunk.offset - from, chunk.offset - from + chunk.stored);
    return { row: chunk.row, opens: sealed?.length === chunk.stored && opens(chunk, sealed, ground) };
  });
}

function opens({ row, key, codec, plain }: Placed, sealed: Uint8Array, { keys, chunks }: Ground): boolean {
  try {
    openChunk(keys.key(key), chunks.digest(row), codec, plain, sealed);
    return true;
  } catch (error) {
    if (isIntegrity(error)) return false;
    throw error;
  }
}

function missing(error: unknown): undefined {
  if (!isIntegrity(error)) throw error;
}
