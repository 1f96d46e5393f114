// Pushes of real folders: by workers in threads, and in this thread, of files that others change meanwhile.
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../../src/base/digest.ts";
import { scanFolder } from "../../../src/content/folder.ts";
import { parseTree } from "../../../src/content/parse-tree.ts";
import { chunksOf, type PackRecord } from "../../../src/content/push/pack-record.ts";
import { type WriteOptions, type WriteProgress, writeContent } from "../../../src/content/write.ts";
import { folderStore } from "../../../src/store/folder.ts";
import { collect } from "../../fault/faulty-store.ts";
import { never, noise, placeIn, pull, pushEntries } from "../files.ts";

const MB = 1024 * 1024;

let dir: string;
let source: string;
let store: ReturnType<typeof folderStore>;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "push-"));
  source = join(dir, "source");
  mkdirSync(source);
  store = folderStore(join(dir, "store"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, content: Uint8Array | string, executable = false): void {
  mkdirSync(dirname(join(source, path)), { recursive: true });
  writeFileSync(join(source, path), content, { mode: executable ? 0o755 : 0o644 });
}

async function push(options: Partial<WriteOptions> = {}) {
  return await pushEntries(store, await scanFolder(source, { signal: never }), options);
}

/** What lies in the source, as `readContent` should give it back, by digest. */
async function expectSame(written: Awaited<ReturnType<typeof push>>): Promise<void> {
  const back = await pull(store, written.parsed);
  const scan = await collect(await scanFolder(source, { signal: never }));
  expect([...back.keys()].sort()).toEqual(scan.map(({ path }) => path).sort());
  for (const { path, kind } of scan) {
    if (kind === "directory") continue;
    const own = sha256Hex(readFileSync(join(source, path)));
    expect(`${path} ${sha256Hex(back.get(path) ?? "missing")}`).toBe(`${path} ${own}`);
    expect(written.files.find((file) => file.path === path)).toMatchObject({ kind, sha256: own });
  }
}

const packsStored = async () => (await collect(store.list("packs/"))).length;
const leftovers = () => readdirSync(join(dir, "store", ".tmp"));

describe("a folder that is pushed", () => {
  it("reads back as it was, whatever its files are", async () => {
    const size = fc.oneof(
      fc.integer({ min: 0, max: 5000 }),
      fc.constantFrom(MB - 1, MB, MB + 1),
      fc.integer({ min: 0, max: 3 * MB }),
    );
    const file = fc.record({
      path: fc.array(fc.stringMatching(/^[a-zü]{1,2}$/u), { minLength: 1, maxLength: 3 }),
      size,
      executable: fc.boolean(),
    });
    const files = fc.uniqueArray(file, { selector: ({ path }) => path.join("/"), maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        rmSync(source, { recursive: true });
        mkdirSync(join(source, "empty.d"), { recursive: true });
        for (const { path, size: bytes, executable } of given) {
          put(`${path.join(".d/")}.f`, noise(bytes, path.join()), executable);
        }
        await expectSame(await push({ threads: 0 }));
      }),
      { numRuns: 25 },
    );
  });

  it("is read by threads where it is large, and makes the same chunks", async () => {
    put("large", noise(80 * MB, "large"));
    put("middle", noise(9 * MB, "middle"));
    for (let i = 0; i < 3000; i++) put(`many/${String(i % 7)}/${String(i)}`, noise(i % 4000, `s${String(i)}`));
    const threaded = await push({ threads: 2 });
    await expectSame(threaded);
    expect(threaded.bytesNew).toBe(threaded.bytes);
    expect(threaded.packs[0]?.bytes).toBe(64 * MB);
    expect(await packsStored()).toBe(threaded.packs.length);
    expect(leftovers()).toEqual([]);
    // The same content in one thread finds every chunk again.
    const again = await push({ threads: 0, sources: [{ tree: threaded.parsed, verify: false }] });
    expect(again).toMatchObject({ bytesNew: 0, bytesStored: 0, dirHash: threaded.dirHash, omsRoot: threaded.omsRoot });
  });

  it("tells what it does, and at the end of all there was", async () => {
    put("large", noise(40 * MB, "large"));
    const told: WriteProgress[] = [];
    const { bytesStored } = await push({ threads: 1, progress: (progress) => told.push(progress) });
    expect(told.map(({ bytes }) => bytes)).toEqual(told.map(({ bytes }) => bytes).sort((a, b) => a - b));
    expect(told[0]?.phase).not.toBe("uploading");
    expect(told.at(-1)).toEqual({ bytes: 40 * MB, bytesNew: 40 * MB, bytesStored, phase: "uploading" });
    expect(bytesStored).toBeGreaterThan(40 * MB);
  });

  it("stores little more than a file that was added among thousands of others", async () => {
    for (let i = 0; i < 4000; i++) put(`d${String(i % 20)}/${String(i)}.txt`, noise(2000, `f${String(i)}`));
    const first = await push();
    put("d7/1234-added.txt", noise(2000, "added"));
    rmSync(join(source, "d11/2011.txt"));
    const second = await push({ sources: [{ tree: first.parsed, verify: false }] });
    await expectSame(second);
    expect(second.bytesNew).toBeGreaterThan(2000);
    expect(second.bytesNew).toBeLessThan(700_000);
  });
});

describe("a file that changes while it is pushed", () => {
  it.each(["small", "large"])("is refused by name, and nothing of it is left: %s", async (size) => {
    put("a", noise(size === "small" ? 1000 : 2 * MB, "a"));
    const scan = await scanFolder(source, { signal: never });
    const content = readFileSync(join(source, "a"));
    content.writeUInt8((content.readUInt8(5) + 1) % 256, 5);
    writeFileSync(join(source, "a"), content);
    const pushing = writeContent(scan, {
      ...{ place: placeIn(store), pushKey: randomBytes(32), signal: never, threads: size === "small" ? 0 : 1 },
      ...{ onPack: async () => undefined, progress: () => undefined },
    });
    await expect(pushing).rejects.toMatchObject({ code: "FAILURE", message: "a changed while it was read" });
    expect(await packsStored()).toBe(0);
  });

  it("is refused while later parts of it are read", async () => {
    put("a", noise(120 * MB, "a"));
    let changed = false;
    const progress = ({ bytes }: WriteProgress) => {
      if (bytes === 0 || changed) return;
      changed = true;
      appendFileSync(join(source, "a"), "x");
    };
    await expect(push({ threads: 1, progress })).rejects.toMatchObject({ message: "a changed while it was read" });
    expect(changed).toBe(true);
    expect(leftovers()).toEqual([]);
  });

  it("is refused where another file took its place with the same name, size and time", async () => {
    put("a", noise(1000, "a"));
    put("b", noise(1000, "b"));
    const time = new Date(1_700_000_000_000);
    for (const name of ["a", "b"]) utimesSync(join(source, name), time, time);
    const scan = await scanFolder(source, { signal: never });
    renameSync(join(source, "b"), join(source, "a"));
    const pushing = writeContent(scan, {
      ...{ place: placeIn(store), pushKey: randomBytes(32), signal: never },
      ...{ onPack: async () => undefined, progress: () => undefined },
    });
    await expect(pushing).rejects.toMatchObject({ message: "a changed while it was read" });
  });
});

describe("a push that ends early", () => {
  it("stops soon after it is told to, keeps what was acknowledged, and goes on from there", async () => {
    put("large", noise(160 * MB, "large"));
    const abort = new AbortController();
    const pushKey = randomBytes(32);
    const records: PackRecord[] = [];
    const onPack = async (record: PackRecord) => {
      records.push(record);
      abort.abort();
    };
    const options = { threads: 2, pushKey, onPack };
    await expect(push({ ...options, signal: abort.signal })).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(records.length).toBeGreaterThan(0);
    expect(leftovers()).toEqual([]);
    // What the journal names is all that is there.
    expect(await packsStored()).toBe(records.length);
    const kept = records.flatMap((record) => [...chunksOf(record)]).reduce((sum, { plain }) => sum + plain, 0);
    expect(kept).toBeGreaterThan(60 * MB);
    const resumed = await push({ ...options, resume: [...records] });
    expect(resumed.bytesNew).toBe(160 * MB - kept);
    expect(resumed.parsed.pushKeys).toEqual([pushKey]);
    await expectSame(resumed);
  });
});

describe("files that did not change", () => {
  const seenAll = (files: Awaited<ReturnType<typeof push>>["files"]) => {
    const known = new Map(files.map(({ path, sha256, local }) => [path, { sha256, stats: local?.stats }]));
    return {
      sha256: (path: string, stats: NonNullable<(typeof files)[0]["local"]>["stats"]) => {
        const found = known.get(path);
        return found?.stats?.mtimeNs === stats.mtimeNs && found.stats.size === stats.size ? found.sha256 : undefined;
      },
    };
  };

  it("are not read again where a source holds them", async () => {
    put("large", noise(5 * MB, "large"));
    put("none", "");
    for (let i = 0; i < 2000; i++) put(`d/${String(i)}`, noise(1000, `f${String(i)}`));
    const first = await push();
    const scan = await scanFolder(source, { signal: never });
    const seen = seenAll(first.files);
    // Nothing is there any more: whatever were read now would fail.
    renameSync(source, `${source}-gone`);
    const second = await writeContent(scan, {
      ...{ place: placeIn(store), pushKey: randomBytes(32), signal: never, seen },
      ...{ onPack: async () => undefined, progress: () => undefined },
      sources: [{ tree: first.parsed, verify: false }],
    });
    renameSync(`${source}-gone`, source);
    expect(second).toMatchObject({ bytesNew: 0, bytesStored: 0, bytes: first.bytes, dirHash: first.dirHash });
    expect(second.packs.map(({ id }) => id).sort()).toEqual(first.packs.map(({ id }) => id).sort());
    await expectSame({ ...second, parsed: parseTree(second.tree), records: [] });
  });

  it("are digested in chunks alone where those are one's own earlier version's: its digest is theirs", async () => {
    put("large", noise(150 * MB, "large"));
    const first = await push();
    // A digest that nothing has: who gives it has not computed one.
    const unlike = "ab".repeat(32);
    const files = first.parsed.files.map((file) => ({ ...file, sha256: unlike }));
    const own = { tree: { ...first.parsed, files }, verify: false };
    const digest = async (source: typeof own) => (await push({ sources: [source] })).files[0]?.sha256;
    expect(await digest(own)).toBe(unlike);
    expect(await digest({ ...own, verify: true })).toBe(first.files[0]?.sha256);
    const changed = noise(150 * MB, "large");
    changed.writeUInt8(changed.readUInt8(140 * MB) ^ 1, 140 * MB);
    put("large", changed);
    expect(await digest(own)).toBe(sha256Hex(changed));
    // The same chunks in another order.
    const turned = Buffer.concat([
      changed.subarray(64 * MB, 128 * MB),
      changed.subarray(0, 64 * MB),
      changed.subarray(128 * MB),
    ]);
    put("large", turned);
    expect(await digest(own)).toBe(sha256Hex(turned));
  });

  it("are read where one beside them changed, or a chunk of them is damaged", async () => {
    put("large", noise(5 * MB, "large"));
    for (let i = 0; i < 2000; i++) put(`d/${String(i)}`, noise(1000, `f${String(i)}`));
    const first = await push();
    put("d/1000", noise(1000, "changed"));
    const { offset, pack } = first.parsed.chunks.place(3);
    const id = first.parsed.packs[pack]?.id ?? "";
    const path = join(dir, "store/packs/churn/internal", id.slice(0, 2), id);
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes.readUInt8(offset + 20) + 1) % 256, offset + 20);
    rmSync(path);
    writeFileSync(path, bytes);
    const seen = seenAll(first.files);
    const second = await push({ seen, sources: [{ tree: first.parsed, verify: true }] });
    expect(second.bytesNew).toBeGreaterThan(0);
    expect(second.bytesNew).toBeLessThan(600_000);
    await expectSame(second);
  });
});
