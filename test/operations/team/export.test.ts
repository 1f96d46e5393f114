// Exports: the destination in one spelling, what is written where, and crossings that readers accept or do not.
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { list, show } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { verifyReference } from "../../../src/operations/artifact/verify.ts";
import { destinationOf } from "../../../src/operations/export/destination.ts";
import { exportVersion } from "../../../src/operations/export/export.ts";
import { scratch, sessionOf } from "../project.ts";
import { contentOf, type People, twoDomains } from "../two-domains.ts";
import { unguarded } from "../unguarded.ts";

let people: People;

beforeAll(async () => {
  people = await twoDomains();
  await push(await sessionOf(people.ana), { source: { path: "data" }, name: "churn/risk:1", class: "internal" });
});

describe("a destination has one spelling", () => {
  const host = () => people.ana;

  test.each([
    ["s3://partner-acme/in/", "s3://partner-acme/in"],
    ["s3://partner-acme", "s3://partner-acme"],
    ["domain:marketing", "domain:marketing"],
  ])("%s is %s", async (given, text) => {
    expect((await destinationOf(host(), given)).text).toBe(text);
  });

  test("a folder is its real path, wherever a link leads", async () => {
    const folder = scratch();
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const at = { ...host(), cwd: folder };
    expect((await destinationOf(at, "./link/new/deep")).text).toBe(`file:${folder}/real/new/deep`);
    expect((await destinationOf(at, `file:${folder}/link`)).text).toBe(`file:${folder}/real`);
  });

  test("a bucket of another server is not one of AWS, whoever names the server", async () => {
    const url = "s3://partner-acme/in";
    const text = "s3+https://s3.evil.example/partner-acme/in";
    expect((await destinationOf(host(), url, "https://s3.evil.example")).text).toBe(text);
    const env = { AWS_ENDPOINT_URL_S3: "https://s3.evil.example" };
    expect((await destinationOf({ ...host(), env }, url)).text).toBe(text);
    expect(await destinationOf(host(), text)).toMatchObject({ bucket: "partner-acme", prefix: "in", text });
  });

  test.each([
    "../out",
    "out/../../x",
    "out//x",
    "s3://partner-acme/a/../b",
    "s3://partner-acme//b",
    "s3://partner-acme/\u202eb",
    "out\u0000",
    "out\n",
    "",
    "ftp://x/y",
    "domain:",
    "domain:../x",
    "share:age1nobody",
    `./${"x".repeat(2000)}`,
  ])("%j is none", async (given) => {
    await expect(destinationOf(host(), given)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("to a folder", () => {
  test("files and manifest, on record with the size; who may not, is refused", async () => {
    const { ana, bo } = people;
    const options = { reference: "churn/risk:1", to: "handover", justification: "audit" };
    await expect(exportVersion(await sessionOf(bo), options)).rejects.toMatchObject({ code: "POLICY_DENIED" });
    const session = await sessionOf(ana);
    const done = await exportVersion(session, options);
    expect(done).toMatchObject({ destination: `file:${ana.cwd}/handover`, dryRun: false });
    expect(contentOf(join(ana.cwd, "handover"))).toEqual(contentOf(join(ana.cwd, "data")));
    expect(readdirSync(join(ana.cwd, "handover"))).toContain("provenance.sigstore.json");
    const entry = session.ledger.events.find(
      ({ event }) => event.action === "artifact.export" && event.phase === "intent",
    );
    expect(entry?.event.facts).toEqual({ bytes: done.bytes, to: "folder" });
  });

  test("a dry run writes nothing, here or there", async () => {
    const session = await sessionOf(people.ana);
    await session.sync();
    const { length } = session.ledger.events;
    await exportVersion(session, { reference: "churn/risk:1", to: "dry", dryRun: true });
    expect(existsSync(join(people.ana.cwd, "dry"))).toBe(false);
    expect(session.ledger.events).toHaveLength(length);
  });

  test("options of other destinations are refused", async () => {
    const wrong = { reference: "churn/risk:1", to: "x", class: "public" };
    await expect(exportVersion(await sessionOf(people.ana), wrong)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("to another domain", () => {
  const options = { reference: "churn/risk:1", to: "domain:marketing", purpose: "modelling", justification: "DPA-120" };

  test("a new version whose provenance names the source; its readers accept it", async () => {
    const { ana, bo } = people;
    const done = await exportVersion(await sessionOf(ana), options);
    expect(done.made).toMatchObject({ reference: "marketing/risk:1", class: "internal" });
    const detail = await show(await sessionOf(bo), "marketing/risk:1");
    expect(detail.inputs).toEqual([{ reference: "churn/risk:v1", digest: done.digest, class: "internal" }]);
    expect((await verifyReference(await sessionOf(bo), "marketing/risk:1")).ok).toBe(true);
    await pull(await sessionOf(bo), { reference: "marketing/risk:1", purpose: "modelling", output: { folder: "in" } });
    expect(contentOf(join(bo.cwd, "in"))).toEqual(contentOf(join(ana.cwd, "data")));
  });

  test("a lower class needs a declassification", async () => {
    const lower = { ...options, name: "lower", class: "public" };
    await expect(exportVersion(await sessionOf(people.ana), lower)).rejects.toMatchObject({
      code: "POLICY_DENIED",
      refusals: [expect.objectContaining({ rule: "builtin:label-flow" })],
    });
    const higher = await exportVersion(await sessionOf(people.ana), {
      ...options,
      name: "higher",
      class: "confidential",
    });
    expect(higher.made?.class).toBe("confidential");
  });

  test("to its own domain, or one that is not there: nothing to do", async () => {
    const session = await sessionOf(people.ana);
    await expect(exportVersion(session, { ...options, to: "domain:churn" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(exportVersion(session, { ...options, to: "domain:no" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("who may not export can log and push it all the same, and every reader ignores it", async () => {
    const { bo } = people;
    await exportVersion(await unguarded(bo), { ...options, name: "smuggled" });
    const { ignored, versions } = await list(await sessionOf(people.ana), { name: "marketing/smuggled" });
    expect(versions).toEqual([]);
    expect(ignored[0]?.why).toMatch(/bo brought it over from another domain: bo was not allowed this artifact.export/);
  });
});
