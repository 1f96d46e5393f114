import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { packName, paddedBytes } from "../../src/content/pack.ts";
import { writeContent } from "../../src/content/write.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { entries, expected, type Given, never, noise, PREFIX, placeIn, pull, push } from "./files.ts";

const MB = 1024 * 1024;

/** Paths with digests: comparing megabytes one by one takes minutes. */
function fingerprint(files: ReadonlyMap<string, Buffer | undefined>): string[] {
  return Array.from(files, ([path, content]) => `${path} ${content ? sha256Hex(content) : "folder"}`).sort();
}

async function roundTrip(files: readonly Given[]) {
  const store = new MemoryStore();
  const written = await push(store, files);
  const back = await pull(store, written.parsed);
  expect(fingerprint(back)).toEqual(fingerprint(expected(files)));
  return { store, written };
}

describe("content, written and read back", () => {
  it("is the same for any small tree, in whatever order it comes", async () => {
    const segment = fc.stringMatching(/^[a-z0-9ä]{1,3}$/u);
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    // Folders and files are kept apart by their ending, so that none is in the way of another.
    const file = fc.record({
      path: path.map((p) => `${p}.f`),
      content: fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ max: 400_000 }).map((n) => noise(n, "n")),
      ),
      executable: fc.boolean(),
    });
    const folder = path.map((p) => ({ path: `${p}.d`, content: undefined }));
    const tree = fc.uniqueArray(fc.oneof({ weight: 4, arbitrary: file }, { weight: 1, arbitrary: folder }), {
      selector: (given) => given.path,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(tree, async (files) => void (await roundTrip(files))),
      { numRuns: 60 },
    );
  });

  it("is the same for files around every limit, for duplicates and for many packs", async () => {
    const sizes = [0, 1, 8191, 8192, 8193, 131_071, 131_072, 131_073, MB - 1, MB, MB + 1, 3 * MB, 70 * MB];
    const files: Given[] = sizes.map((size) => ({
      path: `f${String(size)}`,
      content: noise(size, `s${String(size)}`),
    }));
    files.push({ path: "again", content: noise(3 * MB, `s${String(3 * MB)}`), executable: true });
    files.push({ path: "zeros", content: Buffer.alloc(2 * MB) }, { path: "empty", content: undefined });
    const { store, written } = await roundTrip(files);
    expect(written.packs.map((pack) => pack.bytes)[0]).toBe(64 * MB);
    expect(written.packs.length).toBe(2);
    for (const pack of written.packs) {
      expect(store.objects.get(packName(PREFIX, pack.id))?.length).toBe(pack.bytes);
    }
    // The second 3 MiB and all but one chunk of the zeros are found again.
    const total = files.reduce((sum, file) => sum + (file.content?.length ?? 0), 0);
    expect(written.bytes).toBe(total);
    expect(written.bytesNew).toBeLessThan(total - 3 * MB - MB);
    expect(written.files.find((file) => file.path === "again")?.kind).toBe("executable");
  });

  it("holds an artifact of nothing", async () => {
    const { store, written } = await roundTrip([]);
    expect(store.objects.size).toBe(0);
    expect(written.packs).toEqual([]);
  });

  it("does not depend on the pieces a file comes in", async () => {
    const content = noise(2 * MB, "pieces");
    const digests = [];
    for (const pieceBytes of [777, 65_536, 5 * MB]) {
      const store = new MemoryStore();
      const written = await writeContent(entries([{ path: "a", content }], pieceBytes), {
        place: placeIn(store),
        pushKey: Buffer.alloc(32, 1),
        onPack: async () => undefined,
        signal: never,
        progress: () => undefined,
      });
      const { chunks } = (await import("../../src/content/parse-tree.ts")).parseTree(written.tree);
      digests.push(Array.from({ length: chunks.count }, (_, row) => chunks.digest(row).toString("hex")));
    }
    expect(digests[1]).toEqual(digests[0]);
    expect(digests[2]).toEqual(digests[0]);
  });

  it("takes a file whose size nobody knows yet", async () => {
    const store = new MemoryStore();
    const content = noise(1.5 * MB, "stdin");
    async function* unsized() {
      for await (const { path, kind, read } of entries([{ path: "data.csv", content }])) {
        yield { path, kind, bytes: undefined, read };
      }
    }
    const { parsed } = await push(store, []);
    expect(parsed.files).toEqual([]);
    const written = await writeContent(unsized(), {
      place: placeIn(store),
      pushKey: Buffer.alloc(32, 1),
      onPack: async () => undefined,
      signal: never,
      progress: () => undefined,
    });
    expect(written.files.map((file) => file.bytes)).toEqual([content.length]);
  });

  it("shows neither content nor names nor plain digests in the store", async () => {
    const content = Buffer.from("a very recognisable line of text\n".repeat(3000));
    const { store } = await roundTrip([{ path: "recognisable-name", content }]);
    const all = Buffer.concat([...store.objects.values()]).toString("latin1");
    expect(all).not.toContain("recognisable");
    expect([...store.objects.keys()].join()).not.toContain("recognisable");
  });

  it.each([
    ["../up", "FAILURE"],
    ["a/.git/hooks/x", "FAILURE"],
    ["a\u202eb", "FAILURE"],
    ["con.txt", "FAILURE"],
  ])("refuses to push the path %j", async (path, code) => {
    await expect(push(new MemoryStore(), [{ path, content: noise(1, "") }])).rejects.toMatchObject({ code });
  });

  it.each([
    ["Readme", "README"],
    ["straße", "STRASSE"],
    ["a", "a/b"],
    ["same", "same"],
  ])("refuses to push %j beside %j", async (one, other) => {
    const files = [one, other].map((path) => ({ path, content: noise(1, "") }));
    await expect(push(new MemoryStore(), files)).rejects.toMatchObject({ code: "FAILURE" });
  });

  it("refuses a file that is not as long as it said", async () => {
    async function* lying(bytes: number) {
      for await (const entry of entries([{ path: "a", content: noise(1000, "") }])) yield { ...entry, bytes };
    }
    for (const bytes of [999, 1001]) {
      const options = { place: placeIn(new MemoryStore()), pushKey: Buffer.alloc(32), signal: never };
      const writing = writeContent(lying(bytes), {
        ...options,
        onPack: async () => undefined,
        progress: () => undefined,
      });
      await expect(writing).rejects.toMatchObject({ code: "FAILURE", message: "a changed while it was read" });
    }
  });
});

describe("padding", () => {
  it("adds at most 12 %, never shrinks, and stays within a pack", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4096, max: 64 * MB }), (bytes) => {
        const padded = paddedBytes(bytes);
        expect(padded).toBeGreaterThanOrEqual(bytes);
        expect(padded).toBeLessThanOrEqual(Math.min(bytes * 1.12, 64 * MB));
      }),
    );
    expect(paddedBytes(1)).toBe(4096);
    // Worked example of the paper's algorithm: L = 9, E = 3, S = 2 would give 10; at our sizes:
    expect(paddedBytes(1_000_000)).toBe(1_015_808);
  });
});
