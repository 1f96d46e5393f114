import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../../src/base/digest.ts";
import { CloisterError } from "../../../src/base/errors.ts";
import { readContent } from "../../../src/content/read.ts";
import { restoreFolder } from "../../../src/content/restore.ts";
import type { Tree } from "../../../src/content/tree.ts";
import type { Store } from "../../../src/store/store.ts";
import { MemoryStore } from "../../fault/memory-store.ts";
import { type Given, never, noise, PREFIX, push } from "../files.ts";

const MB = 1024 * 1024;
/** Larger than what is fetched ahead, so that an interruption leaves something to do. */
const files: Given[] = [
  { path: "large", content: noise(70 * MB, "large") },
  ...Array.from({ length: 200 }, (_, i) => ({
    path: `small/${String(i % 7)}/${String(i)}`,
    content: noise(3000 + i, `s${String(i)}`),
  })),
  { path: "none", content: Buffer.alloc(0), executable: true },
];

/** Counts what is asked for, and fails from some request on. */
function counting(store: Store, failAt = Number.POSITIVE_INFINITY, failure: Error = unavailable()) {
  const seen = { bytes: 0, requests: 0 };
  const range: Store["range"] = async (name, from, length, into) => {
    if (++seen.requests > failAt) throw failure;
    seen.bytes += length;
    return await store.range(name, from, length, into);
  };
  const proxy: Store = {
    url: store.url,
    get: (...args) => store.get(...args),
    range,
    list: (prefix) => store.list(prefix),
    create: (...args) => store.create(...args),
    delete: (name) => store.delete(name),
    now: () => store.now(),
  };
  return { store: proxy, seen };
}

function unavailable(): CloisterError {
  return new CloisterError("UNAVAILABLE", "the store does not answer", { next: "try again" });
}

let dir: string;
let target: string;
let store: MemoryStore;
let tree: Tree;
let packed: number;
let pushed: MemoryStore;
beforeAll(async () => {
  pushed = new MemoryStore();
  const { parsed } = await push(pushed, files);
  tree = parsed;
  packed = parsed.packs.reduce((sum, { bytes }) => sum + bytes, 0);
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "resume-"));
  target = join(dir, "target");
  store = new MemoryStore();
  for (const [name, bytes] of pushed.objects) store.objects.set(name, bytes);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function restore(
  from: Store,
  options: { resume?: string; signal?: AbortSignal; select?: (path: string) => boolean } = {},
) {
  const { resume = "v1", signal = never, select = () => true } = options;
  const reading = { signal, progress: () => undefined, select: ({ path }: { path: string }) => select(path) };
  const content = readContent(tree, { store: from, prefix: PREFIX }, reading);
  return restoreFolder(target, content, [{ path: "extra", bytes: Buffer.from("x") }], { signal, resume });
}

async function interrupted(requests = 12): Promise<{ readonly error: CloisterError; readonly folder: string }> {
  const error = await restore(counting(store, requests).store).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CloisterError);
  const [name = "", ...more] = left();
  expect(more).toEqual([]);
  return { error: error as CloisterError, folder: join(dir, name) };
}

const left = () => readdirSync(dir).filter((name) => name.startsWith(".cloister-"));

/** What somebody else put there, who may write to it still. */
function plantOpen(found: string, name: string): void {
  cpSync(found, name, { recursive: true });
  chmodSync(name, 0o777);
}

function checkTarget(expected = files): void {
  checkFiles(expected);
  expect(left()).toEqual([]);
}

function checkFiles(expected = files): void {
  for (const { path, content } of expected) {
    expect(sha256Hex(readFileSync(join(target, path))), path).toBe(sha256Hex(content ?? Buffer.alloc(0)));
  }
  expect(readFileSync(join(target, "extra"), "utf8")).toBe("x");
}

describe("what others put beside a target", () => {
  const planted = async () => {
    const { folder } = await interrupted();
    rmSync(folder, { recursive: true });
    const name = folder.replace(/-\d+$/, `-${String(999_999_999)}`);
    const elsewhere = mkdtempSync(join(dir, "elsewhere-"));
    mkdirSync(join(elsewhere, "files"));
    writeFileSync(join(elsewhere, "files", "precious"), "kept");
    return { name, elsewhere };
  };
  const untouched = (elsewhere: string) => {
    expect(readdirSync(elsewhere)).toEqual(["files"]);
    expect(readdirSync(join(elsewhere, "files"))).toEqual(["precious"]);
  };

  it("is not written through where it is a link", async () => {
    const { name, elsewhere } = await planted();
    symlinkSync(elsewhere, name);
    await restore(store);
    expect(lstatSync(name).isSymbolicLink()).toBe(true);
    unlinkSync(name);
    untouched(elsewhere);
    checkTarget();
  });

  it("is not gone on with where others can reach into it", async () => {
    const { name, elsewhere } = await planted();
    renameSync(elsewhere, name);
    chmodSync(name, 0o770);
    await restore(store);
    untouched(name);
    rmSync(name, { recursive: true });
    checkTarget();
  });

  it("is not removed, however old", async () => {
    const { elsewhere } = await planted();
    const name = join(dir, ".cloister-restore-999999999-abcdef");
    renameSync(elsewhere, name);
    chmodSync(name, 0o770);
    utimesSync(name, 1, 1);
    await restore(store);
    untouched(name);
  });
});

describe("a pull that was interrupted", () => {
  it("says what is kept, and goes on without fetching that again", async () => {
    const { error, folder } = await interrupted();
    expect(error.code).toBe("UNAVAILABLE");
    expect(error.why).toMatch(/^[\d.]+ MB are kept in /);
    expect(error.next).toContain(`the same command then goes on from there; to give it up: rm -r ${folder}`);
    expect(existsSync(target)).toBe(false);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "files")).mode & 0o777).toBe(0o700);
    const kept = Number(/^([\d.]+) MB/.exec(error.why ?? "")?.[1]) * 1e6;
    const again = counting(store);
    await restore(again.store);
    checkTarget();
    // Blocks at the edge of what is kept are needed twice.
    expect(again.seen.bytes).toBeLessThan(packed - kept + 8 * MB);
    expect(again.seen.bytes).toBeGreaterThan(packed - kept - 8 * MB);
  });

  it("goes on as often as it takes", async () => {
    let fetched = 0;
    for (let round = 0; ; round++) {
      const once = counting(store, 10);
      const error = await restore(once.store).catch((thrown: unknown) => thrown);
      fetched += once.seen.bytes;
      if (error === undefined) break;
      expect(round).toBeLessThan(12);
    }
    checkTarget();
    expect(fetched).toBeLessThan(3 * packed);
  });

  it("keeps what is there when somebody interrupts it, too", async () => {
    const abort = new AbortController();
    const slow = counting(store);
    const range: Store["range"] = async (...args) => {
      if (slow.seen.requests === 12) abort.abort();
      return await slow.store.range(...args);
    };
    const restoring = restore({ ...slow.store, range }, { signal: abort.signal });
    await expect(restoring).rejects.toMatchObject({ code: "INTERRUPTED", why: expect.stringContaining("are kept in") });
    await restore(store);
    checkTarget();
  });

  it("fetches once more what was changed on the disk in the meantime, and believes no digest but its own", async () => {
    const { folder } = await interrupted(16);
    const large = join(folder, "files/large");
    const bytes = readFileSync(large);
    const at = bytes.findIndex((byte) => byte !== 0);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(large, bytes);
    await restore(store);
    checkTarget();
  });

  it("notices a file that is longer than it should be, or gone", async () => {
    const { folder } = await interrupted(16);
    appendFileSync(join(folder, "files/large"), noise(71 * MB, "more"));
    rmSync(join(folder, "files/small"), { recursive: true, force: true });
    await restore(store);
    checkTarget();
  });

  it("takes damage in the store for what it is after one more try, and then leaves nothing", async () => {
    const { folder } = await interrupted(16);
    for (const [name, bytes] of pushed.objects) {
      store.objects.set(name, Buffer.concat([bytes.subarray(0, bytes.length >> 1), Buffer.alloc(bytes.length >> 1)]));
    }
    await expect(restore(store)).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("begins anew with another version, other files, or a journal that is not one", async () => {
    const { folder } = await interrupted();
    await restore(store, { select: (path) => path.startsWith("small/") });
    checkTarget(files.filter(({ path }) => path.startsWith("small/")));
    expect(existsSync(join(target, "large"))).toBe(false);
    rmSync(target, { recursive: true });
    const other = await interrupted();
    expect(other.folder).toBe(folder);
    writeFileSync(join(folder, "journal"), "something else");
    const again = counting(store);
    await restore(again.store);
    expect(again.seen.bytes).toBeGreaterThanOrEqual(packed);
    checkTarget();
  });

  it("uses what stands before the torn end of a journal", async () => {
    const { folder } = await interrupted(16);
    const journal = join(folder, "journal");
    truncateSync(journal, statSync(journal).size - 5);
    const again = counting(store);
    await restore(again.store);
    expect(again.seen.bytes).toBeLessThan(packed - 4 * MB);
    checkTarget();
  });

  it("is left alone for a day, and its folder gone then", async () => {
    const { folder } = await interrupted();
    const gone = join(dir, `.cloister-pull-${"0".repeat(16)}-999999999`);
    renameSync(folder, gone);
    const beside = join(dir, "beside");
    await restoreFolder(beside, none(), [{ path: "a", bytes: Buffer.from("a") }], { signal: never });
    expect(existsSync(gone)).toBe(true);
    const old = Date.now() / 1000 - 25 * 3600;
    utimesSync(join(gone, "journal"), old, old);
    utimesSync(gone, old, old);
    rmSync(beside, { recursive: true });
    await restoreFolder(beside, none(), [{ path: "a", bytes: Buffer.from("a") }], { signal: never });
    expect(existsSync(gone)).toBe(false);
  });

  it("is not taken from a process that lives", async () => {
    const { folder } = await interrupted();
    // Process 1 lives, and is not this one.
    const theirs = folder.replace(/-\d+$/, "-1");
    renameSync(folder, theirs);
    const own = counting(store);
    await restore(own.store);
    expect(own.seen.bytes).toBeGreaterThanOrEqual(packed);
    expect(left()).toEqual([theirs.slice(dir.length + 1)]);
  });

  it.each([
    ["a link", (found: string, name: string) => symlinkSync(found, name)],
    ["a folder that others may write to", (found: string, name: string) => plantOpen(found, name)],
    [
      "one that a process that is gone seems to have left",
      (found: string, name: string) => plantOpen(found, name.replace(/-\d+$/, "-999999999")),
    ],
  ])("is not gone on with where somebody else put %s in its place", async (_, plant) => {
    const { folder } = await interrupted();
    const found = join(dir, "found");
    renameSync(folder, found);
    plant(found, folder);
    const own = counting(store);
    await restore(own.store);
    expect(own.seen.bytes).toBeGreaterThanOrEqual(packed);
    checkFiles();
    expect(existsSync(join(found, "journal"))).toBe(true);
    expect(existsSync(join(found, "files"))).toBe(true);
  });

  it("without a version to go by leaves nothing", async () => {
    const content = readContent(
      tree,
      { store: counting(store, 12).store, prefix: PREFIX },
      {
        signal: never,
        progress: () => undefined,
      },
    );
    await expect(restoreFolder(target, content, [], { signal: never })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(readdirSync(dir)).toEqual([]);
  });
});

async function* none() {}
