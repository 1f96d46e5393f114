// The golden store of each format: the command line and an independent reader get out of it what was put in, for ever.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { flip, flipsFor, recordOf } from "./golden-bits.ts";
import {
  cloister,
  type ExpectedVersion,
  expected,
  expectedFiles,
  filesOf,
  golden,
  isBuilt,
  MEMBERS,
  place,
  pull,
  read,
  referenceOf,
} from "./golden-store.ts";
import { lacking } from "./python-reader.ts";

const needsBuild = isBuilt ? "" : " (skipped: not built, run npm run build)";
const needsTools = lacking === "" ? "" : ` (skipped: needs ${lacking})`;
const versions = expected.versions.map((version) => [referenceOf(version), version] as const);

describe.skipIf(!isBuilt)(`cloister${needsBuild}`, { concurrent: true }, () => {
  test.each(MEMBERS)("%s lists every version", async (member) => {
    const { status, result } = await cloister(place(member), "list");
    expect(status).toBe(0);
    expect(result).toMatchObject({ hidden: [], ignored: [] });
    const found = result.versions.map((version: ExpectedVersion) => [referenceOf(version), version.versionId]);
    const wanted = versions.map(([reference, { versionId }]) => [reference, versionId]);
    expect(found.sort()).toEqual(wanted.sort());
  });

  test.each(versions)("%s verifies and comes out as it was pushed", async (reference, version) => {
    const at = place("scientist");
    expect(await cloister(at, "verify", reference)).toMatchObject({ status: 0, result: { ok: true } });
    const pulled = await pull(at, reference);
    if (version.class === "confidential") {
      expect(pulled.status).toBe(3);
      return;
    }
    const { versionId, digest, pushedBy } = version;
    expect(pulled).toMatchObject({ status: 0, result: { versionId, digest, pushedBy } });
    expect(filesOf(join(at.folder, "out"))).toEqual(expectedFiles(version));
    expect(await cloister(at, "verify", "out")).toMatchObject({ status: 0, result: { ok: true } });
  });

  test("a new checkout is joined with the pin, and not with another", async () => {
    const at = place("scientist");
    const join = (pin: string, folder: string) =>
      cloister(at, "join", at.store, folder, "--as", "x", "--name", "X", "--expect", pin);
    expect(await join(expected.pin, "a")).toMatchObject({ status: 0, result: { member: "scientist" } });
    expect((await join("0".repeat(64), "b")).status).toBe(6);
  });
});

describe.skipIf(lacking !== "")(`the Python reader${needsTools}`, { concurrent: true }, () => {
  test.each(versions)("%s comes out as it was pushed", async (reference, version) => {
    const at = place("scientist");
    const { versionId, digest: dirHash, number } = version;
    const result = { versionId, dirHash, number, pin: expected.pin };
    expect(await read(at, reference)).toMatchObject({ status: 0, stderr: "", result });
    expect(filesOf(join(at.folder, "read"))).toEqual(expectedFiles(version));
  });

  test.each(["churn/customers:v9", "churn/customers:9.9", "churn/nothing"])("%s is not found", async (reference) => {
    expect((await read(place("steward"), reference)).status).toBe(7);
  });
});

describe("an object that is gone", { concurrent: true }, () => {
  const artifact = "churn/customers";
  const newest = expected.versions.find(({ number }) => number === 2) as ExpectedVersion;
  const commit = () => "log/commit/0000000000000004";
  const record = (store: string) => relative(store, recordOf(store, newest).file);
  const cases = [
    ["the record of the newest version: latest is no older one", record, `${artifact}:latest`, 6],
    ["the record of the newest version: older ones come out", record, `${artifact}:1.0`, 0],
    ["a commit in the middle: nothing comes out", commit, `${artifact}:1.0`, 6],
  ] as const;

  function without(object: (store: string) => string) {
    const at = place("scientist");
    rmSync(join(at.store, object(at.store)));
    return at;
  }

  test.skipIf(!isBuilt).each(cases)(`%s (cloister)${needsBuild}`, async (_, object, reference, status) => {
    expect((await pull(without(object), reference)).status).toBe(status);
  });

  test.skipIf(lacking !== "").each(cases)(`%s (Python reader)${needsTools}`, async (_, object, reference, status) => {
    expect((await read(without(object), reference)).status).toBe(status);
  });
});

describe("one flipped bit", { concurrent: true }, () => {
  const [reference, target] = versions.find(([, { label }]) => label === "1.0") as (typeof versions)[number];
  const identity = join(golden, "TEST-KEYS-known-to-everybody/scientist/identity.json");
  const { reads } = JSON.parse(readFileSync(identity, "utf8")) as { reads: string };
  const flips = (store: string) => flipsFor(store, target, reads);
  const kinds = flips(join(golden, "store")).map(({ kind, list }) => [kind, list] as const);

  function flipped(kind: string) {
    const at = place("scientist");
    const found = flips(at.store).find((each) => each.kind === kind);
    if (!found) throw new Error(`no ${kind}`);
    flip(found.bit);
    return at;
  }

  test.skipIf(!isBuilt).each(kinds)(`in a %s: cloister pull ends with 6 (list %s)${needsBuild}`, async (kind, list) => {
    const at = flipped(kind);
    const pulled = await pull(at, reference);
    expect(pulled).toMatchObject({ status: 6, result: undefined });
    expect(existsSync(join(at.folder, "out"))).toBe(false);
    if (list === "shows it") return;
    const listed = await cloister(at, "list");
    expect(listed.status).toBe(list === "fails" ? 6 : 0);
    if (list === "fails") return;
    const shown = listed.result.versions.map(({ versionId }: ExpectedVersion) => versionId);
    expect(shown).not.toContain(target.versionId);
    expect(listed.result.ignored[0].why).toBeTypeOf("string");
  });

  test.skipIf(lacking !== "").each(kinds)(`in a %s: the Python reader ends with 6${needsTools}`, async (kind) => {
    const at = flipped(kind);
    const { status, stderr } = await read(at, reference);
    expect(status, stderr).toBe(6);
    expect(stderr).toMatch(/^cloister_reader: [^\n]+\n$/);
    expect(existsSync(join(at.folder, "read"))).toBe(false);
  });
});
