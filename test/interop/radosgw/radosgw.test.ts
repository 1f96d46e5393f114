// The servers that other suites rely on, and the guarantee of S3 that the whole store stands on.
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ADMIN,
  clientOf,
  NO_RADOSGW,
  newBucket,
  PLAIN,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw.ts";

describe.skipIf(NO_RADOSGW !== "")(`radosgw${NO_RADOSGW}`, () => {
  let servers: readonly Radosgw[];
  beforeAll(async () => {
    servers = await Promise.all([startRadosgw(), startRadosgw()]);
  }, RADOSGW_START_MS);
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  test("several run side by side, each with its own users and buckets", async () => {
    const [one, other] = servers as [Radosgw, Radosgw];
    expect(one.endpoint).not.toBe(other.endpoint);
    const bucket = await newBucket(one);
    expect(JSON.parse(await one.admin("bucket", "list"))).toEqual([bucket]);
    expect(JSON.parse(await other.admin("bucket", "list"))).toEqual([]);
    const foreign = clientOf(other.endpoint, ADMIN).send(new GetObjectCommand({ Bucket: bucket, Key: "x" }));
    await expect(foreign).rejects.toMatchObject({ name: "NoSuchBucket" });
  });

  test("lets one of 16 racing writers of a name win", async () => {
    const [server] = servers as [Radosgw];
    const client = clientOf(server.endpoint, PLAIN);
    const bucket = await newBucket(server);
    const put = { Bucket: bucket, Key: "name", IfNoneMatch: "*" };
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, i) => client.send(new PutObjectCommand({ ...put, Body: String(i) }))),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const winner = String(results.findIndex(({ status }) => status === "fulfilled"));
    const read = await client.send(new GetObjectCommand({ Bucket: bucket, Key: "name" }));
    expect(await read.Body?.transformToString()).toBe(winner);
  });
});
