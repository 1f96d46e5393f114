// The S3 driver on a real server.
import { randomBytes } from "node:crypto";
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { s3Store } from "../../src/store/s3.ts";
import { S3Connection } from "../../src/store/s3-connection.ts";
import { createInParts } from "../../src/store/s3-create.ts";
import type { S3Access } from "../../src/store/s3-place.ts";
import { bytes, keepsTheContract, namesIn, textOf } from "../store/contract.ts";
import {
  ADMIN,
  clientOf,
  NO_RADOSGW,
  newBucket,
  PLAIN,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
  type UserKeys,
} from "./radosgw/radosgw.ts";

let server: Radosgw;

const accessTo = (bucket: string, more: Partial<S3Access> = {}, keys: UserKeys = PLAIN): S3Access => ({
  ...{ bucket, prefix: "some/prefix", endpoint: server.endpoint, region: "us-east-1" },
  credentials: async () => keys,
  signal: new AbortController().signal,
  ...more,
});

describe.skipIf(NO_RADOSGW !== "")(`a store in a bucket${NO_RADOSGW}`, () => {
  beforeAll(async () => {
    server = await startRadosgw();
  }, RADOSGW_START_MS);
  afterAll(() => server.stop());

  describe("keeps what every store promises", () => {
    keepsTheContract(async () => {
      const bucket = await newBucket(server);
      return () => s3Store(accessTo(bucket));
    });
  });

  test("the whole bucket is a store, too, and a store sees nothing beside its prefix", async () => {
    const bucket = await newBucket(server);
    const whole = s3Store(accessTo(bucket, { prefix: "" }));
    const part = s3Store(accessTo(bucket, { prefix: "team/x" }));
    await whole.create("team/xy/z", bytes("beside"));
    await part.create("a/b", bytes("inside"));
    expect(await namesIn(part)).toEqual(["a/b"]);
    expect(await namesIn(whole)).toEqual(["team/x/a/b", "team/xy/z"]);
    expect([part.url, whole.url]).toEqual([`s3://${bucket}/team/x`, `s3://${bucket}`]);
  });

  test("lists more than a page, and passes over what no store makes", async () => {
    const bucket = await newBucket(server);
    const client = clientOf(server.endpoint);
    const junk = ["a//b", "a/", ".hidden/x", "a/\u0001x", "a/é", "a b", "a/%41", "a+b", "x".repeat(300)];
    for (const name of junk) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `some/prefix/${name}`, Body: "x" }));
    }
    const store = s3Store(accessTo(bucket));
    const names = Array.from({ length: 1100 }, (_, i) => `n/${String(i).padStart(4, "0")}`);
    const rest = [...names];
    const work = async () => {
      for (let name = rest.pop(); name !== undefined; name = rest.pop()) await store.create(name, bytes("x"));
    };
    await Promise.all(Array.from({ length: 16 }, work));
    expect(await namesIn(store)).toEqual(names);
  });

  test("an upload in parts reads back whole, and one that breaks off is taken back and leaves nothing to see", async () => {
    const bucket = await newBucket(server);
    const controller = new AbortController();
    const access = accessTo(bucket, { signal: controller.signal });
    const client = clientOf(server.endpoint);
    const large = randomBytes(70 * 1024 * 1024);
    const whole = { key: "some/prefix/packs/whole", parts: [large.subarray(0, 5), large.subarray(5)] };
    expect(await createInParts(new S3Connection(access), whole)).toBe("created");
    const read = await s3Store(access).range("packs/whole", 0, large.length + 1);
    expect(read && Buffer.compare(read, large)).toBe(0);

    const aligned = large.subarray(0, 64 * 1024 * 1024);
    const huge = { key: "some/prefix/packs/huge", parts: Array.from({ length: 12 }, () => aligned) };
    const creating = createInParts(new S3Connection(access), huge);
    creating.catch(() => undefined);
    const uploads = async () => (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? [];
    const stored = async () => {
      const [{ Key, UploadId } = {}] = await uploads();
      if (!UploadId) return 0;
      return (await client.send(new ListPartsCommand({ Bucket: bucket, Key, UploadId }))).Parts?.length ?? 0;
    };
    while ((await stored()) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort();
    await expect(creating).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(await uploads()).toEqual([]);
    // What is done after the interruption, to close an operation in order, is done.
    const store = s3Store(access);
    expect(await namesIn(store)).toEqual(["packs/whole"]);
    expect(await store.create("log/end", bytes("x"))).toBe("created");
  });

  test("an upload in parts whose program was killed is nowhere to be seen and in nobody's way", async () => {
    const bucket = await newBucket(server);
    const client = clientOf(server.endpoint);
    const left = { Bucket: bucket, Key: "some/prefix/packs/left" };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(left));
    await client.send(new UploadPartCommand({ ...left, UploadId, PartNumber: 1, Body: "x" }));
    const store = s3Store(accessTo(bucket));
    expect(await namesIn(store)).toEqual([]);
    expect(await store.get("packs/left", 10)).toBeUndefined();
    expect(await store.create("packs/left", [Buffer.alloc(17 * 1024 * 1024)])).toBe("created");
    expect(await namesIn(store)).toEqual(["packs/left"]);
  });

  test("says what is wrong with bucket, credentials and permissions, and what to do", async () => {
    const bucket = await newBucket(server);
    const fails = (more: Partial<S3Access>, keys?: UserKeys) =>
      s3Store(accessTo(bucket, more, keys))
        .get("cloister", 10)
        .then(
          () => "nothing thrown",
          (error: unknown) => error,
        );
    expect(await fails({ bucket: "no-such-bucket" })).toMatchObject({
      ...{ code: "NOT_FOUND", message: "there is no bucket no-such-bucket" },
      next: expect.stringContaining(`aws s3 mb s3://no-such-bucket --endpoint-url ${server.endpoint}`),
    });
    // This server makes no difference between unknown keys and those without permission.
    expect(await fails({}, { ...PLAIN, secretAccessKey: "wrong" })).toMatchObject({
      ...{ code: "FAILURE", message: "these credentials may not read some/prefix/cloister" },
      why: expect.stringContaining("some servers say so of unknown keys"),
    });
    expect(await fails({ credentials: undefined, profile: "none-of-that-name" })).toMatchObject({
      ...{ code: "NOT_AUTHENTICATED", message: "there are no credentials for the store" },
      next: expect.stringContaining("--profile none-of-that-name"),
    });
    expect(await fails({ endpoint: "http://127.0.0.1:1" })).toMatchObject({
      ...{ code: "UNAVAILABLE", why: expect.stringContaining("ECONNREFUSED") },
    });
  });

  test("names the action and the object that somebody has to allow", async () => {
    const bucket = await newBucket(server, ADMIN);
    const statement = {
      ...{
        Effect: "Allow",
        Principal: { AWS: ["arn:aws:iam:::user/plain"] },
        Action: ["s3:GetObject", "s3:ListBucket"],
      },
      Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await clientOf(server.endpoint, ADMIN).send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    await s3Store(accessTo(bucket, {}, ADMIN)).create("log/commit/0", bytes("x"));
    const store = s3Store(accessTo(bucket));
    expect(textOf(await store.get("log/commit/0", 1))).toBe("x");
    await expect(store.create("log/commit/1", bytes("x"))).rejects.toMatchObject({
      code: "FAILURE",
      message: "these credentials may not write some/prefix/log/commit/1",
      next: expect.stringContaining(`allow s3:PutObject on arn:aws:s3:::${bucket}/some/prefix/log/commit/1`),
    });
    await expect(store.create("packs/1", [Buffer.alloc(17 * 1024 * 1024)])).rejects.toMatchObject({
      message: "these credentials may not write some/prefix/packs/1",
    });
    await expect(store.delete("log/commit/0")).rejects.toMatchObject({
      next: expect.stringContaining("allow s3:DeleteObject on"),
    });
    await expect(store.prove?.()).rejects.toMatchObject({ code: "FAILURE" });
  });
});
