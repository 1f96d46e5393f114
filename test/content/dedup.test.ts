import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderFiles } from "../../src/content/folder.ts";
import { packName } from "../../src/content/pack.ts";
import { parseTree } from "../../src/content/parse-tree.ts";
import { writeContent } from "../../src/content/write.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { never, noise, PREFIX, placeIn, pull, push } from "./files.ts";

const original = noise(4_000_000, "original");
const edited = Buffer.concat([original.subarray(0, 1_500_000), noise(1000, "inserted"), original.subarray(1_500_000)]);
const one = [{ path: "data.bin", content: original }];
const two = [{ path: "data.bin", content: edited }];

describe("finding stored chunks again", () => {
  it("stores only what an insertion in the middle changed, and both versions read back", async () => {
    const store = new MemoryStore();
    const first = await push(store, one);
    const second = await push(store, two, { sources: [{ tree: first.parsed, verify: true }] });
    expect(second.bytesNew).toBeGreaterThan(0);
    expect(second.bytesNew).toBeLessThan(400_000);
    expect(second.packs.map((pack) => pack.id)).toContain(first.packs[0]?.id);
    expect(second.parsed.pushKeys).toHaveLength(2);
    expect((await pull(store, second.parsed)).get("data.bin")?.equals(edited)).toBe(true);
    expect((await pull(store, first.parsed)).get("data.bin")?.equals(original)).toBe(true);
  });

  it("stores nothing for the same content, and names no pack or key that it does not use", async () => {
    const store = new MemoryStore();
    const first = await push(store, one);
    const again = await push(store, one, { sources: [{ tree: first.parsed, verify: false }] });
    expect(again.bytesNew).toBe(0);
    expect(again.records).toEqual([]);
    expect(again.packs).toEqual(first.packs);
    expect(again.dirHash).toBe(first.dirHash);
    expect(store.objects.size).toBe(1);
  });

  it("does not rely on packs that are condemned or gone", async () => {
    for (const gone of [false, true]) {
      const store = new MemoryStore();
      const first = await push(store, one);
      const id = first.packs[0]?.id ?? "";
      if (gone) store.objects.delete(packName(PREFIX, id));
      const place = placeIn(store, new Set(gone ? [] : [id]));
      const second = await push(store, one, { place, sources: [{ tree: first.parsed, verify: false }] });
      expect(second.bytesNew).toBe(original.length);
      expect(second.packs.map((pack) => pack.id)).not.toContain(id);
      expect((await pull(store, second.parsed)).get("data.bin")?.equals(original)).toBe(true);
    }
  });

  it("does not rely on packs that are longer or shorter than a tree says", async () => {
    const store = new MemoryStore();
    const first = await push(store, one);
    for (const more of [-1, 1]) {
      const packs = first.parsed.packs.map(({ id, bytes }) => ({ id, bytes: bytes + more }));
      const second = await push(store, one, { sources: [{ tree: { ...first.parsed, packs }, verify: true }] });
      expect(second.bytesNew).toBe(original.length);
      expect(second.packs.map((pack) => pack.id)).not.toContain(packs[0]?.id);
    }
  });

  it("opens chunks that somebody else wrote before relying on them", async () => {
    const store = new MemoryStore();
    const first = await push(store, one);
    const name = packName(PREFIX, first.packs[0]?.id ?? "");
    const pack = store.objects.get(name) ?? Buffer.alloc(0);
    const { offset, plain } = first.parsed.chunks.place(5);
    pack[offset + 20] = (pack[offset + 20] ?? 0) ^ 1;
    const second = await push(store, one, { sources: [{ tree: first.parsed, verify: true }] });
    expect(second.bytesNew).toBe(plain);
    expect((await pull(store, second.parsed)).get("data.bin")?.equals(original)).toBe(true);
  });

  it("finds nothing without a base: what others stored cannot be asked about", async () => {
    const store = new MemoryStore();
    await push(store, one);
    expect((await push(store, one)).bytesNew).toBe(original.length);
  });

  it("uses the packs of an interrupted push again", async () => {
    const store = new MemoryStore();
    const pushKey = randomBytes(32);
    const first = await push(store, one, { pushKey });
    const resumed = await push(store, two, { pushKey, resume: first.records });
    expect(resumed.bytesNew).toBeLessThan(400_000);
    expect(resumed.parsed.pushKeys).toEqual([pushKey]);
    expect((await pull(store, resumed.parsed)).get("data.bin")?.equals(edited)).toBe(true);
  });

  it("reads an unchanged file all the same where only somebody else's tree has it, who may give it any content", async () => {
    const store = new MemoryStore();
    const folder = mkdtempSync(join(tmpdir(), "cloister-unchanged-"));
    writeFileSync(join(folder, "data.bin"), original);
    const [file] = (await push(store, one)).parsed.files;
    const other = (await push(store, [{ path: "data.bin", content: noise(original.length, "planted") }])).parsed;
    const seen = { sha256: () => file?.sha256 };
    const claimed = { ...other, files: other.files.map((each) => ({ ...each, sha256: file?.sha256 ?? "" })) };
    for (const verify of [true, false]) {
      const options = { place: placeIn(store), pushKey: randomBytes(32), onPack: async () => undefined };
      const written = await writeContent(folderFiles(folder, { signal: never }), {
        ...options,
        ...{ sources: [{ tree: claimed, verify }], seen, signal: never, progress: () => undefined },
      });
      // One's own tree is believed: that is what saves the reading.
      expect(written.bytesNew).toBe(verify ? original.length : 0);
      if (verify) {
        expect((await pull(store, parseTree(written.tree))).get("data.bin")?.equals(original)).toBe(true);
      }
    }
    rmSync(folder, { recursive: true });
  });
});
