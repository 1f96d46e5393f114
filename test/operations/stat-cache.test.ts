import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FileStats } from "../../src/base/file-entry.ts";
import { sortedByPath } from "../../src/base/folder-digests.ts";
import { decodeSeen, encodeSeen, type SeenFile } from "../../src/operations/artifact/seen-table.ts";
import { StatCache } from "../../src/operations/artifact/stat-cache.ts";
import { scratch } from "./project.ts";

const ana = { ageSecret: "AGE-SECRET-KEY-ANA" };
const NOW = 1_800_000_000_000;
const LONG_AGO = BigInt(NOW - 3_600_000) * 1_000_000n;
const versionId = "ab".repeat(32);

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function stats(changes: Partial<FileStats> = {}): FileStats {
  return { dev: 66n, ino: 12345n, mode: 0o100644, size: 4096, mtimeNs: LONG_AGO, ctimeNs: LONG_AGO + 7n, ...changes };
}

function file(path: string, changes: Partial<FileStats> = {}): SeenFile {
  return { path, stats: stats(changes), sha256: digest(path) };
}

async function learnt(state: string, files: readonly SeenFile[], lookedMs = NOW, path = "/data"): Promise<void> {
  await (await StatCache.open(state, ana, { path, lookedMs })).learn({ versionId, files });
}

const caches = (state: string) => readdirSync(join(state, "seen")).map((name) => join(state, "seen", name));

describe("files that were pushed before", () => {
  it("are known again while everything about them is the same", async () => {
    const state = scratch();
    await learnt(state, [file("a"), file("b/c")]);
    const cache = await StatCache.open(state, ana, { path: "/data", lookedMs: NOW + 1 });
    expect(cache.versionId).toBe(versionId);
    expect(cache.sha256("b/c", stats())).toBe(digest("b/c"));
    expect(cache.sha256("a", stats())).toBe(digest("a"));
    expect(cache.sha256("b", stats())).toBeUndefined();
    const changes = { dev: 67n, ino: 1n, mode: 0o100755, size: 4097, mtimeNs: LONG_AGO + 1n, ctimeNs: LONG_AGO };
    for (const change of Object.entries(changes))
      expect(cache.sha256("a", stats(Object.fromEntries([change]))), change[0]).toBeUndefined();
  });

  it("are found in any order, whatever they are called", () => {
    const paths = fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), { maxLength: 60 });
    fc.assert(
      fc.property(paths, fc.array(fc.string()), fc.infiniteStream(fc.nat()), (known, others, picks) => {
        const files = sortedByPath(known.map((path, i) => file(path, { ino: BigInt(i), size: 2 ** 40 + i })));
        const bytes = encodeSeen({ lookedMs: NOW, versionId, files });
        const table = decodeSeen(Buffer.from(bytes ?? []));
        for (let i = 0; i < known.length * 2; i++) {
          const picked = files[Number(picks.next().value) % files.length];
          if (picked) expect(table?.sha256(picked.path, picked.stats)).toBe(picked.sha256);
        }
        for (const path of others.filter((other) => !known.includes(other))) {
          expect(table?.sha256(path, stats())).toBeUndefined();
        }
        for (const { path, stats: same } of files) table?.sha256(path, same);
        expect(table?.holds(files)).toBe(true);
        expect(table?.holds([...files, file("one more")])).toBe(false);
      }),
    );
  });

  it("are not remembered where they had changed shortly before: the next change might leave the same times", async () => {
    const state = scratch();
    const at = (ms: number) => BigInt(NOW + ms) * 1_000_000n;
    const files = [
      file("changed", { mtimeNs: at(-1500) }),
      file("later", { mtimeNs: at(60_000) }),
      file("moved", { ctimeNs: at(-10) }),
      file("settled", { mtimeNs: at(-2500), ctimeNs: at(-2500) }),
    ];
    await learnt(state, files);
    const cache = await StatCache.open(state, ana, { path: "/data", lookedMs: NOW + 10_000 });
    const known = files.filter(({ path, stats: seen }) => cache.sha256(path, seen) !== undefined);
    expect(known.map(({ path }) => path)).toEqual(["settled"]);
  });

  it("are told from others by what the system says of real files, even where times and size are put back", async () => {
    const state = scratch();
    const path = join(state, "real");
    writeFileSync(path, "before");
    const look = (): FileStats => {
      const { dev, ino, mode, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
      return { dev, ino, mode: Number(mode), size: Number(size), mtimeNs, ctimeNs };
    };
    const first = look();
    await learnt(state, [{ path: "real", stats: first, sha256: digest("before") }], Date.now() + 5000);
    const cache = await StatCache.open(state, ana, { path: "/data", lookedMs: Date.now() + 6000 });
    expect(cache.sha256("real", look())).toBe(digest("before"));
    const { atime, mtime } = statSync(path);
    await new Promise((done) => setTimeout(done, 30));
    writeFileSync(path, "after!");
    utimesSync(path, atime, mtime);
    expect(look().size).toBe(first.size);
    expect(cache.sha256("real", look())).toBeUndefined();
  });
});

describe("the cache", () => {
  it("is as if it were not there when the clock was set back", async () => {
    const state = scratch();
    await learnt(state, [file("a")]);
    expect(
      (await StatCache.open(state, ana, { path: "/data", lookedMs: NOW - 1 })).sha256("a", stats()),
    ).toBeUndefined();
    expect((await StatCache.open(state, ana, { path: "/data", lookedMs: NOW })).sha256("a", stats())).toBe(digest("a"));
  });

  it("is as if it were not there when it is damaged, cut short, another device's or another path's", async () => {
    const state = scratch();
    await learnt(state, [file("a")]);
    await learnt(state, [file("a")], NOW, "/other");
    const [one = "", other = ""] = caches(state);
    const whole = readFileSync(one);
    const open = async (identity = ana) => {
      const known = await Promise.all(
        ["/data", "/other"].map((path) => StatCache.open(state, identity, { path, lookedMs: NOW + 1 })),
      );
      return known.map((cache) => cache.sha256("a", stats()) !== undefined).sort();
    };
    expect(await open()).toEqual([true, true]);
    expect(await open({ ageSecret: "AGE-SECRET-KEY-BO" })).toEqual([false, false]);
    for (let at = 0; at < whole.length; at += 3) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      writeFileSync(one, damaged);
      expect(await open(), String(at)).toEqual([false, true]);
    }
    writeFileSync(one, whole.subarray(0, -1));
    expect(await open()).toEqual([false, true]);
    writeFileSync(one, "");
    expect(await open()).toEqual([false, true]);
    writeFileSync(one, whole);
    renameSync(one, other);
    expect(await open()).toEqual([false, false]);
  });

  it("tells nothing of paths and digests to who reads the file", async () => {
    const state = scratch();
    await learnt(state, [file("a-telling-name")]);
    const bytes = readFileSync(caches(state)[0] ?? "");
    expect(bytes.includes("a-telling-name")).toBe(false);
    expect(bytes.includes(Buffer.from(digest("a-telling-name"), "hex"))).toBe(false);
    expect(statSync(caches(state)[0] ?? "").mode & 0o777).toBe(0o600);
  });

  it("is written again only when there is something new to know", async () => {
    const state = scratch();
    await learnt(state, [file("a"), file("b")]);
    const inode = () => statSync(caches(state)[0] ?? "").ino;
    const first = inode();
    const again = await StatCache.open(state, ana, { path: "/data", lookedMs: NOW + 5 });
    for (const { path, stats: same } of [file("a"), file("b")]) again.sha256(path, same);
    await again.learn({ versionId: "cd".repeat(32), files: [file("a"), file("b")] });
    expect(inode()).toBe(first);
    await learnt(state, [file("a"), file("b", { size: 1 })], NOW + 6);
    expect(inode()).not.toBe(first);
    await learnt(state, [], NOW + 7);
    expect(caches(state)).toEqual([]);
  });

  it("is one of a bounded number: those that were used last", async () => {
    const state = scratch();
    for (let i = 0; i < 70; i++) await learnt(state, [file("a")], NOW, `/data-${String(i)}`);
    expect(caches(state)).toHaveLength(64);
    expect((await StatCache.open(state, ana, { path: "/data-69", lookedMs: NOW })).versionId).toBe(versionId);
  });

  it("does not fail the push that it is of where it cannot be written", async () => {
    const state = scratch();
    writeFileSync(join(state, "seen"), "a file where the folder should be");
    await learnt(state, [file("a")]);
    expect((await StatCache.open(state, ana, { path: "/data", lookedMs: NOW })).versionId).toBeUndefined();
  });

  it("takes 80 bytes for a file besides its path", () => {
    const files = Array.from({ length: 1000 }, (_, i) => file(`part-${String(i).padStart(6, "0")}`));
    expect(encodeSeen({ lookedMs: NOW, versionId, files })?.length).toBe(64 + 1000 * (80 + 11));
  });
});
