import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { chunksOf, type PackRecord } from "../../src/content/push/pack-record.ts";
import { readContent } from "../../src/content/read.ts";
import { restoreFolder } from "../../src/content/restore.ts";
import { folderStore } from "../../src/store/folder.ts";
import { Crash, type Fault, FaultyStore } from "../fault/faulty-store.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { never, noise, PREFIX, placeIn, pull, push } from "./files.ts";

const MB = 1024 * 1024;
const base = noise(1.5 * MB, "base");
const changed = Buffer.concat([noise(MB, "new"), base]);
const files = [
  { path: "large", content: changed },
  { path: "small", content: noise(10_000, "small") },
];

const faults: Fault[] = ["fail", "ambiguous", "crash", "crash-after"];

describe("a push while the store misbehaves at any one operation", () => {
  it.each(faults)(
    "%s: it throws, or what it says it wrote can be read; the next push needs no pack twice",
    async (fault) => {
      const clean = new MemoryStore();
      const first = await push(clean, [{ path: "large", content: base }]);
      const before = new Map(clean.objects);
      const counting = new FaultyStore(clean);
      await push(counting, files, { place: placeIn(counting), sources: [{ tree: first.parsed, verify: true }] });
      expect(counting.operations).toBeGreaterThan(2);
      for (let k = 1; k <= counting.operations; k++) {
        const store = new MemoryStore();
        for (const [name, bytes] of before) store.objects.set(name, bytes);
        const faulty = new FaultyStore(store, fault, k);
        const pushKey = randomBytes(32);
        const journal: PackRecord[] = [];
        const onPack = async (record: PackRecord) => void journal.push(record);
        const options = { pushKey, sources: [{ tree: first.parsed, verify: true }], onPack };
        const attempt = await push(faulty, files, { ...options, place: placeIn(faulty) }).catch(
          (error: unknown) => error,
        );
        if (attempt instanceof Error) {
          expect(attempt instanceof Crash || (attempt instanceof CloisterError && attempt.code === "UNAVAILABLE")).toBe(
            true,
          );
        } else {
          expect(
            (await pull(store, (attempt as Awaited<ReturnType<typeof push>>).parsed)).get("large")?.equals(changed),
          ).toBe(true);
        }
        // What the journal names is there, whatever happened.
        for (const { id, bytes } of journal)
          expect(store.objects.get(`${PREFIX}${id.slice(0, 2)}/${id}`)?.length).toBe(bytes);
        const stored = journal.reduce(
          (sum, record) => sum + [...chunksOf(record)].reduce((n, chunk) => n + chunk.plain, 0),
          0,
        );
        const again = await push(store, files, { ...options, place: placeIn(store), resume: [...journal] });
        expect(again.bytesNew).toBeLessThanOrEqual(changed.length + 10_000 - stored);
      }
    },
  );

  it("crash at the second pack: the first is used again", async () => {
    const store = new MemoryStore();
    const content = noise(66 * MB, "two packs");
    const faulty = new FaultyStore(store, "crash", 2);
    const pushKey = randomBytes(32);
    const journal: PackRecord[] = [];
    const options = { pushKey, onPack: async (record: PackRecord) => void journal.push(record) };
    const pushing = push(faulty, [{ path: "large", content }], { ...options, place: placeIn(faulty) });
    await expect(pushing).rejects.toThrow(Crash);
    expect(journal).toHaveLength(1);
    const again = await push(store, [{ path: "large", content }], { ...options, resume: [...journal] });
    expect(again.bytesNew).toBeLessThan(3 * MB);
    expect(again.packs).toHaveLength(2);
    expect((await pull(store, again.parsed)).get("large")?.equals(content)).toBe(true);
  });

  it("does not take another's object under the same name for its own", async () => {
    const store = new MemoryStore();
    store.create = async (name) => {
      store.objects.set(name, Buffer.alloc(4096));
      return "exists";
    };
    await expect(push(store, [{ path: "a", content: noise(10, "a") }])).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  it("reports a failing journal, and stops when aborted", async () => {
    const content = noise(2 * MB, "a");
    const onPack = () => Promise.reject(new Error("journal is full"));
    await expect(push(new MemoryStore(), [{ path: "a", content }], { onPack })).rejects.toThrow("journal is full");
    const abort = new AbortController();
    const store = new MemoryStore();
    const options = { signal: abort.signal, progress: () => abort.abort() };
    await expect(push(store, [{ path: "a", content }], options)).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(store.objects.size).toBe(0);
  });
});

describe("a pull while the store misbehaves at any one operation", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pull-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it.each(["fail", "crash"] as const)("%s: the whole folder appears, or nothing does", async (fault) => {
    const store = folderStore(join(dir, "store"));
    const { parsed } = await push(store, [{ path: "a/b", content: noise(5 * MB, "p") }]);
    for (let k = 1; ; k++) {
      const faulty = new FaultyStore(store, fault, k);
      const content = readContent(
        parsed,
        { store: faulty, prefix: PREFIX },
        { signal: never, progress: () => undefined },
      );
      const target = join(dir, `target${String(k)}`);
      const failed = await restoreFolder(target, content, [], { signal: never }).catch((error: unknown) => error);
      const there = readdirSync(dir).filter((name) => name !== "store");
      // The last rounds reach past the operations that a pull needs.
      if (failed === undefined && k > faulty.operations) break;
      if (failed !== undefined) expect(there).toEqual([]);
      rmSync(target, { recursive: true, force: true });
      expect(k).toBeLessThan(100);
    }
  });
});
