// Where a push finds its content again: only in versions that whoever pushes may read, and never instead of reading well.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import type { Host } from "../../src/operations/host.ts";
import { retireVersion } from "../../src/operations/retention/end.ts";
import type { PushOptions } from "../../src/operations/types.ts";
import { sessionOf } from "./project.ts";
import { type People, twoDomains } from "./two-domains.ts";

const BYTES = 3_000_000;
/** What an edit in the middle costs at most: the chunks around it, one on either side of the average more. */
const EDIT_MAX = 400_000;

let people: People;
beforeEach(async () => {
  people = await twoDomains();
  for (const host of [people.ana, people.bo]) write(host, noise("one"));
});

function noise(seed: string, bytes = BYTES): Buffer {
  return createHash("shake256", { outputLength: bytes }).update(seed).digest();
}

/** The content, with something else put in the middle. */
function edited(text: string): Buffer {
  const whole = noise("one");
  return Buffer.concat([whole.subarray(0, BYTES / 2), Buffer.from(text), whole.subarray(BYTES / 2)]);
}

function write(host: Host, content: Buffer): void {
  rmSync(join(host.cwd, "data"), { recursive: true, force: true });
  mkdirSync(join(host.cwd, "data"));
  writeFileSync(join(host.cwd, "data/rows.bin"), content);
}

/** With the domain, of which there are two. */
const whole = (name: string) => (name.includes("/") ? name : `churn/${name}`);

async function pushed(host: Host, name: string, options: Partial<PushOptions> = {}) {
  const bases = options.bases?.map(whole);
  const data = { source: { path: "data" }, class: "internal" };
  return push(await sessionOf(host), { ...data, name: whole(name), ...options, bases });
}

async function pulledBack(host: Host, name: string): Promise<Buffer> {
  const folder = `back-${name.replace(":", "-")}`;
  await pull(await sessionOf(host), { reference: whole(name), purpose: "modelling", output: { folder } });
  return readFileSync(join(host.cwd, folder, "rows.bin"));
}

function packs(): readonly string[] {
  const store = join(people.folder, "store");
  return readdirSync(join(store, "packs"), { recursive: true, encoding: "utf8" })
    .map((name) => join(store, "packs", name))
    .filter((path) => statSync(path).isFile());
}

async function entries(host: Host): Promise<number> {
  const session = await sessionOf(host);
  await session.sync();
  return session.log.size;
}

describe("earlier versions", () => {
  test("the same again stores nothing; an edit stores the edit; both say where the rest was found", async () => {
    const first = await pushed(people.ana, "rows");
    expect(first).toMatchObject({ bytes: BYTES, bytesNew: BYTES, bytesReused: 0, foundIn: [], notSearched: [] });
    expect(first.bytesStored).toBeGreaterThan(BYTES);
    const stored = packs();
    const again = await pushed(people.ana, "rows");
    expect(again).toMatchObject({ bytesNew: 0, bytesReused: BYTES, bytesStored: 0, foundIn: ["churn/rows:v1"] });
    expect(packs()).toEqual(stored);
    write(people.ana, edited("an edit"));
    const third = await pushed(people.ana, "rows");
    expect(third.bytesNew).toBeGreaterThan(0);
    expect(third.bytesNew).toBeLessThan(EDIT_MAX);
    expect(third.bytesNew + third.bytesReused).toBe(BYTES + 7);
    expect(third.bytesStored).toBeLessThan(third.bytesNew * 1.13);
    expect(third.foundIn).toEqual(["churn/rows:v2"]);
    expect((await pulledBack(people.bo, "rows:v3")).equals(edited("an edit"))).toBe(true);
  });

  test("what another member pushed is searched by those who may pull it, and by nobody else", async () => {
    await pushed(people.ana, "rows");
    const without = await pushed(people.bo, "rows");
    expect(without).toMatchObject({ bytesNew: BYTES, foundIn: [] });
    expect(without.notSearched).toEqual([{ reference: "churn/rows:v1", why: expect.stringContaining("purpose") }]);
    // Now the newest is Bo's own; what Ana has, he sees with a purpose.
    write(people.bo, edited("from Bo"));
    const own = await pushed(people.bo, "rows");
    expect(own.bytesNew).toBeLessThan(EDIT_MAX);
    expect(own.foundIn).toEqual(["churn/rows:v2"]);
    const anas = await pushed(people.ana, "rows");
    expect(anas).toMatchObject({ bytesNew: 0, foundIn: ["churn/rows:v1"] });
    expect(anas.notSearched).toEqual([{ reference: "churn/rows:v3", why: expect.any(String) }]);
  });

  test("with a purpose, another member's version is found, opened and relied on", async () => {
    await pushed(people.ana, "rows");
    const second = await pushed(people.bo, "rows", { purpose: "modelling" });
    expect(second).toMatchObject({ bytesNew: 0, bytesStored: 0, foundIn: ["churn/rows:v1"], notSearched: [] });
    expect((await pulledBack(people.ana, "rows:v2")).equals(noise("one"))).toBe(true);
  });

  test("the newest of the same class is found behind versions of others", async () => {
    await pushed(people.ana, "rows");
    for (let i = 0; i < 3; i++) await pushed(people.ana, "rows", { class: "confidential" });
    const again = await pushed(people.ana, "rows");
    expect(again).toMatchObject({ bytesNew: 0, foundIn: ["churn/rows:v1"] });
  });

  test("versions of another class or domain share nothing, whoever pushed them", async () => {
    await pushed(people.ana, "rows");
    expect(await pushed(people.ana, "rows", { class: "confidential" })).toMatchObject({ bytesNew: BYTES, foundIn: [] });
    expect(await pushed(people.ana, "marketing/rows")).toMatchObject({ bytesNew: BYTES, foundIn: [] });
    expect(await pushed(people.ana, "other")).toMatchObject({ bytesNew: BYTES, foundIn: [] });
  });
});

describe("--base", () => {
  test("finds content in other artifacts, several of them", async () => {
    await pushed(people.ana, "one");
    write(people.ana, noise("two"));
    await pushed(people.ana, "two");
    write(people.ana, Buffer.concat([noise("one"), noise("two")]));
    const both = await pushed(people.ana, "both", { bases: ["one", "two:v1", "one:v1"], purpose: "modelling" });
    expect(both.bytesNew).toBeLessThan(EDIT_MAX);
    expect(both.foundIn).toEqual(["churn/one:v1", "churn/two:v1"]);
    const back = await pulledBack(people.bo, "both");
    expect(back.equals(Buffer.concat([noise("one"), noise("two")]))).toBe(true);
  });

  test("is refused for what could share nothing, with the reason, before anything is stored", async () => {
    await pushed(people.ana, "low");
    await pushed(people.ana, "high", { class: "confidential", kind: "report" });
    await pushed(people.ana, "marketing/away");
    const stored = packs();
    const asked = (base: string) => pushed(people.ana, "new", { bases: [base], purpose: "modelling" });
    await expect(asked("high")).rejects.toMatchObject({
      code: "USAGE",
      why: expect.stringContaining("class confidential"),
    });
    await expect(asked("marketing/away")).rejects.toMatchObject({
      code: "USAGE",
      why: expect.stringContaining("domain marketing"),
    });
    await expect(asked("nothing")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(asked("low:v7")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(packs()).toEqual(stored);
  });

  test("needs what a pull needs; the refusal is logged, and a dry run logs nothing", async () => {
    await pushed(people.ana, "secret", { class: "confidential" });
    const use = (options: Partial<PushOptions>) =>
      pushed(people.bo, "mine", { class: "confidential", bases: ["secret"], ...options });
    const before = await entries(people.bo);
    await expect(use({ purpose: "modelling", dryRun: true })).rejects.toMatchObject({
      code: "POLICY_DENIED",
      message: expect.stringContaining("use churn/secret:v1 as a base"),
      why: expect.stringContaining("used inside a workspace"),
    });
    expect(await entries(people.bo)).toBe(before);
    const stored = packs();
    await expect(use({ purpose: "modelling" })).rejects.toMatchObject({ code: "POLICY_DENIED" });
    expect(await entries(people.bo)).toBe(before + 1);
    expect(packs()).toEqual(stored);
    // What the pusher is let pull otherwise still takes a purpose.
    await pushed(people.ana, "open");
    await expect(pushed(people.bo, "mine", { bases: ["open"] })).rejects.toMatchObject({
      code: "POLICY_DENIED",
      why: expect.stringContaining("purpose"),
    });
    expect(await pushed(people.bo, "mine", { bases: ["open"], purpose: "modelling" })).toMatchObject({ bytesNew: 0 });
  });

  test("of a version that was retired is refused as its pull is", async () => {
    await pushed(people.ana, "old");
    await retireVersion(await sessionOf(people.ana), { reference: "churn/old:v1", justification: "wrong" });
    await expect(pushed(people.ana, "new", { bases: ["old:v1"], purpose: "modelling" })).rejects.toMatchObject({
      code: "POLICY_DENIED",
    });
  });
});

describe("what cannot be relied on is stored anew", () => {
  const [name, options] = ["rows", { purpose: "modelling" }] as const;

  test("a pack that is gone, and one that garbage collection reached", async () => {
    await pushed(people.ana, name);
    const [pack = ""] = packs();
    const id = pack.split("/").at(-1) ?? "";
    mkdirSync(join(people.folder, "store/condemned"), { recursive: true });
    writeFileSync(join(people.folder, "store/condemned", id), "condemned");
    const second = await pushed(people.ana, name);
    expect(second).toMatchObject({ bytesNew: BYTES, foundIn: [] });
    rmSync(pack);
    rmSync(join(people.folder, "store/condemned", id));
    const third = await pushed(people.bo, name, options);
    expect(third).toMatchObject({ bytesNew: 0, foundIn: ["churn/rows:v2"] });
    for (const each of packs()) rmSync(each);
    expect(await pushed(people.ana, name)).toMatchObject({ bytesNew: BYTES, foundIn: [] });
    expect((await pulledBack(people.bo, "rows")).equals(noise("one"))).toBe(true);
  });

  test("chunks of another member that do not open", async () => {
    await pushed(people.ana, name);
    const [pack = ""] = packs();
    const bytes = readFileSync(pack);
    for (let at = 100; at < bytes.length; at += 200_000) bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(pack, bytes);
    const second = await pushed(people.bo, name, options);
    expect(second.bytesNew).toBeGreaterThan(0);
    expect((await pulledBack(people.ana, "rows:v2")).equals(noise("one"))).toBe(true);
  });

  test("one's own chunks that were damaged since, once they are to be read again", async () => {
    await pushed(people.ana, name);
    const [pack = ""] = packs();
    const bytes = readFileSync(pack);
    for (let at = 100; at < bytes.length; at += 200_000) bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(pack, bytes);
    // Of one's own it is only seen that they are there.
    expect((await pushed(people.ana, name)).bytesNew).toBe(0);
    const third = await pushed(people.ana, name, { reread: true });
    expect(third.bytesNew).toBeGreaterThan(0);
    expect((await pulledBack(people.bo, "rows:v3")).equals(noise("one"))).toBe(true);
  });

  test("an artifact whose newest version is damaged is searched in the one before", async () => {
    await pushed(people.ana, name);
    const sealsBefore = new Set(seals());
    await pushed(people.ana, name);
    const [seal = ""] = seals().filter((path) => !sealsBefore.has(path));
    const bytes = readFileSync(seal);
    for (let at = 0; at < bytes.length; at += 50) bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(seal, bytes);
    expect(await pushed(people.ana, name)).toMatchObject({ bytesNew: 0, foundIn: ["churn/rows:v1"] });
  });
});

function seals(): readonly string[] {
  const folder = join(people.folder, "store/seals");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile());
}

test("an interrupted push goes on with its base and with what it had stored", async () => {
  const { ana } = people;
  await pushed(ana, "rows");
  const longer = Buffer.concat([noise("one"), noise("new")]);
  write(ana, longer);
  const failing = await sessionOf(ana, (store) => {
    const create = store.create.bind(store);
    store.create = async (name, parts) => {
      if (name.startsWith("seals/")) throw new Error("the power went");
      return create(name, parts);
    };
    return store;
  });
  const options = { source: { path: "data" }, name: whole("rows"), class: "internal" };
  await expect(push(failing, options)).rejects.toThrow("the power went");
  const again = await pushed(ana, "rows");
  expect(again).toMatchObject({ resumed: true, bytesStored: 0, foundIn: ["churn/rows:v1"] });
  expect((await pulledBack(people.bo, "rows:v2")).equals(longer)).toBe(true);
});
