// The session policy as a real server takes it: radosgw assumes a role with it, and answers as the evaluator of the tests says.
import { randomBytes } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SessionPolicyOptions, sessionPolicy } from "../../src/policy/aws/session-policy.ts";
import { documentAllows } from "../policy/iam-evaluator.ts";
import { compiled, NOW, SAMPLE } from "../policy/sample.ts";
import {
  ADMIN,
  clientOf,
  NO_RADOSGW,
  newBucket,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";
import { makeRole, sessionOf } from "./radosgw/role.ts";

const SHA = "ab".repeat(32);

/** Every kind of object, in the member's own place, a foreign class and a foreign domain. */
const NAMES = [
  "cloister",
  `policy/00000001-${SHA}`,
  "log/commit/0000000000000000",
  `condemned/${SHA.slice(0, 32)}`,
  ...["churn/internal", "churn/restricted", "churn/internal-2", "marketing/internal"].flatMap((place) => [
    `packs/${place}/ab/${SHA.slice(0, 32)}`,
    `seals/${place}/${SHA}`,
    `wraps/${place}/${SHA}/data`,
    `wraps/${place}/${SHA}/metadata`,
    `epochs/${place}/1`,
    `keys/${place}/1/${SHA.slice(0, 32)}`,
  ]),
  ...["churn/internal", "churn/restricted"].map((place) => `statements/${place}/${SHA}/${SHA}`),
  ...["churn", "marketing"].map((domain) => `tags/${domain}/${SHA}/${SHA}`),
  `requests/${SHA}`,
  `releases/${SHA}/half-data-owner/${SHA.slice(0, 32)}`,
  `joins/${SHA}`,
  `proposals/00000008-${SHA}/${SHA}`,
  `versions/churn/${SHA}/00000001-${SHA}`,
  `versions/marketing/${SHA}/00000001-${SHA}`,
  "elsewhere/churn/internal/x",
];

describe.skipIf(NO_RADOSGW !== "")(`a session policy at radosgw${NO_RADOSGW}`, () => {
  let server: Radosgw;
  let bucket: string;
  let admin: S3Client;

  beforeAll(async () => {
    server = await startRadosgw();
    bucket = await newBucket(server, ADMIN);
    admin = clientOf(server.endpoint, ADMIN);
    await makeRole(server);
    for (const name of NAMES)
      await admin.send(new PutObjectCommand({ Bucket: bucket, Key: `team/churn/${name}`, Body: name }));
  }, RADOSGW_START_MS);
  afterAll(async () => {
    admin?.destroy();
    await server?.stop();
  });

  /** The sample policy, in this server's bucket. */
  function policyFor(options: Partial<SessionPolicyOptions>) {
    // A server without KMS does not know its actions, and refuses a policy that names them.
    const text = SAMPLE.replace("bucket: acme-ml", `bucket: ${bucket}`).replace(/ {2}kms.*\n?/g, "");
    return sessionPolicy(compiled(text).policy, { member: "bo", now: NOW, ...options });
  }

  async function sessionClient(text: string): Promise<S3Client> {
    return clientOf(server.endpoint, await sessionOf(server, text));
  }

  async function answer(sending: Promise<unknown>): Promise<"yes" | "no"> {
    try {
      await sending;
      return "yes";
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      // A name that is taken says that the write itself was allowed.
      if (status === 412) return "yes";
      expect(status).toBe(403);
      return "no";
    }
  }

  it.each([
    ["all that bo may", {}],
    ["reading alone", { readOnly: true }],
    ["less sensitive classes", { upTo: "public" }],
    ["two domains, in few characters", { member: "dee", purpose: "churn-modelling" }],
  ])(
    "allows %s, on each kind of object, exactly as the evaluator says",
    async (_, options) => {
      const { text, document } = policyFor(options);
      const client = await sessionClient(text);
      for (const name of NAMES) {
        const Key = `team/churn/${name}`;
        const resource = `arn:aws:s3:::${bucket}/${Key}`;
        const says = (action: string): "yes" | "no" =>
          documentAllows(document, { action, resource, context: {} }) ? "yes" : "no";
        const answers = {
          name,
          get: await answer(client.send(new GetObjectCommand({ Bucket: bucket, Key }))),
          put: await answer(client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x", IfNoneMatch: "*" }))),
          delete: await answer(client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))),
        };
        expect(answers).toEqual({ name, get: says("s3:GetObject"), put: says("s3:PutObject"), delete: "no" });
      }
      client.destroy();
    },
    120_000,
  );

  it("reads its class, and is refused a foreign class, a foreign domain, the whole list and deleting", async () => {
    const client = await sessionClient(policyFor({}).text);
    const get = (name: string) =>
      answer(client.send(new GetObjectCommand({ Bucket: bucket, Key: `team/churn/${name}` })));
    expect(await get(`packs/churn/internal/ab/${SHA.slice(0, 32)}`)).toBe("yes");
    expect(await get(`packs/churn/restricted/ab/${SHA.slice(0, 32)}`)).toBe("no");
    expect(await get(`packs/marketing/internal/ab/${SHA.slice(0, 32)}`)).toBe("no");
    const list = (prefix?: string) => answer(client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix })));
    expect(await list()).toBe("no");
    expect(await list("")).toBe("no");
    expect(await list("team/churn/")).toBe("no");
    expect(await list("team/churn/packs/churn/restricted/")).toBe("no");
    expect(await list("team/churn/log/commit/")).toBe("yes");
    expect(await list("team/churn/policy/")).toBe("yes");
    const key = `team/churn/packs/churn/internal/ab/${randomBytes(16).toString("hex")}`;
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "new", IfNoneMatch: "*" }));
    expect(await answer(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })))).toBe("no");
    client.destroy();
  });
});
