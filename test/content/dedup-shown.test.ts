// What the next version of a model or a data set costs, against what really changed in it. docs/content.md shows the table.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderFiles } from "../../src/content/folder.ts";
import { parseTree } from "../../src/content/parse-tree.ts";
import { type WriteOptions, writeContent } from "../../src/content/write.ts";
import type { Store } from "../../src/store/store.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { PAIRS } from "./dedup-inputs.ts";
import { never, placeIn } from "./files.ts";

let room: string;
beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), "cloister-dedup-"));
});
afterAll(() => rmSync(room, { recursive: true, force: true }));

async function pushed(store: Store, folder: string, options: Partial<WriteOptions> = {}) {
  let stored = 0;
  const written = await writeContent(folderFiles(folder, { signal: never }), {
    place: placeIn(store),
    pushKey: randomBytes(32),
    onPack: async ({ bytes }) => {
      stored += bytes;
    },
    signal: never,
    progress: () => undefined,
    ...options,
  });
  return { ...written, parsed: parseTree(written.tree), stored };
}

describe("the next version costs what changed", () => {
  it.each(PAIRS)("$title", async ({ first, second, overheadMax }) => {
    const folder = mkdtempSync(join(room, "pair-"));
    const store = new MemoryStore();
    first(folder);
    const one = await pushed(store, folder);
    expect(one.bytesNew).toBeGreaterThan(one.bytes * 0.99);
    const changed = second(folder);
    const sources = [{ tree: one.parsed, verify: false }];
    const two = await pushed(store, folder, { sources });
    const { stored } = two;
    expect(two.bytesNew).toBeGreaterThanOrEqual(changed);
    expect(two.bytesNew).toBeLessThanOrEqual(changed + overheadMax);
    expect(stored).toBeLessThan(Math.max(64 * 1024, two.bytesNew * 1.15));
  });
});
