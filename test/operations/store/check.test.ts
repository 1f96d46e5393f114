// Checking, counting and repairing a store.
import { randomBytes } from "node:crypto";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/operations/host.ts";
import { checkStore } from "../../../src/operations/store/check.ts";
import { repairStore } from "../../../src/operations/store/repair.ts";
import { storeStats } from "../../../src/operations/store/stats.ts";
import { copyOf, hostIn, scratch, sessionOf } from "../project.ts";
import { objectsIn, projectWithGarbage, pushText, requireWhole } from "./garbage.ts";

let base: string;
const first = randomBytes(400_000);

beforeAll(async () => {
  base = scratch();
  const ana = await projectWithGarbage(base);
  await pushText(ana, "growing", first);
  await pushText(ana, "growing", Buffer.concat([first, randomBytes(300_000)]));
  await pushText(ana, "other", randomBytes(500_000));
});

interface Place {
  readonly folder: string;
  readonly ana: Host;
  readonly path: (name: string) => string;
}

function fresh(): Place {
  const folder = copyOf(base);
  cpSync(join(folder, "store"), join(folder, "backup"), { recursive: true });
  return { folder, ana: hostIn(folder, "ana"), path: (name) => join(folder, "store", name) };
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  rmSync(path);
  writeFileSync(path, bytes);
}

/** The pack that both versions of `growing` need: the largest but that of `other` is not shared. */
async function sharedPack(host: Host): Promise<string> {
  const { packs } = await checkStore(await sessionOf(host), {});
  return packs.find(({ versions }) => versions.length > 1)?.pack ?? "";
}

const check = async (host: Host, read = false) => checkStore(await sessionOf(host), { read });
const repair = async (host: Host, more = {}) =>
  repairStore(await sessionOf(host), { from: "../backup", yes: true, ...more });

describe("checkStore", () => {
  it("finds nothing wrong with a whole store, and reads all of it", async () => {
    const { ana } = fresh();
    expect(await check(ana)).toMatchObject({ ok: true, versions: 3, damaged: [], packs: [], read: undefined });
    const read = await check(ana, true);
    expect(read).toMatchObject({ ok: true, read: { versions: 3, bytes: 400_000 + 700_000 + 500_000 }, hidden: [] });
  });

  it("names every version that needs a pack which is gone or cut short", async () => {
    const { folder, ana, path } = fresh();
    const packs = objectsIn(folder, "packs");
    expect(packs).toHaveLength(3);
    for (const pack of packs) rmSync(path(pack));
    const gone = await check(ana);
    expect(gone.ok).toBe(false);
    expect(gone.damaged.map(({ reference }) => reference)).toEqual([
      "churn/growing:v1",
      "churn/growing:v2",
      "churn/other:v1",
    ]);
    expect(gone.packs.map(({ versions }) => versions.length).sort()).toEqual([1, 1, 2]);
    expect(await sharedPack(ana)).toMatch(/^packs\/churn\/internal\//);
  });

  it("finds changes of seals without any key, and of packs with one", async () => {
    const { folder, ana, path } = fresh();
    const [seal = "", ...seals] = objectsIn(folder, "seals");
    flip(path(seal), 200);
    truncateSync(rewritten(path(seals[0] ?? "")), 300);
    const damaged = (await check(ana)).damaged.map(({ damage }) => damage.join());
    expect(damaged).toHaveLength(2);
    expect(damaged.join()).toMatch(/the sealed header was changed/);
    expect(damaged.join()).toMatch(/cut short/);

    const other = fresh();
    for (const pack of objectsIn(other.folder, "packs")) flip(other.path(pack), 1000);
    expect((await check(other.ana)).ok).toBe(true);
    const read = await check(other.ana, true);
    expect(read.damaged).toHaveLength(3);
    expect(read.damaged[0]?.damage.join()).toContain("growing");
  });

  it("names a version whose record or keys are gone, and what lies there under names of no meaning", async () => {
    const { folder, ana, path } = fresh();
    const [record = ""] = objectsIn(folder, "versions");
    rmSync(path(record));
    const id = record.slice(-64);
    const wraps = objectsIn(folder, "wraps").filter((name) => !name.includes(id));
    for (const wrap of wraps.slice(0, 2)) rmSync(path(wrap));
    writeFileSync(path("seals/churn/junk"), "");
    const { damaged, strange } = await check(ana);
    expect(damaged).toHaveLength(2);
    expect(damaged.flatMap(({ damage }) => damage).join()).toMatch(
      /record is missing.*wrapped|wrapped.*record is missing/s,
    );
    expect(strange).toEqual(["seals/churn/junk"]);
  });
});

/** Objects are not writable: a file of its own in their place. */
function rewritten(path: string): string {
  const bytes = readFileSync(path);
  rmSync(path);
  writeFileSync(path, bytes);
  return path;
}

describe("storeStats", () => {
  it("counts what versions hold, what they take, and what an artifact shares with no other", async () => {
    const { ana } = fresh();
    const { artifacts, logical, stored, ratio, hidden } = await storeStats(await sessionOf(ana));
    expect(artifacts.map(({ artifact, versions, logical: bytes }) => [artifact, versions, bytes])).toEqual([
      ["churn/growing", 2, 1_100_000],
      ["churn/other", 1, 500_000],
    ]);
    const [growing] = artifacts;
    // The second version stored what is new in it: once the common part, once the rest, with padding.
    expect(growing?.stored).toBeGreaterThan(700_000);
    expect(growing?.stored).toBeLessThan(900_000);
    expect(growing).toMatchObject({ unique: growing?.stored, shared: 0 });
    expect([logical, hidden]).toEqual([1_600_000, 0]);
    expect(stored).toBe(artifacts.reduce((sum, each) => sum + each.stored, 0));
    expect(ratio).toBeCloseTo(1_600_000 / stored);
  });
});

describe("repairStore", () => {
  it("adds what is missing from a copy, having said so first", async () => {
    const { folder, ana, path } = fresh();
    const lost = ["packs", "versions", "seals", "wraps"].map((prefix) => objectsIn(folder, prefix)[0] ?? "");
    for (const name of lost) rmSync(path(name));
    const looked = await repair(ana, { yes: false });
    expect(looked.dryRun).toBe(true);
    expect(looked.objects.map(({ name, what }) => [name, what]).sort()).toEqual(
      lost.map((name) => [name, "add"]).sort(),
    );
    for (const name of lost) expect(objectsIn(folder, "")).not.toContain(name);
    const done = await repair(ana);
    expect(done).toMatchObject({ dryRun: false, left: [], logEntry: expect.any(Number) });
    for (const name of lost) expect(readFileSync(path(name))).toEqual(readFileSync(join(folder, "backup", name)));
    expect((await check(ana, true)).ok).toBe(true);
    expect(await requireWhole(ana)).toBe(3);
  });

  it("moves what is not what was signed aside, and never deletes it", async () => {
    const { folder, ana, path } = fresh();
    const [seal = ""] = objectsIn(folder, "seals");
    const [pack = ""] = objectsIn(folder, "packs");
    flip(path(seal), 200);
    flip(path(pack), 1000);
    const bad = [seal, pack].map((name) => readFileSync(path(name)));
    const done = await repair(ana, { read: true });
    expect(done.objects.map(({ what }) => what)).toContain("replace");
    const again = await repair(ana, { read: true });
    expect(again.left).toEqual([]);
    const aside = objectsIn(folder, "quarantine");
    expect(aside.map((name) => readFileSync(path(name)))).toEqual(expect.arrayContaining(bad));
    expect(aside).toHaveLength(2);
    expect(await requireWhole(ana)).toBe(3);
    expect((await check(ana, true)).ok).toBe(true);
  });

  it("takes nothing from a copy that is damaged itself, or of another project", async () => {
    const { folder, ana, path } = fresh();
    const [seal = ""] = objectsIn(folder, "seals");
    for (const place of ["store", "backup"]) flip(join(folder, place, seal), 200);
    const before = objectsIn(folder, "");
    const done = await repair(ana);
    expect(done).toMatchObject({ objects: [], left: [{ damage: [expect.stringContaining("changed")] }] });
    expect(objectsIn(folder, "")).toEqual(before);
    rmSync(join(folder, "backup/cloister"));
    await expect(repair(ana)).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("no copy") });
    expect(readFileSync(path(seal))).toEqual(readFileSync(join(folder, "backup", seal)));
  });

  it("without a copy says what stays damaged, and sets marks aside that are junk", async () => {
    const { folder, ana, path } = fresh();
    const store = (await sessionOf(ana)).store;
    await store.create(`condemned/${"a".repeat(32)}`, [Buffer.from("junk")]);
    rmSync(path(objectsIn(folder, "packs")[0] ?? ""));
    const done = await repair(ana, { from: undefined });
    expect(done.objects).toMatchObject([{ what: "set-aside" }]);
    expect(done.left.length).toBeGreaterThan(0);
    expect(objectsIn(folder, "condemned")).toEqual([]);
    expect(objectsIn(folder, "quarantine")).toHaveLength(1);
  });
});
