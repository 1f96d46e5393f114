// The golden store with compressed chunks, and with everything that can become of a version: the command line and the
// independent reader get the same out of it, for ever.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { flip, middleOf, objectsUnder } from "./golden-bits.ts";
import {
  cloister,
  type Expected,
  expectedFiles,
  expectedOf,
  filesOf,
  isBuilt,
  place,
  pull,
  read,
  referenceOf,
  show,
} from "./golden-store.ts";
import { lacking } from "./python-reader.ts";

const golden = join(import.meta.dirname, "../golden/v2");
/** `leads`: which version a word means. `gone`: words of what has no keys any more. */
type ExpectedV2 = Expected & { readonly leads: Readonly<Record<string, string>>; readonly gone: readonly string[] };
const expected = expectedOf(golden) as ExpectedV2;
const versions = expected.versions.map((version) => [referenceOf(version), version] as const);
const leads = Object.entries(expected.leads);
/** Retired: nobody pulls it, and whoever holds its keys can. */
const RETIRED = "churn/accounts:v1";
const needsBuild = isBuilt ? "" : " (skipped: not built, run npm run build)";
const needsTools = lacking === "" ? "" : ` (skipped: needs ${lacking})`;

const at = () => place("scientist", golden);

describe.skipIf(!isBuilt)(`cloister${needsBuild}`, { concurrent: true }, () => {
  test.each(versions)("%s verifies and comes out as it was pushed", async (reference, version) => {
    const here = at();
    expect(await cloister(here, "verify", reference)).toMatchObject({ status: 0, result: { ok: true } });
    const pulled = await pull(here, reference);
    expect(pulled.status).toBe(reference === RETIRED ? 3 : 0);
    if (pulled.status !== 0) return;
    const { versionId, digest } = version;
    expect(pulled.result).toMatchObject({ versionId, digest });
    expect(filesOf(join(here.folder, "out"))).toEqual(expectedFiles(version));
  });

  test.each(leads)("%s is the version that it was", async (reference, versionId) => {
    expect(await cloister(at(), "show", reference)).toMatchObject({ status: 0, result: { versionId } });
  });

  test.each(expected.gone)("%s is no more", async (reference) => {
    expect((await pull(at(), reference)).status).toBe(7);
  });
});

describe.skipIf(lacking !== "")(`the Python reader${needsTools}`, { concurrent: true }, () => {
  test.each(versions)("%s comes out as it was pushed", async (reference, version) => {
    const here = at();
    const { versionId, digest: dirHash, number } = version;
    const result = { versionId, dirHash, number, pin: expected.pin };
    expect(await read(here, reference)).toMatchObject({ status: 0, stderr: "", result });
    expect(filesOf(join(here.folder, "read"))).toEqual(expectedFiles(version));
  });

  test.each(leads)("%s is the version that it was", async (reference, versionId) => {
    expect(await show(at(), reference)).toMatchObject({ status: 0, stderr: "", result: { versionId } });
  });

  test.each(expected.gone)("%s is no more", async (reference) => {
    const { status, stderr } = await read(at(), reference);
    expect(status).toBe(7);
    expect(stderr).toMatch(/its keys were destroyed by steward/);
  });

  test("single files come out without the rest", async () => {
    const here = at();
    const { status, result } = await read(
      here,
      "churn/customers:1.0",
      "--include",
      "small/0[12].json",
      "--include",
      "*.sh",
    );
    expect(status).toBe(0);
    expect(result.files).toBe(3);
    const wanted = ["clean.sh", "small/01.json", "small/02.json"];
    const version = versions[0]?.[1];
    const files = version && expectedFiles(version).filter(({ path }) => wanted.includes(path));
    expect(filesOf(join(here.folder, "read"))).toEqual(files);
  });
});

describe.skipIf(!isBuilt || lacking !== "")(`both${needsBuild}${needsTools}`, { concurrent: true }, () => {
  test.each(versions)("say the same of %s", async (reference) => {
    const said = (await cloister(at(), "show", reference)).result;
    const found = (await show(at(), reference)).result;
    const { number, class: klass, kind, label, versionId, pushedBy, stage, tags = [], statements = [] } = said;
    const brief = statements.map(({ by, document, kind, result }: Record<string, unknown>) => ({
      by,
      document,
      kind,
      result,
    }));
    expect(found).toMatchObject({ number, class: klass, kind, label: label ?? null, versionId, pushedBy, stage, tags });
    expect(found.statements).toEqual(brief);
    expect([found.retired, found.held]).toEqual([said.retired !== undefined, said.held !== undefined]);
  });

  test("what was brought over names where it came from", async () => {
    const idOf = (reference: string) => versions.find(([each]) => each === reference)?.[1].versionId;
    const [secret, below] = [idOf("churn/accounts:v1"), idOf("churn/accounts:v2")];
    expect((await show(at(), "churn/accounts")).result).toMatchObject({ versionId: below, from: secret });
    const [risk, there] = [idOf("churn/risk:1.0"), idOf("marketing/risk:1.0")];
    expect((await show(at(), "marketing/risk")).result).toMatchObject({ versionId: there, from: risk });
  });

  test.each(["statements", "packs", "seals"])(
    "end with 6 where a bit is flipped in what lies under %s/",
    async (under) => {
      const here = at();
      const [, target] = versions.find(([reference]) => reference === "churn/risk:1.0") ?? [];
      for (const object of objectsUnder(here.store, under, target?.versionId ?? "")) flip(middleOf(object));
      expect((await cloister(here, "verify", "churn/risk:1.0")).status).toBe(6);
      const { status, stderr } =
        under === "statements" ? await show(here, "churn/risk:1.0") : await read(here, "churn/risk:1.0");
      expect(status, stderr).toBe(6);
    },
  );
});
