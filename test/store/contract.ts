// What every store must do, whatever lies behind it: the promises of the interface, tried on a real one.
import { randomBytes } from "node:crypto";
import { beforeEach, expect, it } from "vitest";
import type { CloisterError } from "../../src/base/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { collect } from "../fault/faulty-store.ts";

const MIB = 1024 * 1024;

export const bytes = (text: string) => [Buffer.from(text)];
export const textOf = (read: Uint8Array | undefined) => read && Buffer.from(read).toString();
export const namesIn = async (store: Store, prefix = "") => (await collect(store.list(prefix))).map((o) => o.name);
export const refusal = async (promise: Promise<unknown>) =>
  promise.then(
    () => "nothing thrown",
    (error: CloisterError) => error.code,
  );

/** @param fresh makes an empty store and returns how to open it, as several processes do */
export function keepsTheContract(fresh: () => Promise<() => Store>): void {
  let open: () => Store;
  let store: Store;
  beforeEach(async () => {
    open = await fresh();
    store = open();
  });

  it("creates once, reads back, and tells that a name is taken", async () => {
    expect(await store.get("a/b/c", 10)).toBeUndefined();
    expect(await store.create("a/b/c", [Buffer.from("he"), new Uint8Array(), Buffer.from("llo")])).toBe("created");
    expect(await store.create("a/b/c", bytes("other"))).toBe("exists");
    expect(textOf(await store.get("a/b/c", 5))).toBe("hello");
    expect(await refusal(store.get("a/b/c", 4))).toBe("INTEGRITY");
    await store.delete("a/b/c");
    await store.delete("a/b/c");
    await store.delete("not/there");
    expect(await store.get("a/b/c", 5)).toBeUndefined();
  });

  it("keeps an object without bytes", async () => {
    expect(await store.create("empty", [])).toBe("created");
    expect(await store.create("empty", [])).toBe("exists");
    expect(await store.get("empty", 0)).toHaveLength(0);
    expect(await store.range("empty", 0, 10)).toHaveLength(0);
  });

  it("writes thousands of parts in order", async () => {
    const parts = Array.from({ length: 3000 }, (_, i) => Buffer.from(`${String(i)},`));
    await store.create("many", parts);
    expect(Buffer.concat([(await store.get("many", 1e6)) ?? new Uint8Array()])).toEqual(Buffer.concat(parts));
  });

  it("writes an object piece by piece, where it can, and gives a name once", async () => {
    const begin = async () => (store.begin ? await store.begin() : undefined);
    const [draft, other, never] = [await begin(), await begin(), await begin()];
    if (!draft || !other || !never) return;
    const piece = Buffer.from(new SharedArrayBuffer(MIB)).fill("a");
    await draft.append(piece);
    // What was appended is the draft's: the buffer is used again.
    await draft.append(piece.fill("b").subarray(0, 3));
    await other.append(Buffer.from("late"));
    await never.append(Buffer.from("never"));
    expect(await namesIn(store)).toEqual([]);
    expect(await draft.finish("packs/aa/b")).toBe("created");
    expect(await other.finish("packs/aa/b")).toBe("exists");
    await never.discard();
    await never.discard();
    expect(await store.range("packs/aa/b", MIB - 2, 9)).toEqual(Buffer.from("aabbb"));
    expect(await namesIn(open())).toEqual(["packs/aa/b"]);
    expect(await refusal((await begin())?.finish("../x") ?? Promise.resolve())).toBe("INTEGRITY");
  });

  it("reads ranges, shorter at the end and empty past it", async () => {
    await store.create("x", bytes("0123456789"));
    const text = async (from: number, length: number) => textOf(await store.range("x", from, length));
    expect(await text(3, 4)).toBe("3456");
    expect(await text(8, 100)).toBe("89");
    expect(await text(10, 5)).toBe("");
    expect(await text(99, 5)).toBe("");
    expect(await text(3, 0)).toBe("");
    expect(await store.range("y", 0, 1)).toBeUndefined();
    expect(await store.range("y", 5, 0)).toBeUndefined();
  });

  it("keeps large objects whole, in whatever pieces they come and are read", async () => {
    const size = 41 * MIB + 17;
    const large = Buffer.concat([randomBytes(3 * MIB), Buffer.alloc(size - 4 * MIB, 7), randomBytes(MIB)]);
    const pieces = [large.subarray(0, 1), large.subarray(1, 33 * MIB + 5), large.subarray(33 * MIB + 5)];
    expect(await store.create("packs/large", pieces)).toBe("created");
    expect(await store.create("packs/large", [large])).toBe("exists");
    const same = (read: Uint8Array | undefined, expected: Uint8Array) =>
      read !== undefined && Buffer.compare(read, expected) === 0;
    expect(same(await open().get("packs/large", size), large)).toBe(true);
    expect(await refusal(store.get("packs/large", size - 1))).toBe("INTEGRITY");
    expect(same(await store.range("packs/large", 0, size + 40 * MIB), large)).toBe(true);
    expect(same(await store.range("packs/large", 15 * MIB, 20 * MIB), large.subarray(15 * MIB, 35 * MIB))).toBe(true);
    expect(same(await store.range("packs/large", 40 * MIB, 99 * MIB), large.subarray(40 * MIB))).toBe(true);
    expect(await store.range("packs/large", size, 40 * MIB)).toHaveLength(0);
    expect(await store.range("packs/none", 0, 40 * MIB)).toBeUndefined();
  });

  it("tells when an object came to lie there, by its own clock", async () => {
    const before = await store.now();
    await store.create("a", bytes("a"));
    const [object] = await collect(store.list(""));
    // Servers tell whole seconds, file systems the time of their last tick.
    expect(object?.changedMs).toBeGreaterThanOrEqual(before - 2000);
    expect(object?.changedMs).toBeLessThanOrEqual((await store.now()) + 2000);
  });

  it("lists in the order of whole names, within a prefix, with sizes", async () => {
    const all = ["a-b", "a/b", "a/c/d", "a0", "a_", "b", "Z"];
    for (const name of [...all].reverse()) await store.create(name, bytes(name));
    expect(await namesIn(store)).toEqual(["Z", "a-b", "a/b", "a/c/d", "a0", "a_", "b"]);
    expect(await collect(store.list("a/"))).toMatchObject([
      { name: "a/b", bytes: 3 },
      { name: "a/c/d", bytes: 5 },
    ]);
    expect(await namesIn(store, "none/")).toEqual([]);
    await expect(collect(store.list("a"))).rejects.toThrow(TypeError);
    expect(await refusal(collect(store.list("../")))).toBe("INTEGRITY");
  });

  it.each(["../x", "a/../b", ".tmp/x", "a//b", "/a", "a/", "", ".", "a/.hidden", "ü", "a b", "a\0b", "x".repeat(256)])(
    "refuses the name %j",
    async (name) => {
      expect(await refusal(store.create(name, bytes("x")))).toBe("INTEGRITY");
      expect(await refusal(store.get(name, 1))).toBe("INTEGRITY");
      expect(await refusal(store.range(name, 0, 1))).toBe("INTEGRITY");
      expect(await refusal(store.delete(name))).toBe("INTEGRITY");
      expect(await namesIn(store)).toEqual([]);
    },
  );

  it("lets exactly one of 16 racing creators win, with its bytes", async () => {
    for (const size of [10, 17 * MIB]) {
      const racers = size > MIB ? 3 : 16;
      const name = `deep/er/name-${String(size)}`;
      const results = await Promise.all(
        Array.from({ length: racers }, async (_, i) => open().create(name, [Buffer.alloc(size, i)])),
      );
      expect(results.filter((result) => result === "created")).toHaveLength(1);
      const read = await open().range(name, size - 1, 2);
      expect([...(read ?? [])]).toEqual([results.indexOf("created")]);
    }
  });

  it("tells the time", async () => {
    const before = Date.now();
    const now = await open().now();
    expect(now).toBeGreaterThan(before - 1100);
    expect(now).toBeLessThan(Date.now() + 100);
    await store.get("a", 1);
    expect(await store.now()).toBeGreaterThanOrEqual(now - 1100);
  });

  it("proves that one racing writer wins, where that is for a server to keep, and leaves nothing", async () => {
    await store.prove?.();
    expect(await namesIn(store)).toEqual([]);
  });
}
