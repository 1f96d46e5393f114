// What did not change is not read again; whatever may have changed is.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import type { Host } from "../../src/operations/host.ts";
import type { Pushed, PushOptions } from "../../src/operations/types.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

const LARGE = 12_000_000;
const SMALL = 5000;
/** Everything a push reads besides the files: keys, log, policy, trees. */
const REST = 1_500_000;

let folder: string;
let ana: Host;
beforeEach(async () => {
  folder = scratch();
  // Files must be a little older than the push that is to remember them.
  ana = { ...(await makeProject(folder)), now: later };
  mkdirSync(join(ana.cwd, "data/small"), { recursive: true });
  writeFileSync(join(ana.cwd, "data/large.bin"), noise("large", LARGE));
  for (let i = 0; i < 600; i++)
    writeFileSync(join(ana.cwd, "data/small", `${String(i)}.json`), noise(String(i), SMALL));
});

const later = () => Date.now() + 10_000;

function noise(seed: string, bytes: number): Buffer {
  return createHash("shake256", { outputLength: bytes }).update(seed).digest();
}

/** Pushes, and says how many bytes this process, with all its threads, read meanwhile. */
async function pushed(options: Partial<PushOptions> = {}, host = ana): Promise<Pushed & { readonly read: number }> {
  const session = await sessionOf(host);
  const before = bytesRead();
  const result = await push(session, { source: { path: "data" }, name: "rows", ...options });
  return { ...result, read: bytesRead() - before };
}

function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "latin1"))?.[1]);
}

async function pulledBack(reference: string): Promise<string> {
  const out = `back-${reference}`.replace(":", "-");
  await pull(await sessionOf(ana), { reference, purpose: "modelling", output: { folder: out } });
  return digestOf(join(ana.cwd, out));
}

/** Of all files of a folder but the manifest. */
function digestOf(path: string): string {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
  const hash = createHash("sha256");
  for (const name of names.filter((each) => statSync(join(path, each)).isFile() && !each.includes("provenance"))) {
    hash.update(name).update(readFileSync(join(path, name)));
  }
  return hash.digest("hex");
}

const data = () => join(ana.cwd, "data");

test("a second push of the same reads no file, however large or many, and its version is whole", async () => {
  const first = await pushed();
  expect(first.read).toBeGreaterThan(first.bytes);
  const second = await pushed();
  expect(second).toMatchObject({ number: 2, bytesNew: 0, bytesStored: 0, digest: first.digest, files: 601 });
  expect(second.read).toBeLessThan(REST);
  expect(await pulledBack("rows:v2")).toBe(digestOf(data()));
});

test("a third reads none either, also under another class or after others pushed, where a version of it is known", async () => {
  await pushed();
  await pushed({ class: "internal" });
  const third = await pushed({ class: "internal" });
  expect(third.read).toBeLessThan(REST);
  expect(third.foundIn).toEqual(["churn/rows:v2"]);
  const first = await pushed();
  expect(first.read).toBeLessThan(REST);
  expect(first.foundIn).toEqual(["churn/rows:v1"]);
});

test("one changed file is read, with those it shares chunks with, and nothing else", async () => {
  await pushed();
  writeFileSync(join(data(), "small/300.json"), noise("another", SMALL + 1));
  const second = await pushed();
  expect(second.read).toBeGreaterThan(SMALL);
  expect(second.read).toBeLessThan(REST + 600 * SMALL);
  expect(second.bytesNew).toBeGreaterThan(SMALL);
  expect(second.bytesNew).toBeLessThan(400_000);
  expect(await pulledBack("rows:v2")).toBe(digestOf(data()));
  writeFileSync(join(data(), "large.bin"), noise("larger", LARGE + 1));
  expect((await pushed()).read).toBeGreaterThan(LARGE);
  expect(await pulledBack("rows:v3")).toBe(digestOf(data()));
});

test("new content of the same size under the same time of change is read", async () => {
  await pushed();
  const path = join(data(), "large.bin");
  const { atime, mtime } = statSync(path);
  writeFileSync(path, noise("other", LARGE));
  utimesSync(path, atime, mtime);
  expect((await pushed()).read).toBeGreaterThan(LARGE);
  expect(await pulledBack("rows:v2")).toBe(digestOf(data()));
});

test("what had changed a moment before it was pushed is read again", async () => {
  const now = { ...ana, now: Date.now };
  writeFileSync(join(data(), "large.bin"), noise("fresh", LARGE));
  await pushed({}, now);
  const second = await pushed({}, now);
  expect(second.read).toBeGreaterThan(LARGE);
  expect(second).toMatchObject({ bytesNew: 0, number: 2 });
});

describe("everything is read again", () => {
  test("with --reread, and by a device that has not pushed it", async () => {
    const { bytes } = await pushed();
    expect((await pushed({ reread: true })).read).toBeGreaterThan(bytes);
    expect((await pushed()).read).toBeLessThan(REST);
    rmSync(join(ana.home, ".local/state/cloister"), { recursive: true });
    expect((await pushed()).read).toBeGreaterThan(bytes);
  });

  test("where the memory of it is damaged", async () => {
    const { bytes } = await pushed();
    const [project = ""] = readdirSync(join(ana.home, ".local/state/cloister")).filter((name) =>
      /^[0-9a-f]{32}$/.test(name),
    );
    const seen = join(ana.home, ".local/state/cloister", project, "seen");
    const [name = ""] = readdirSync(seen);
    writeFileSync(join(seen, name), "nonsense");
    expect(await pushed()).toMatchObject({ bytesNew: 0 });
    writeFileSync(join(seen, name), readFileSync(join(seen, name)).subarray(0, 1000));
    expect((await pushed()).read).toBeGreaterThan(bytes);
  });

  test("where no version that is searched has it: under another name, or when its packs are gone", async () => {
    const { bytes } = await pushed();
    const other = await pushed({ name: "other" });
    expect(other).toMatchObject({ bytesNew: bytes, foundIn: [] });
    const store = join(folder, "store/packs");
    for (const path of readdirSync(store, { recursive: true, encoding: "utf8" })) {
      if (statSync(join(store, path)).isFile()) rmSync(join(store, path));
    }
    expect(await pushed()).toMatchObject({ bytesNew: bytes, foundIn: [] });
    expect(await pulledBack("rows:v2")).toBe(digestOf(data()));
  });
});

test("a copy of it under another path is read", async () => {
  const { bytes } = await pushed();
  mkdirSync(join(ana.cwd, "copy"));
  writeFileSync(join(ana.cwd, "copy/large.bin"), noise("large", LARGE));
  expect((await pushed({ source: { path: "copy" } })).read).toBeGreaterThan(LARGE);
  expect((await pushed()).read).toBeLessThan(bytes);
});
