import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { packName } from "../../src/content/pack.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { noise, PREFIX, placeIn, pull, push } from "./files.ts";

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
});
