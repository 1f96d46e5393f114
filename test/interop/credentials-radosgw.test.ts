// Sessions at a server that enforces them: what a data scientist's session may, it refuses everything else by itself, to
// plain S3 calls that pass none of our checks.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assumeRole } from "../../src/credentials/aws-session.ts";
import type { IssuedCredential } from "../../src/index.ts";
import { type Ended, has, type Member, World } from "../acceptance/harness.ts";
import { type Issuer, newKey, startIssuer } from "../aws/issuer.ts";
import { projectInAws, ROLE_ARN } from "../aws/project.ts";
import {
  clientOf,
  environmentOf,
  NO_RADOSGW,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";

/** radosgw takes the account of an ARN for one of its tenants. */
const ACCOUNT = "111122223333";
const ROLE = "cloister-churn-data-scientist";
const OWNER = { accessKeyId: "AKIAOWNER0000000TEST", secretAccessKey: "owner-secret-key-for-tests" };
const BO = { accessKeyId: "AKIABO0000000000TEST", secretAccessKey: "bo-secret-key-for-tests" };
const AUDIENCE = "sts.amazonaws.com";

const INTERNAL = "churn/packs/churn/internal/one";
const OBJECTS = [INTERNAL, "churn/packs/churn/confidential/two", "churn/packs/other/internal/three", "elsewhere/four"];

describe.skipIf(NO_RADOSGW !== "")(`sessions at radosgw${NO_RADOSGW}`, () => {
  const world = new World();
  let rgw: Radosgw;
  let issuer: Issuer;
  let bo: Member;
  let asked: Readonly<Record<string, string>>;

  beforeAll(async () => {
    issuer = await startIssuer();
    rgw = await startRadosgw(["rgw sts min session duration = 1"]);
    await makePeople(rgw, issuer);
    const owner = clientOf(rgw.endpoint, OWNER);
    await owner.send(new CreateBucketCommand({ Bucket: "acme-ml" }));
    for (const Key of OBJECTS) await owner.send(new PutObjectCommand({ Bucket: "acme-ml", Key, Body: "content" }));
    ({ bo } = await projectInAws(world));
    asked = { AWS_ENDPOINT_URL_STS: rgw.endpoint, ...environmentOf(BO) };
  }, RADOSGW_START_MS);
  afterAll(async () => {
    await Promise.all([rgw.stop(), issuer.close()]);
  });

  async function sessionWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<S3Client> {
    const got = await bo.with({ env }, "creds", "get", "--purpose", "modelling", "--json", ...args);
    if (got.exit !== 0) throw new Error(got.err);
    const { environment } = JSON.parse(got.out) as IssuedCredential;
    return clientOf(rgw.endpoint, {
      accessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
      sessionToken: environment["AWS_SESSION_TOKEN"] ?? "",
    });
  }

  const get = (client: S3Client, Key: string) =>
    outcome(
      client.send(new GetObjectCommand({ Bucket: "acme-ml", Key })).then(({ Body }) => Body?.transformToString()),
    );
  const list = (client: S3Client, Prefix?: string) =>
    outcome(client.send(new ListObjectsV2Command({ Bucket: "acme-ml", Prefix })).then(({ KeyCount }) => KeyCount));
  const put = (client: S3Client, Key: string) =>
    outcome(client.send(new PutObjectCommand({ Bucket: "acme-ml", Key, Body: "x" })).then(() => "written"));

  it("a data scientist reads and lists what the session is good for, and nothing else", async () => {
    const session = await sessionWith(asked);
    expect(await get(session, INTERNAL)).toBe("content");
    expect(await list(session, "churn/packs/churn/internal/")).toBe(1);
    for (const Key of OBJECTS.filter((name) => name !== INTERNAL)) expect(await get(session, Key)).toBe("AccessDenied");
    expect(await list(session)).toBe("AccessDenied");
    expect(await list(session, "churn/")).toBe("AccessDenied");
    expect(await list(session, "churn/packs/churn/confidential/")).toBe("AccessDenied");
  });

  it("writes where it may push, and deletes nothing", async () => {
    const session = await sessionWith(asked);
    expect(await put(session, "churn/packs/churn/internal/new")).toBe("written");
    expect(await put(session, "churn/packs/churn/confidential/new")).toBe("AccessDenied");
    expect(await put(session, "elsewhere/new")).toBe("AccessDenied");
    const deleted = session.send(new DeleteObjectCommand({ Bucket: "acme-ml", Key: INTERNAL }));
    expect(await outcome(deleted.then(() => "deleted"))).toBe("AccessDenied");
    const readOnly = await sessionWith(asked, "--read-only");
    expect(await get(readOnly, INTERNAL)).toBe("content");
    expect(await put(readOnly, "churn/packs/churn/internal/newer")).toBe("AccessDenied");
  });

  it("is over at its end", async () => {
    const credentials = async () => BO;
    const request = { roleArn: ROLE_ARN, sessionName: "bo.short", sourceIdentity: "bo", tags: {}, policy: undefined };
    process.env["AWS_ENDPOINT_URL_STS"] = rgw.endpoint;
    const given = await assumeRole(
      { region: "us-east-1", credentials },
      { ...request, durationMs: 3000 },
      new AbortController().signal,
    );
    delete process.env["AWS_ENDPOINT_URL_STS"];
    const { accessKeyId, secretAccessKey, sessionToken = "" } = given;
    const session = clientOf(rgw.endpoint, { accessKeyId, secretAccessKey, sessionToken });
    expect(await get(session, INTERNAL)).toBe("content");
    await sleep(4000);
    expect(await get(session, INTERNAL)).toMatch(/AccessDenied|ExpiredToken|InvalidAccessKeyId/);
  });

  it.skipIf(!has("/usr/bin/aws"))("the unmodified aws program works with exec, within the same bounds", async () => {
    const run = (key: string) => {
      const aws = ["/usr/bin/aws", "--endpoint-url", rgw.endpoint, "s3", "cp", `s3://acme-ml/${key}`, "-"];
      return bo.with({ env: asked }, "creds", "exec", "--purpose", "modelling", "--", ...aws);
    };
    expect(await run(INTERNAL)).toMatchObject({ exit: 0, out: "content" });
    const refused = await run("churn/packs/churn/confidential/two");
    expect(refused).toMatchObject({ exit: 1, out: "", err: expect.stringContaining("403") });
  });

  it("an OpenID token opens a session; one for others, an old one and a forged one do not", async () => {
    const withToken = (token: string) => {
      const file = join(bo.folder, "token");
      writeFileSync(file, token);
      return sessionWith({ AWS_ENDPOINT_URL_STS: rgw.endpoint, AWS_WEB_IDENTITY_TOKEN_FILE: file }, "--min-ttl", "10h");
    };
    const session = await withToken(await issuer.token({ sub: "bo", aud: AUDIENCE }));
    expect(await get(session, INTERNAL)).toBe("content");
    expect(await get(session, "churn/packs/churn/confidential/two")).toBe("AccessDenied");
    const bad = [
      issuer.token({ sub: "bo", aud: "another.example" }),
      issuer.token({ sub: "bo", aud: AUDIENCE, lifeS: -60 }),
      issuer.token({ sub: "bo", aud: AUDIENCE }, newKey().key),
    ];
    for (const token of bad) await expect(withToken(await token)).rejects.toThrow(/NOT_AUTHENTICATED|POLICY_DENIED/);
  });
});

describe.skipIf(NO_RADOSGW !== "")(`the store in a bucket, opened in a role${NO_RADOSGW}`, () => {
  const world = new World();
  let rgw: Radosgw;
  afterAll(async () => {
    await rgw.stop();
  });

  it("lets the program do what the role may, by sessions that it keeps, and no more", {
    timeout: RADOSGW_START_MS,
  }, async () => {
    const issuer = await startIssuer();
    rgw = await startRadosgw();
    await makePeople(rgw, issuer);
    await issuer.close();
    const owner = { ...environmentOf(OWNER), AWS_ENDPOINT_URL_STS: rgw.endpoint };
    const asBo = { ...environmentOf(BO), AWS_ENDPOINT_URL_STS: rgw.endpoint };
    await clientOf(rgw.endpoint, OWNER).send(new CreateBucketCommand({ Bucket: "acme-ml" }));
    const store = ["--store", "s3://acme-ml/churn", "--endpoint", rgw.endpoint];
    const { ana, bo } = await projectInAws(world, { store, env: owner });
    // Bo's own keys may do nothing in the bucket.
    expect((await bo.with({ env: asBo }, "list")).exit).not.toBe(0);
    await done(bo.with({ env: owner }, "creds", "use", "--purpose", "modelling"));
    expect((await bo.with({ env: asBo }, "list")).exit).toBe(0);
    ana.files("data", { "rows.csv": "a,b\n" });
    await done(ana.with({ env: owner }, "push", "data", "--name", "rows", "--class", "internal"));
    const args = ["--purpose", "modelling", "-o", "out"];
    expect((await bo.with({ env: asBo }, "pull", "rows", ...args)).exit).toBe(0);
    expect(JSON.parse((await bo.with({ env: asBo }, "creds", "list", "--json")).out).credentials).toMatchObject([
      { role: "data-scientist", audience: "the store" },
    ]);
    // Where the role is taken away at the server, the program can do nothing about it.
    await bo.with({ env: asBo }, "lock");
    await rgw.admin("role", "modify", "--tenant", ACCOUNT, "--role-name", ROLE, "--assume-role-policy-doc", NOBODY);
    const refused = await bo.with({ env: asBo }, "list");
    expect([refused.exit, refused.err]).toEqual([3, expect.stringContaining("does not let you take the role")]);
    await done(bo.with({ env: asBo }, "creds", "use", "--off"));
  });
});

const NOBODY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { AWS: [`arn:aws:iam::${ACCOUNT}:user/nobody`] }, Action: ["sts:AssumeRole"] },
  ],
});

async function done(ending: Promise<Ended>): Promise<void> {
  const ended = await ending;
  if (ended.exit !== 0) throw new Error(ended.out + ended.err);
}

/** The owner of the bucket, Bo, and the role that Bo may take. */
async function makePeople(rgw: Radosgw, issuer: Issuer): Promise<void> {
  const user = (id: string, keys: typeof BO, ...more: readonly string[]) => {
    const named = ["--tenant", ACCOUNT, "--uid", id, "--display-name", id];
    const access = ["--access-key", keys.accessKeyId, "--secret", keys.secretAccessKey];
    return rgw.admin("user", "create", ...named, ...access, ...more);
  };
  await user("owner", OWNER, "--caps", "roles=*;user-policy=*;oidc-provider=*");
  await user("bo", BO);
  await makeRole(rgw, issuer);
}

async function makeRole(rgw: Radosgw, issuer: Issuer): Promise<void> {
  const host = issuer.url.replace("http://", "");
  const provider = `arn:aws:iam::${ACCOUNT}:oidc-provider/${host}`;
  await iam(rgw, "CreateOpenIDConnectProvider", {
    Url: issuer.url,
    "ClientIDList.member.1": AUDIENCE,
    "ThumbprintList.member.1": issuer.thumbprint,
  });
  const trust = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { AWS: [`arn:aws:iam::${ACCOUNT}:user/bo`] }, Action: ["sts:AssumeRole"] },
      { Effect: "Allow", Principal: { Federated: [provider] }, Action: ["sts:AssumeRoleWithWebIdentity"] },
    ],
  };
  const all = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::*" }] };
  const named = ["--tenant", ACCOUNT, "--role-name", ROLE];
  await rgw.admin("role", "create", ...named, "--assume-role-policy-doc", JSON.stringify(trust));
  await rgw.admin("role-policy", "put", ...named, "--policy-name", "all", "--policy-doc", JSON.stringify(all));
}

/** A call of IAM by its owner; curl signs it. */
async function iam({ endpoint }: Radosgw, Action: string, form: Readonly<Record<string, string>>): Promise<void> {
  const fields = Object.entries({ Action, Version: "2010-05-08", ...form });
  const data = fields.flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]);
  const signed = ["--aws-sigv4", "aws:amz:us-east-1:iam", "--user", `${OWNER.accessKeyId}:${OWNER.secretAccessKey}`];
  await promisify(execFile)("curl", ["--silent", "--show-error", "--fail-with-body", ...signed, ...data, endpoint]);
}

/** What a call gives, or the name of its refusal. */
function outcome<T>(call: Promise<T>): Promise<T | string> {
  return call.catch((error: unknown) => (error instanceof Error ? error.name : String(error)));
}
