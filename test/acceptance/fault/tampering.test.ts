// Whoever can write to the store changes what is in it: nothing that was changed is ever used, and it is said what it was.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Listing, Pushed, WorkspaceDetail } from "../../../src/index.ts";
import { filesBelow, HAS_SANDBOX, type Member, overwrite, randomText, World } from "../harness.ts";

const world = new World();
let ana: Member;
let first: Pushed;
const whole = join(world.root, "whole");
const home = join(world.root, "home");

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  ana.files("data", { "rows.csv": randomText(300_000), "more.csv": randomText(2_000) });
  first = await ana.json<Pushed>("push", "data", "--name", "cohort:one", "--class", "internal");
  ana.files("data", { "rows.csv": randomText(300_000) });
  await ana.ok("push", "data", "--name", "cohort:two", "--class", "internal");
  ana.files("other", { "x.csv": randomText(200_000) });
  await ana.ok("push", "other", "--name", "other", "--class", "internal");
  await ana.ok("pull", "other", "-o", "before");
  cpSync(ana.store, whole, { recursive: true });
  cpSync(ana.home, home, { recursive: true });
});

/** The store and what the device remembers of it go back together: a log alone that goes back is an attack. */
afterEach(() => {
  for (const [saved, place] of [
    [whole, ana.store],
    [home, ana.home],
  ] as const) {
    rmSync(place, { recursive: true, force: true });
    cpSync(saved, place, { recursive: true });
  }
  for (const folder of ["out", "w"]) rmSync(join(ana.folder, folder), { recursive: true, force: true });
});

/** Objects of the first version, by what they are. */
function objects(kind: string): readonly string[] {
  const all = filesBelow(ana.store).filter((path) => path.startsWith(`${kind}/`));
  if (kind === "seals" || kind === "wraps") return all.filter((path) => path.includes(first.versionId));
  if (kind === "keys") return all.filter((path) => path.includes("/internal/"));
  if (kind === "epochs") return all.filter((path) => path.includes("/internal/"));
  if (kind === "versions") return all.filter((path) => path.includes("/00000001-") && siblings(all, path) === 2);
  return all;
}

function siblings(all: readonly string[], path: string): number {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return all.filter((other) => other.startsWith(folder)).length;
}

/** Other records of the same artifact. */
function siblingsOf(record: string): readonly string[] {
  const folder = record.slice(0, record.lastIndexOf("/") + 1);
  return filesBelow(whole).filter((path) => path.startsWith(folder));
}

function change(path: string, how: (bytes: Buffer) => Buffer, member = ana): void {
  const file = join(member.store, path);
  overwrite(file, how(readFileSync(file)));
}

const flip = (at: number) => (bytes: Buffer) => {
  const place = at < 0 ? bytes.length + at : Math.floor(bytes.length * at);
  const copy = Buffer.from(bytes);
  copy[place] = (copy[place] ?? 0) ^ 0x10;
  return copy;
};

const harms = [
  ["a bit changed in the middle", flip(0.5)],
  ["a bit changed at the end", flip(-1)],
  ["cut short", (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2))],
] as const;

/** A pull of the first version fails, says so, and leaves nothing. */
async function expectRefused(what: string, member = ana): Promise<void> {
  const failed = await member.fails("pull", "cohort:one", "-o", "out");
  const said = `${failed.message} ${failed.why}`;
  expect({ what, exit: failed.exit, code: failed.code, left: filesBelow(join(member.folder, "out")) }).toEqual({
    ...{ what, exit: 6, code: "INTEGRITY", left: [] },
  });
  expect(said, "the object itself is found out, not the log").not.toContain("log commit");
}

describe("every object of a version", () => {
  it.each(["seals", "wraps", "versions", "epochs", "keys", "policy", "packs"])(
    "%s: changed or cut short, nothing is written",
    async (kind) => {
      const touched = objects(kind);
      expect(touched.length).toBeGreaterThan(0);
      // The last bytes of a pack are padding, which nothing relies on.
      const harmful = harms.filter(([what]) => kind !== "packs" || !what.endsWith("end"));
      await Promise.all(
        harmful.map(async ([what, how]) => {
          const twin = world.twin(ana);
          for (const path of touched) change(path, how, twin);
          await expectRefused(`${kind} ${what}`, twin);
        }),
      );
    },
  );
});

describe("packs", () => {
  it("that were changed: nothing false goes to a pipe, verify says so, and lists still work", async () => {
    for (const path of objects("packs")) change(path, flip(0.5));
    const [stream, verify] = await Promise.all([ana.cli("pull", "other", "-o", "-"), ana.cli("verify", "cohort:one")]);
    expect([stream.exit, verify.exit]).toEqual([6, 6]);
    const original = readFileSync(join(ana.folder, "other/x.csv"), "utf8");
    expect(original.startsWith(stream.out) && stream.out.length < original.length).toBe(true);
    expect(await ana.json<Listing>("list")).toMatchObject({ ignored: [] });
  });

  it("missing, or those of another artifact put in their place", async () => {
    const packs = objects("packs");
    for (const path of packs) rmSync(join(ana.store, path));
    await expectRefused("missing packs");
    const contents = packs.map((path) => readFileSync(join(whole, path)));
    packs.forEach((path, at) => {
      overwrite(join(ana.store, path), contents[(at + 1) % contents.length] ?? "");
    });
    await expectRefused("exchanged packs");
  });

  it.skipIf(!HAS_SANDBOX)("are never mounted: no workspace, and the label is not lost", async () => {
    for (const path of objects("packs")) change(path, flip(0.5));
    const failed = await ana.fails(
      "ws",
      "create",
      "w",
      "--input",
      "cohort:one",
      "--purpose",
      "modelling",
      "--ttl",
      "1m",
    );
    expect(failed).toMatchObject({ exit: 6, code: "INTEGRITY" });
    expect((await ana.json<{ workspaces: readonly WorkspaceDetail[] }>("ws", "list")).workspaces).toEqual([]);
  });
});

describe("one version", () => {
  it("that is damaged is left out of the list with the reason, and the next one still works", async () => {
    for (const path of objects("seals")) change(path, () => Buffer.alloc(0));
    const listing = await ana.json<Listing>("list");
    expect(listing.versions.map(({ reference }) => reference).sort()).toEqual(["churn/cohort:two", "churn/other:v1"]);
    expect(listing.ignored).toHaveLength(1);
    const { err } = await ana.ok("list");
    expect(err).toMatch(/^! ignored .*:/m);
    await ana.ok("pull", "cohort", "-o", "out");
  });

  it("put in the place of another is not taken for it", async () => {
    const [record = ""] = objects("versions");
    const second = siblingsOf(record).find((path) => path.includes("/00000002-")) ?? "none";
    change(record, () => readFileSync(join(whole, second)));
    await expectRefused("exchanged record");
    const [seal = ""] = objects("seals");
    const otherSeal = filesBelow(whole).find((path) => path.startsWith("seals/") && !path.includes(first.versionId));
    change(record, () => readFileSync(join(whole, record)));
    change(seal, () => readFileSync(join(whole, otherSeal ?? "none")));
    await expectRefused("exchanged seal");
  });

  it("that nobody logged does not count: a record copied to the next number", async () => {
    const [record = ""] = objects("versions");
    writeFileSync(join(ana.store, record.replace("/00000001-", "/00000003-")), readFileSync(join(whole, record)));
    const listing = await ana.json<Listing>("list", "cohort");
    expect(listing.versions.map(({ number }) => number)).toEqual([1, 2]);
    const next = await ana.json<Pushed>("push", "other", "--name", "cohort", "--class", "internal");
    expect(next.number).toBeGreaterThan(2);
    const after = await ana.json<Listing>("list", "cohort");
    expect(after.versions.map(({ number }) => number)).toEqual([1, 2, next.number]);
    await ana.ok("pull", "cohort:latest", "-o", "out");
  });
});

describe("the store", () => {
  it("of another project is not accepted in the place of ours", async () => {
    const eve = await world.project("eve", "solo");
    rmSync(ana.store, { recursive: true });
    cpSync(eve.store, ana.store, { recursive: true });
    const failed = await ana.fails("list");
    expect(failed).toMatchObject({ exit: 6, code: "INTEGRITY" });
  });

  it("that is gone, unreadable as one, or without a log ends with a clear failure", async () => {
    rmSync(join(ana.store, "log"), { recursive: true });
    expect(await ana.fails("list")).toMatchObject({ exit: 6, code: "INTEGRITY" });
    rmSync(ana.store, { recursive: true });
    expect([7, 8]).toContain((await ana.fails("list")).exit);
    writeFileSync(ana.store, "no folder");
    expect([6, 7, 8]).toContain((await ana.fails("list")).exit);
  });
});

describe("the local identity and state", () => {
  it("a damaged identity file is refused by name", async () => {
    const folder = join(ana.home, ".config/cloister");
    const saved = join(world.root, "config");
    cpSync(folder, saved, { recursive: true });
    await ana.ok("lock");
    for (const file of filesBelow(folder)) {
      writeFileSync(join(folder, file), flip(0.5)(readFileSync(join(saved, file))));
      const failed = await ana.fails("list");
      expect([4, 6], `${file}: ${failed.message}`).toContain(failed.exit);
      cpSync(saved, folder, { recursive: true });
    }
    await ana.ok("list");
  });

  it("what was verified earlier may be lost or torn: it is verified again", async () => {
    const state = join(ana.home, ".local/state/cloister/log");
    for (const file of filesBelow(state)) {
      const bytes = readFileSync(join(state, file));
      writeFileSync(join(state, file), bytes.subarray(0, bytes.length - 40));
    }
    await ana.ok("list");
    rmSync(join(ana.home, ".local"), { recursive: true });
    rmSync(join(ana.home, ".cache"), { recursive: true });
    await ana.ok("pull", "cohort:one", "-o", "out");
  });

  it("a forged policy cache loosens nothing", async () => {
    const cache = join(ana.home, ".cache/cloister/policy");
    await ana.ok("list");
    for (const file of filesBelow(cache)) writeFileSync(join(cache, file), "{}");
    await ana.ok("pull", "cohort:one", "-o", "out");
  });
});
