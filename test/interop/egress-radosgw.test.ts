// Credentials and network together: unmodified AWS programs in a workspace get a session from the endpoint on its loopback
// and reach a real object store through the network list, that store and nothing else, and there what the session may.
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkspaceDetail } from "../../src/index.ts";
import { HAS_SANDBOX, has, type Member, World } from "../acceptance/harness.ts";
import { NO_NAMES, withNames } from "../acceptance/named-hosts.ts";
import { changePolicy, projectInAws } from "../aws/project.ts";
import { copyPackage } from "../sandbox/compiled.ts";
import { LOOPBACK } from "../sandbox/egress/rig.ts";
import {
  clientOf,
  environmentOf,
  NO_RADOSGW,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";

/** radosgw takes the account of an ARN for one of its tenants. */
const TENANT = "111122223333";
const ROLE = "cloister-churn-data-scientist";
const OWNER = { accessKeyId: "AKIAOWNER0000000TEST", secretAccessKey: "owner-secret-key-for-tests" };
const BO = { accessKeyId: "AKIABO0000000000TEST", secretAccessKey: "bo-secret-key-for-tests" };
const NAMES = { "store.test": "127.0.0.1", "other.test": "127.0.0.1" };
const reason = NO_RADOSGW || (HAS_SANDBOX ? NO_NAMES : " (skipped: no bubblewrap here)");

/** Reads each key at the endpoint by the plain SDK, which knows no proxy. */
const READ = `
const { GetObjectCommand, S3Client } = require("@aws-sdk/client-s3");
const [endpoint, ...keys] = process.argv.slice(2);
const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, maxAttempts: 1 });
(async () => {
  for (const Key of keys) {
    const got = client.send(new GetObjectCommand({ Bucket: "acme-ml", Key })).then(({ Body }) => Body.transformToString());
    console.log(await got.catch((error) => error.code ?? error.name));
  }
})();`;
const OPEN = "churn/packs/churn/public/one";
const CLOSED = "churn/packs/churn/confidential/two";

describe.skipIf(reason !== "")(`AWS programs in a workspace, at radosgw${reason}`, () => {
  const world = new World();
  let rgw: Radosgw;
  let bo: Member;
  let port: string;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    rgw = await startRadosgw();
    await makePeople(rgw);
    ({ port } = new URL(rgw.endpoint));
    const owner = clientOf(rgw.endpoint, OWNER);
    await owner.send(new CreateBucketCommand({ Bucket: "acme-ml" }));
    for (const Key of [OPEN, CLOSED])
      await owner.send(new PutObjectCommand({ Bucket: "acme-ml", Key, Body: "content" }));
    const project = await projectInAws(world);
    bo = project.bo;
    env = { AWS_ENDPOINT_URL_STS: rgw.endpoint, ...environmentOf(BO) };
    await changePolicy(project.ana, (text) =>
      text.replaceAll("network: []", `network: ["store.test:${port}"], private-networks: [${LOOPBACK}]`),
    );
    copyPackage("@aws-sdk/client-s3", bo.files("code", { "read.js": READ }));
    const use = ["--purpose", "modelling", "--ttl", "10m", "--code", "code", "--network", `store.test:${port}`];
    await bo.ok("ws", "create", "w1", ...use);
  }, RADOSGW_START_MS);
  afterAll(async () => {
    await bo.cli("ws", "destroy", "w1", "--yes");
    await rgw.stop();
  });

  const run = (...args: readonly string[]) => withNames(bo, NAMES, ["run", "w1", ...args], { env });

  it("the SDK for JavaScript reads what its session may, and reaches no other host", { timeout: 120_000 }, async () => {
    const read = ["node", "read.js"];
    const ended = await run("--creds", "aws", "--", ...read, `http://store.test:${port}`, OPEN, CLOSED);
    expect(ended, ended.err).toMatchObject({ exit: 0, out: "content\nAccessDenied\n" });
    expect((await run("--creds", "aws", "--", ...read, `http://other.test:${port}`, OPEN)).out).toBe("EAI_AGAIN\n");
    expect((await run("--creds", "aws", "--", ...read, rgw.endpoint, OPEN)).out).toBe("ECONNREFUSED\n");
    expect((await run("--", ...read, `http://store.test:${port}`, OPEN)).out).toBe("CredentialsProviderError\n");
    const { runs } = await bo.json<WorkspaceDetail>("ws", "show", "w1");
    expect(runs[0]?.network?.decisions).toMatchObject([{ host: "store.test", allowed: true }]);
  });

  it.skipIf(!has("/usr/bin/aws"))("so does the aws program, through the proxy", { timeout: 120_000 }, async () => {
    const cp = (host: string, key: string) => {
      const command = ["s3", "cp", `s3://acme-ml/${key}`, "-"];
      return run("--creds", "aws", "--", "/usr/bin/aws", "--endpoint-url", `http://${host}:${port}`, ...command);
    };
    const ended = await cp("store.test", OPEN);
    expect(ended, ended.err).toMatchObject({ exit: 0, out: "content" });
    expect(await cp("store.test", CLOSED)).toMatchObject({ exit: 1, err: expect.stringContaining("403") });
    expect((await cp("other.test", OPEN)).exit).not.toBe(0);
    expect((await bo.ok("ws", "show", "w1", "--network")).out).toContain(`other.test:${port}\trefused`);
  });
});

/** The owner of the bucket, Bo, and the role that Bo may take, which may do everything. */
async function makePeople(rgw: Radosgw): Promise<void> {
  for (const [id, { accessKeyId, secretAccessKey }] of Object.entries({ owner: OWNER, bo: BO })) {
    const named = ["--tenant", TENANT, "--uid", id, "--display-name", id];
    await rgw.admin("user", "create", ...named, "--access-key", accessKeyId, "--secret", secretAccessKey);
  }
  const document = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const bo = { AWS: [`arn:aws:iam::${TENANT}:user/bo`] };
  const trust = document({ Effect: "Allow", Principal: bo, Action: ["sts:AssumeRole"] });
  const all = document({ Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::*" });
  const named = ["--tenant", TENANT, "--role-name", ROLE];
  await rgw.admin("role", "create", ...named, "--assume-role-policy-doc", trust);
  await rgw.admin("role-policy", "put", ...named, "--policy-name", "all", "--policy-doc", all);
}
