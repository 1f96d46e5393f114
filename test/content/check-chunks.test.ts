import { describe, expect, it } from "vitest";
import { packName } from "../../src/content/pack.ts";
import { type ClaimedChunk, openedChunks } from "../../src/content/pull/check-chunks.ts";
import type { Tree } from "../../src/content/tree.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { never, noise, PREFIX, push } from "./files.ts";

const MB = 1024 * 1024;

function claims({ chunks, packs, pushKeys }: Tree): ClaimedChunk[] {
  return Array.from({ length: chunks.count }, (_, row) => {
    const { pack, key, ...place } = chunks.place(row);
    return {
      ...place,
      pack: packs[pack] ?? { id: "", bytes: 0 },
      h: chunks.digest(row),
      pushKey: pushKeys[key] ?? Buffer.alloc(32),
    };
  });
}

describe("chunks that somebody else stored", () => {
  it.each([1.5 * MB, 12 * MB])("are all good where nobody touched them: %d bytes", async (bytes) => {
    const store = new MemoryStore();
    const { parsed } = await push(store, [{ path: "a", content: noise(bytes, "a") }]);
    const claimed = claims(parsed);
    expect(await openedChunks({ store, prefix: PREFIX }, claimed, never)).toEqual(claimed.map(() => true));
    expect(await openedChunks({ store, prefix: PREFIX }, [], never)).toEqual([]);
  });

  it("are told apart one by one where some are damaged, and whatever order they are asked about in", async () => {
    const store = new MemoryStore();
    const { parsed, packs } = await push(store, [{ path: "a", content: noise(3 * MB, "a") }]);
    const claimed = claims(parsed).reverse();
    const damaged = new Set([0, 7, claimed.length - 1]);
    const pack = store.objects.get(packName(PREFIX, packs[0]?.id ?? "")) ?? Buffer.alloc(0);
    for (const at of damaged) {
      const { offset = 0, stored = 0 } = claimed[at] ?? {};
      const middle = offset + Math.floor(stored / 2);
      pack[middle] = (pack[middle] ?? 0) ^ 1;
    }
    const found = await openedChunks({ store, prefix: PREFIX }, claimed, never);
    expect(found).toEqual(claimed.map((_, at) => !damaged.has(at)));
  });

  it("are bad where their digest, their key or their pack is another", async () => {
    const store = new MemoryStore();
    const { parsed, packs } = await push(store, [{ path: "a", content: noise(MB, "a") }]);
    const [chunk] = claims(parsed);
    if (!chunk) throw new Error("no chunk");
    const other = { ...chunk, h: noise(32, "h") };
    const elsewhere = { ...chunk, pack: { id: "0".repeat(32), bytes: 4096 }, offset: 0 };
    const found = await openedChunks({ store, prefix: PREFIX }, [other, chunk, elsewhere], never);
    expect(found).toEqual([false, true, false]);
    store.objects.delete(packName(PREFIX, packs[0]?.id ?? ""));
    expect(await openedChunks({ store, prefix: PREFIX }, [chunk], never)).toEqual([false]);
  });
});
