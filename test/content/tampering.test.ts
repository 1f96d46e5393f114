import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CloisterError } from "../../src/base/errors.ts";
import { packName } from "../../src/content/pack.ts";
import { filesInStreamOrder, parseTree } from "../../src/content/parse-tree.ts";
import { readContent } from "../../src/content/read.ts";
import { restoreFolder } from "../../src/content/restore.ts";
import { ChunkSealer } from "../../src/content/seal-chunk.ts";
import type { Tree } from "../../src/content/tree.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { never, noise, PREFIX, pull, push } from "./files.ts";

const files = [
  { path: "a/small", content: noise(5000, "a") },
  { path: "b/large", content: noise(1_300_000, "b") },
  { path: "c/small", content: noise(200_000, "c") },
  { path: "empty", content: undefined },
];

/** As {@link pull}, by way of a folder: nothing of it may appear. */
async function restored(store: MemoryStore, tree: Tree): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "tampering-"));
  try {
    const options = { signal: never, progress: () => undefined, artifact: "churn/x:v1" };
    const content = readContent(tree, { store, prefix: PREFIX }, options);
    await restoreFolder(join(dir, "target"), content, [], { signal: never, resume: "v1" }).catch((error: unknown) => {
      expect(readdirSync(dir)).toEqual([]);
      throw error;
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function outcome(act: () => Promise<unknown> | unknown): Promise<string> {
  try {
    await act();
    return "accepted";
  } catch (error) {
    return (error as CloisterError).code;
  }
}

describe("packs that were tampered with", () => {
  const setUp = async () => {
    const store = new MemoryStore();
    const { parsed, packs } = await push(store, files);
    const name = packName(PREFIX, packs[0]?.id ?? "");
    return { store, parsed, name, pack: store.objects.get(name) ?? Buffer.alloc(0) };
  };

  it("are refused with any byte at the edges of a chunk changed, and the file is named", async () => {
    const { store, parsed, name, pack } = await setUp();
    const rows = [0, 1, Math.floor(parsed.chunks.count / 2), parsed.chunks.count - 1];
    const edges = rows.flatMap((row) => {
      const { offset, stored } = parsed.chunks.place(row);
      return [0, 1, 11, 12, 13, Math.floor(stored / 2), stored - 17, stored - 16, stored - 1].map((at) => offset + at);
    });
    for (const at of edges) {
      const changed = Buffer.from(pack);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      store.objects.set(name, changed);
      await expect(pull(store, parsed), String(at)).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringMatching(/^(a\/small|b\/large|c\/small) is damaged in the store$/),
      });
      await expect(restored(store, parsed), String(at)).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringMatching(/^churn\/x:v1: (a\/small|b\/large|c\/small) is damaged in the store$/),
      });
    }
  });

  it("are refused when missing, cut short, or replaced", async () => {
    const { store, parsed, name, pack } = await setUp();
    const other = new MemoryStore();
    await push(other, files);
    const spliced = Buffer.from([...other.objects.values()][0] ?? []);
    for (const bytes of [pack.subarray(0, pack.length - 1), pack.subarray(0, 10), Buffer.alloc(0), spliced]) {
      store.objects.set(name, bytes);
      expect(await outcome(() => pull(store, parsed))).toBe("INTEGRITY");
      expect(await outcome(() => restored(store, parsed))).toBe("INTEGRITY");
    }
    store.objects.delete(name);
    expect(await outcome(() => pull(store, parsed))).toBe("INTEGRITY");
    expect(await outcome(() => restored(store, parsed))).toBe("INTEGRITY");
  });

  it("are refused with two chunks of one length swapped", async () => {
    const store = new MemoryStore();
    const content = Buffer.concat([Buffer.alloc(131_072, 1), Buffer.alloc(131_072, 2)]);
    const { parsed, packs } = await push(store, [{ path: "x", content }]);
    const name = packName(PREFIX, packs[0]?.id ?? "");
    const pack = store.objects.get(name) ?? Buffer.alloc(0);
    const [one, two] = [parsed.chunks.place(0), parsed.chunks.place(1)];
    expect(one.stored).toBe(two.stored);
    const swapped = Buffer.from(pack);
    pack.copy(swapped, one.offset, two.offset, two.offset + two.stored);
    pack.copy(swapped, two.offset, one.offset, one.offset + one.stored);
    store.objects.set(name, swapped);
    expect(await outcome(() => pull(store, parsed))).toBe("INTEGRITY");
    expect(await outcome(() => restored(store, parsed))).toBe("INTEGRITY");
  });

  it("do not open with another push key", async () => {
    const { store, parsed } = await setUp();
    const other = { ...parsed, pushKeys: [randomBytes(32)] };
    expect(await outcome(() => pull(store, other))).toBe("INTEGRITY");
    expect(await outcome(() => restored(store, other))).toBe("INTEGRITY");
  });

  it("are refused where a chunk opens to something else than its digest says: the key binds nobody to one content", async () => {
    const store = new MemoryStore();
    const [mine, other] = [noise(20_000, "mine"), noise(20_000, "other")];
    const pushKey = randomBytes(32);
    const { parsed, packs } = await push(store, [{ path: "x", content: mine }], { pushKey });
    const { offset, stored, plain } = parsed.chunks.place(0);
    // Whoever has the tree has its push key, and can seal anything under the key of this digest.
    const forged = Buffer.from(store.objects.get(packName(PREFIX, packs[0]?.id ?? "")) ?? []);
    const sealed = Buffer.alloc(stored);
    new ChunkSealer(pushKey).seal(parsed.chunks.digest(0), 0, plain, other.subarray(0, plain), sealed, 0);
    sealed.copy(forged, offset);
    store.objects.set(packName(PREFIX, packs[0]?.id ?? ""), forged);
    for (const act of [() => pull(store, parsed), () => restored(store, parsed)]) {
      await expect(act()).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringContaining("x is damaged"),
      });
    }
  });

  it("name the file whose pack is cut short, and still give what lies before the cut", async () => {
    const store = new MemoryStore();
    const given = [1, 2, 3, 4, 5, 6].map((n) => ({ path: `f${String(n)}`, content: noise(1_200_000, String(n)) }));
    const { parsed, packs } = await push(store, given);
    const name = packName(PREFIX, packs[0]?.id ?? "");
    store.objects.set(name, (store.objects.get(name) ?? Buffer.alloc(0)).subarray(0, 4 * 1024 * 1024));
    // Each of these files is a stream of its own: the first with a chunk beyond the cut.
    const damaged = filesInStreamOrder(parsed.files).find(({ stream }) => {
      const [first = 0, count = 0] = parsed.streams[stream] ?? [];
      const rows = Array.from({ length: count }, (_, i) => parsed.chunks.place(first + i));
      return rows.some(({ offset, stored }) => offset + stored > 4 * 1024 * 1024);
    })?.path;
    const good: string[] = [];
    const failing = (async () => {
      const options = { signal: never, progress: () => undefined };
      for await (const file of readContent(parsed, { store, prefix: PREFIX }, options)) {
        for await (const _ of file.read());
        good.push(file.path);
      }
    })();
    await expect(failing).rejects.toMatchObject({
      code: "INTEGRITY",
      message: `${damaged} is damaged in the store`,
      why: expect.stringContaining("is cut short"),
    });
    expect(good).not.toContain(damaged);
  });
});

describe("trees that a hostile member wrote", () => {
  // Whoever may push can seal any bytes as a tree, so the parser alone stands between them and the reader.
  // A thousand pulls.
  it("are refused, or read as a valid tree, with any byte changed; content never comes out under false digests", {
    timeout: 240_000,
  }, async () => {
    const store = new MemoryStore();
    const { tree, parsed } = await push(store, files);
    const packSize = 16 + 28 + 32 * parsed.pushKeys.length + 16;
    const paths = tree.length - files.map((file) => file.path).join("").length;
    const kinds = files.map((_, i) => paths - 55 * (files.length - i));
    for (let at = 0; at < tree.length; at++) {
      const changed = Buffer.from(tree);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const result = await outcome(async () => pull(store, parseTree(changed)));
      // A changed letter of a path, the executable bit, and a pack said to be a little shorter are still a valid tree.
      const mayPass = at >= paths || kinds.includes(at) || (at >= packSize && at < packSize + 4);
      if (!(mayPass && result === "accepted")) expect(result, `byte ${String(at)}`).toMatch(/^(INTEGRITY|FAILURE)$/);
    }
  });

  it("are refused cut anywhere or with anything appended", async () => {
    const { tree } = await push(new MemoryStore(), files);
    for (let length = 0; length < tree.length; length++) {
      expect(await outcome(() => parseTree(tree.subarray(0, length)))).toBe("INTEGRITY");
    }
    expect(await outcome(() => parseTree(Buffer.concat([tree, Buffer.alloc(1)])))).toBe("INTEGRITY");
  });

  it("are refused with counts far beyond their bytes, without allocating for them", async () => {
    const { tree } = await push(new MemoryStore(), files);
    for (let count = 0; count < 7; count++) {
      const changed = Buffer.from(tree);
      changed.writeUInt32BE(0xffff_ffff, 16 + count * 4);
      expect(await outcome(() => parseTree(changed))).toBe("INTEGRITY");
    }
  });

  it("are refused with hostile or colliding paths of the same length", async () => {
    const { tree } = await push(new MemoryStore(), [
      { path: "abcd/efgh", content: noise(10, "1") },
      { path: "abce", content: noise(10, "2") },
    ]);
    const at = tree.length - "abcd/efghabce".length;
    for (const paths of ["../../efgabce", "/bcd/efghabce", "abcd/e\0ghabce", "abcd//fghabce", "abcd/.gitabce"]) {
      const changed = Buffer.from(tree);
      changed.write(paths, at, "latin1");
      expect(await outcome(() => parseTree(changed)), paths).toBe("INTEGRITY");
      // Nobody writes under the paths of a tree in which content is only looked for.
      expect(parseTree(changed, "compare").files).toHaveLength(2);
    }
    for (const [paths, why] of [
      ["abcd/efgh\xff\xfe\xfd\xfc", "not UTF-8"],
      ["abcd/efghabcd", "a file where a folder is, and out of order"],
      ["abce/efghABCE", "out of order"],
      ["ABCE/efghabce", "the same but for case"],
    ] as const) {
      const changed = Buffer.from(tree);
      changed.write(paths, at, "latin1");
      expect(await outcome(() => parseTree(changed)), why).toBe("INTEGRITY");
    }
  });

  it("ask for an upgrade where a newer version compressed their chunks", async () => {
    const { tree, parsed } = await push(new MemoryStore(), files);
    const changed = Buffer.from(tree);
    const firstChunk = 16 + 28 + 32 * parsed.pushKeys.length + 20 * parsed.packs.length;
    changed[firstChunk + 52] = 2;
    expect(() => parseTree(changed)).toThrow(
      expect.objectContaining({ code: "FAILURE", next: expect.stringContaining("upgrade") }),
    );
  });

  it("are refused where they say to be of the first format and are not", async () => {
    const { tree, parsed } = await push(new MemoryStore(), files);
    const first = Buffer.from(tree);
    first.write("cloister-tree@1\n", "latin1");
    expect(parseTree(first).files).toEqual(parsed.files);
    const chunk = 16 + 28 + 32 * parsed.pushKeys.length + 20 * parsed.packs.length;
    const changed = (format: number, plain: number, stored: number, codec: number) => {
      const bytes = Buffer.from(first);
      bytes.write(`cloister-tree@${String(format)}\n`, "latin1");
      for (const [i, value] of [0, stored, plain].entries()) bytes.writeUInt32BE(value, chunk + 40 + i * 4);
      bytes.writeUInt8(codec, chunk + 52);
      return () => parseTree(bytes);
    };
    const refused = (why: string) => expect.objectContaining({ code: "INTEGRITY", why: `${why} cannot be right` });
    expect(changed(1, 5000, 4000, 1)).toThrow(refused("the codec of a chunk"));
    expect(changed(1, 131_073, 131_073 + 28, 0)).toThrow(refused("the length of a chunk"));
    // In the second format they are right in themselves, and the files do not fit them.
    for (const same of [changed(2, 5000, 4000, 1), changed(2, 131_073, 131_073 + 28, 0)]) {
      expect(same).toThrow(refused("the length of a stream"));
    }
  });
});
