// The golden store whose classes are under KMS: the command line and the independent reader, with the KMS of the tests.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestKms } from "../aws/kms-server.ts";
import { type Bit, flip, recordOf } from "./golden-bits.ts";
import {
  cloister,
  type ExpectedVersion,
  expectedFiles,
  expectedOf,
  filesOf,
  isBuilt,
  type Place,
  place,
  pull,
  read,
  referenceOf,
} from "./golden-store.ts";
import { lacking } from "./python-reader.ts";

const golden = join(import.meta.dirname, "../golden/v1-kms");
const expected = expectedOf(golden);
const server = new TestKms();
const hook = ["--kms-decrypt", join(import.meta.dirname, "reader/kms-decrypt.mjs")];
const versions = expected.versions.map((version) => [referenceOf(version), version] as const);
const needsBuild = isBuilt ? "" : " (skipped: not built, run npm run build)";
const needsTools = lacking === "" ? "" : ` (skipped: needs ${lacking})`;

beforeAll(async () => {
  await server.start();
  expect(server.key({ seed: "golden" })).toBe((expected as { kms?: { key: string } }).kms?.key);
  server.allow("GOLDEN", { actions: ["Decrypt"] });
});
afterAll(() => server.stop());

function at(): Place {
  return place("scientist", golden, server.env("GOLDEN"));
}

test.skipIf(!isBuilt).each(versions)(
  `%s comes out as it was pushed (cloister)${needsBuild}`,
  async (reference, version) => {
    const here = at();
    expect(await cloister(here, "verify", reference)).toMatchObject({ status: 0, result: { ok: true } });
    const pulled = await pull(here, reference);
    expect(pulled.status).toBe(version.class === "confidential" ? 3 : 0);
    if (pulled.status === 0) expect(filesOf(join(here.folder, "out"))).toEqual(expectedFiles(version));
  },
);

test.skipIf(lacking !== "").each(versions)(
  `%s comes out as it was pushed (Python reader)${needsTools}`,
  async (reference, version) => {
    const here = at();
    const { versionId, digest: dirHash, number } = version;
    const result = { versionId, dirHash, number, pin: expected.pin };
    expect(await read(here, reference, ...hook)).toMatchObject({ status: 0, stderr: "", result });
    expect(filesOf(join(here.folder, "read"))).toEqual(expectedFiles(version));
  },
);

test.skipIf(lacking !== "")(`without a way to KMS the Python reader says what it would need${needsTools}`, async () => {
  const { status, stderr } = await read(at(), "churn/customers:1.0");
  expect(status).toBe(7);
  expect(stderr).toMatch(/keys\/churn\/internal\/1\/kms is under AWS KMS, arn:\S+: give --kms-decrypt/);
});

describe("one changed bit", { concurrent: true }, () => {
  const [reference, target] = versions[0] as readonly [string, ExpectedVersion];
  const place1 = `${target.domain}/${target.class}`;
  const bits: readonly (readonly [string, (store: string) => Bit])[] = [
    ["the private half", (store) => ({ object: join(store, `keys/${place1}/1/kms`), byte: 70 })],
    ["the data wrap", (store) => ({ object: join(store, "wraps", place1, target.versionId, "data"), byte: 80 })],
    [
      "the metadata wrap",
      (store) => ({ object: join(store, "wraps", place1, target.versionId, "metadata"), byte: 250 }),
    ],
    ["the epoch record", (store) => ({ object: join(store, "epochs", place1, "1"), byte: 100 })],
    ["the version record", (store) => ({ object: recordOf(store, target).file, byte: 100 })],
  ];

  test.skipIf(!isBuilt).each(bits)(`in %s: exit 6 (cloister)${needsBuild}`, async (_, bit) => {
    const here = at();
    flip(bit(here.store));
    expect((await pull(here, reference)).status).toBe(6);
  });

  test.skipIf(lacking !== "").each(bits)(`in %s: exit 6 (Python reader)${needsTools}`, async (_, bit) => {
    const here = at();
    flip(bit(here.store));
    const { status, stderr } = await read(here, reference, ...hook);
    expect(status, stderr).toBe(6);
  });
});
