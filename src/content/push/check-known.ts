// Makes sure of the chunks that somebody else wrote and that were found again, before anything relies on them.
import { openedChunks } from "../pull/check-chunks.ts";
import type { Ground, KnownRows } from "./sources.ts";

/** Looked at together: at most 1 GiB of content, and some megabytes of what is known about it. */
const ROWS_AT_ONCE = 16_384;

/**
 * Opens all chunks of these ranges that nobody has opened yet. Damaged ones are not found any more from then on.
 * @param all ranges of rows: first, count, first, count, …
 * @throws whatever the store throws but INTEGRITY; INTERRUPTED
 */
export async function checkKnown(
  all: Iterable<Uint32Array>,
  known: KnownRows,
  ground: Ground,
  signal: AbortSignal,
): Promise<void> {
  const rows = new Set<number>();
  for (const ranges of all) for (const row of rowsOf(ranges)) if (known.needsCheck(row)) rows.add(row);
  const ordered = Uint32Array.from(rows);
  for (let at = 0; at < ordered.length; at += ROWS_AT_ONCE) {
    const some = [...ordered.subarray(at, at + ROWS_AT_ONCE)];
    const claimed = some.map((row) => {
      const { key, pack, ...chunk } = ground.chunks.place(row);
      return { ...chunk, h: ground.chunks.digest(row), pack: ground.packs.ref(pack), pushKey: ground.keys.key(key) };
    });
    const good = await openedChunks(ground.place, claimed, signal);
    for (const [i, row] of some.entries()) {
      if (good[i]) known.checked(row);
      else ground.chunks.drop(row);
    }
  }
}

/** Whether a chunk of these ranges turned out to be damaged. */
export function holdsDropped(ranges: Uint32Array, { chunks }: Ground): boolean {
  for (const row of rowsOf(ranges)) if (chunks.isDropped(row)) return true;
  return false;
}

/** Whether nobody has opened a chunk of these ranges yet. */
export function holdsUnchecked(ranges: Uint32Array, known: KnownRows): boolean {
  for (const row of rowsOf(ranges)) if (known.needsCheck(row)) return true;
  return false;
}

function* rowsOf(ranges: Uint32Array): Iterable<number> {
  for (let i = 0; i < ranges.length; i += 2) {
    const first = ranges[i] ?? 0;
    for (let row = first; row < first + (ranges[i + 1] ?? 0); row++) yield row;
  }
}
