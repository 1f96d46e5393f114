// Export to a bucket of a real server, with the caller's own credentials.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import { exportVersion } from "../../src/operations/export/export.ts";
import { sessionOf } from "../operations/project.ts";
import { type People, twoDomains } from "../operations/two-domains.ts";
import {
  clientOf,
  environmentOf,
  NO_RADOSGW,
  newBucket,
  PLAIN,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";

let server: Radosgw;
let people: People;
const own = { ...process.env };
/** More than one part of an upload. */
const large = randomBytes(40_000_000);

describe.skipIf(NO_RADOSGW !== "")(`export to a bucket${NO_RADOSGW}`, () => {
  beforeAll(async () => {
    server = await startRadosgw();
    // The SDK looks into the environment of its process, as that of the program does.
    Object.assign(process.env, environmentOf(PLAIN));
    people = await twoDomains();
    mkdirSync(join(people.ana.cwd, "data/ünï code"), { recursive: true });
    writeFileSync(join(people.ana.cwd, "data/ünï code/large file.bin"), large);
    await push(await sessionOf(people.ana), { source: { path: "data" }, name: "churn/risk:1", class: "internal" });
  }, RADOSGW_START_MS);
  afterAll(async () => {
    for (const name of Object.keys(environmentOf(PLAIN))) delete process.env[name];
    Object.assign(process.env, own);
    await server.stop();
  });

  const exportTo = async (bucket: string, prefix: string) =>
    exportVersion(await sessionOf(people.ana), {
      ...{ reference: "churn/risk:1", to: `s3://${bucket}/${prefix}`, endpoint: server.endpoint },
    });

  const keysIn = async (bucket: string) => {
    const { Contents = [] } = await clientOf(server.endpoint).send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key = "" }) => Key);
  };

  test("every file whole, whatever its name and size, and the manifest; again it finds everything there", async () => {
    const bucket = await newBucket(server);
    const done = await exportTo(bucket, "in/v1");
    expect(done.destination).toBe(`s3+${server.endpoint}/${bucket}/in/v1`);
    const names = ["a.csv", "empty", "provenance.sigstore.json", "sub/b.bin", "ünï code/large file.bin"];
    expect(await keysIn(bucket)).toEqual(names.map((name) => `in/v1/${name}`));
    const asked = new GetObjectCommand({ Bucket: bucket, Key: "in/v1/ünï code/large file.bin" });
    const { Body } = await clientOf(server.endpoint).send(asked);
    const read = (await Body?.transformToByteArray()) ?? new Uint8Array();
    expect(createHash("sha256").update(read).digest("hex")).toBe(createHash("sha256").update(large).digest("hex"));
    await exportTo(bucket, "in/v1");
  });

  test("what lies there already is not overwritten, and no manifest says that all is there", async () => {
    const bucket = await newBucket(server);
    const key = "in/ünï code/large file.bin";
    await clientOf(server.endpoint).send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "theirs" }));
    await expect(exportTo(bucket, "in")).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("large file.bin"),
    });
    expect(await keysIn(bucket)).not.toContain("in/provenance.sigstore.json");
    const { Body } = await clientOf(server.endpoint).send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    expect(await Body?.transformToString()).toBe("theirs");
  });

  test("a bucket that is not there fails, and the log does not say that it was done", async () => {
    const session = await sessionOf(people.ana);
    const to = `s3://no-such-bucket-${randomBytes(4).toString("hex")}/in`;
    const options = { reference: "churn/risk:1", to, endpoint: server.endpoint };
    await expect(exportVersion(session, options)).rejects.toMatchObject({ name: "CloisterError" });
    expect(session.ledger.events.at(-1)?.event).toMatchObject({
      action: "artifact.export",
      facts: { complete: false },
    });
  });
});
