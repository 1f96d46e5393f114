import { describe, expect, it } from "vitest";
import { ChunkTable } from "../../../src/content/chunk-table.ts";
import { Layout } from "../../../src/content/pull/layout.ts";
import type { TreeFile } from "../../../src/content/tree.ts";

/** One stream of chunks of 10, 20, 30, … bytes: all of them, so many times, and the first again. */
function treeOf(chunkCount: number, times: number, chosen: readonly Pick<TreeFile, "path" | "offset" | "bytes">[]) {
  const chunks = new ChunkTable(chunkCount);
  for (let i = 0; i < chunkCount; i++) {
    const plain = 10 * (i + 1);
    chunks.add(Buffer.alloc(32, i), { key: 0, pack: 0, offset: i * 100, stored: plain + 28, plain, codec: 0 });
  }
  const stream = [...Array.from({ length: times }, () => [0, chunkCount]).flat(), 0, 1];
  const files = chosen.map((file) => ({ ...file, kind: "file" as const, sha256: "", stream: 0 }));
  const packs = [{ id: "00".repeat(16), bytes: 4096 }];
  return { pushKeys: [Buffer.alloc(32)], packs, chunks, streams: [stream], files };
}

describe("the layout of some files", () => {
  it("has the places that they touch, and no others", () => {
    // Chunks end at 10, 30, 60 | 70, 90, 120 | 130.
    const layout = new Layout(
      treeOf(3, 2, [
        { path: "a", offset: 9, bytes: 2 },
        { path: "b", offset: 60, bytes: 10 },
        { path: "c", offset: 119, bytes: 11 },
      ]),
    );
    expect([...layout.rows]).toEqual([0, 1, 0, 2, 0]);
    expect([...layout.starts]).toEqual([0, 10, 60, 90, 120]);
  });

  it("does not take longer for what a hostile tree repeats before them", () => {
    const bytes = 10 * ((20_000 * 20_001) / 2);
    const begun = performance.now();
    const layout = new Layout(treeOf(20_000, 50_000, [{ path: "last", offset: bytes * 50_000 + 9, bytes: 1 }]));
    expect([...layout.rows]).toEqual([0]);
    expect([...layout.starts]).toEqual([bytes * 50_000]);
    // A look at each of a thousand million places takes many seconds, in which nothing can be interrupted.
    expect(performance.now() - begun).toBeLessThan(2000);
  }, 60_000);
});
