// A governed project in a bucket, each member in a session of their role as `policy export aws` has it: what people consent to,
// release, state, sign and destroy goes through, and the server refuses the rest.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportAws } from "../../src/policy/aws/export.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { type Member, World } from "../acceptance/harness.ts";
import {
  ADMIN,
  clientOf,
  environmentOf,
  NO_RADOSGW,
  newBucket,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";
import { makeRoleWith, sessionOf } from "./radosgw/role.ts";

const POLICY = `roles:
  security-officer:
    can: [policy.change, member.add, member.review, audit.read, key.rotate, request.approve, break-glass.invoke]
    up-to: restricted
  data-owner:
    can: [artifact.pull, artifact.attest, artifact.retire, artifact.restore, request.approve, audit.read, store.copy]
    up-to: restricted
  data-scientist:
    can: [artifact.push, artifact.pull, artifact.promote, request.create]
    up-to: restricted
  auditor:
    can: [audit.read]
    up-to: public

evidence:
  tests-passed: { by: [data-owner] }
gates:
  dev -> production: { evidence: [tests-passed] }

rules:
  restricted-needs-grant:
    on: [artifact.pull]
    from: restricted
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h }, release: keys }

break-glass: { can: [artifact.pull], with: escrow, escrow: [eva], max: 1h, review-within: 24h, notify: [omar, dee] }

`;

const ROLES = {
  ana: "security-officer",
  omar: "data-owner",
  bo: "data-scientist",
  dee: "data-scientist",
  eva: "auditor",
};
type Person = keyof typeof ROLES;

const world = new World();

describe.skipIf(NO_RADOSGW !== "")(`a governed project at radosgw${NO_RADOSGW}`, () => {
  let server: Radosgw;
  let bucket: string;
  let admin: S3Client;
  let people: Record<Person, Member>;
  /** Filed by whoever may write to the bucket besides the roles: an administrator. */
  let request: string;

  beforeAll(async () => {
    server = await startRadosgw();
    bucket = await newBucket(server, ADMIN);
    admin = clientOf(server.endpoint, ADMIN);
    const store = `s3://${bucket}/team/churn`;
    const at = ["--endpoint", server.endpoint, "--region", "us-east-1"];
    const member = (id: Person) => world.member(id, environmentOf(ADMIN));
    people = { ana: member("ana"), omar: member("omar"), bo: member("bo"), dee: member("dee"), eva: member("eva") };
    const { ana, ...others } = people;
    const answers = [
      "--project",
      "churn",
      "--domain",
      "churn",
      "--purpose",
      "modelling",
      "--as",
      "ana",
      "--name",
      "Ana",
    ];
    await ana.ok(
      "init",
      "--template",
      "aws",
      "--account",
      "111122223333",
      "--store",
      store,
      ...at,
      ...answers,
      "--yes",
    );
    for (const other of Object.values(others)) {
      const { line } = await other.json<{ line: string }>("join", store, ...at, "--as", other.id, "--name", other.id);
      await ana.ok("member", "add", line, "--role", "data-scientist", "--yes");
    }
    const eve = world.member("eve", environmentOf(ADMIN));
    ({ request } = await eve.json<{ request: string }>("join", store, ...at, "--as", "eve", "--name", "Eve"));
    const file = join(ana.folder, "cloister.policy.yaml");
    const text = Object.entries(ROLES).reduce(
      (done, [id, role]) => done.replace(new RegExp(`^( {2}${id}:.*roles: )\\[[^\\]]*\\]`, "m"), `$1[${role}]`),
      readFileSync(file, "utf8")
        .replace("internal, confidential]", "internal, confidential, restricted]")
        .replace("members: [ana]", "members: [ana, omar]"),
    );
    writeFileSync(file, text.replace(/^roles:[\s\S]*?(?=^aws:)/m, POLICY));
    await ana.ok("policy", "propose", "--yes", "--why", "two people release restricted data");
    const { policy, problems } = readPolicy(readFileSync(file), { now: Date.now() });
    if (!policy) throw new Error(JSON.stringify(problems));
    for (const { role, permissions } of exportAws(policy).roles) {
      // Of what is missing radosgw says 404 where the role could list, and does not tell the role's policy the prefix then.
      const lists = { Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${bucket}` };
      await makeRoleWith(server, role.id, { ...permissions, Statement: [...permissions.Statement, lists] });
    }
  }, RADOSGW_START_MS);
  afterAll(async () => {
    admin?.destroy();
    await server?.stop();
  });

  /** Runs `cloister` in a session of the member's role, and with no other credentials. */
  async function as(id: Person, ...args: readonly string[]) {
    const keys = await sessionOf(server, undefined, ROLES[id]);
    const env = { ...environmentOf(keys), AWS_SESSION_TOKEN: keys.sessionToken };
    return people[id].with({ env }, ...args);
  }

  async function ok(id: Person, ...args: readonly string[]): Promise<string> {
    const { exit, out, err } = await as(id, ...args);
    expect({ args, exit, err: exit === 0 ? "" : err }).toEqual({ args, exit: 0, err: "" });
    return out;
  }

  async function json<T>(id: Person, ...args: readonly string[]): Promise<T> {
    return JSON.parse(await ok(id, ...args, "--json")) as T;
  }

  async function namesBelow(prefix: string): Promise<readonly string[]> {
    const { Contents = [] } = await admin.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: `team/churn/${prefix}` }),
    );
    return Contents.map(({ Key = "" }) => Key.slice("team/churn/".length));
  }

  it("releases a key by two people, and not by one", async () => {
    people.dee.files("cohort", { "rows.csv": "a,b\n1,2\n" });
    await ok("dee", "push", "cohort", "--name", "cohort:1", "--class", "restricted", "--kind", "report");
    const pull = ["pull", "cohort:1", "-o", "out", "--purpose", "modelling"];
    expect((await as("bo", ...pull)).exit).toBe(3);
    const asked = await json<{ id: string }>(
      "bo",
      ...["request", "create", "access", "cohort:1", "--purpose", "modelling", "--why", "model for Q3"],
    );
    await ok("omar", "request", "approve", asked.id, "--yes");
    expect((await as("bo", ...pull)).exit).toBe(5);
    await ok("ana", "request", "show", asked.id);
    await ok("ana", "request", "approve", asked.id, "--yes");
    await ok("bo", ...pull);
    expect(readFileSync(join(people.bo.folder, "out/rows.csv"), "utf8")).toBe("a,b\n1,2\n");
  }, 180_000);

  it("opens in an emergency with somebody in escrow", async () => {
    const { id } = await json<{ id: string }>("ana", "break-glass", "invoke", "churn/cohort:1", "--why", "INC-204");
    const pull = ["pull", "churn/cohort:1", "-o", "glass", "--purpose", "modelling"];
    expect((await as("ana", ...pull)).exit).not.toBe(0);
    await ok("eva", "break-glass", "approve", id, "--yes");
    await ok("ana", ...pull);
  }, 180_000);

  it("states, promotes and tags", async () => {
    people.dee.files("risk", { "model.txt": "weights\n" });
    await ok("dee", "push", "risk", "--name", "risk:1.0", "--class", "internal", "--kind", "report");
    expect((await as("dee", "artifact", "promote", "risk:1.0", "--to", "production")).exit).not.toBe(0);
    people.omar.files("found", { "junit.xml": "<testsuite/>\n" });
    await ok("omar", "artifact", "attest", "risk:1.0", "found/junit.xml", "--type", "tests-passed", "--result", "pass");
    await ok("dee", "artifact", "promote", "risk:1.0", "--to", "production");
    await ok("dee", "artifact", "tag", "risk:1.0", "champion");
    await ok("bo", "verify", "risk:production");
    expect(await ok("bo", "show", "risk:champion")).toContain("tests-passed");
  }, 180_000);

  it("signs the next policy together, and takes a signature back", async () => {
    const file = join(people.ana.folder, "cloister.policy.yaml");
    const inForce = readFileSync(file, "utf8");
    const next = inForce.replace("threshold: 1", "threshold: 2");
    writeFileSync(file, next);
    const proposed = await as("ana", "policy", "propose", "--yes", "--why", "nobody alone", "--json");
    expect(proposed.exit).toBe(5);
    const [folder = ""] = await namesBelow("proposals/");
    const digest = /-([0-9a-f]{64})\//.exec(folder)?.[1]?.slice(0, 12) ?? "";
    await ok("ana", "policy", "withdraw", digest);
    expect(await namesBelow("proposals/")).toEqual([]);
    await as("ana", "policy", "propose", "--yes", "--why", "nobody alone");
    await as("omar", "policy", "sign", digest, "--yes");
    await as("ana", "policy", "sign", digest, "--yes");
    expect(await ok("bo", "policy", "show")).toContain("changes need the signatures of ana and omar");
  }, 180_000);

  it("destroys the keys of a version, and what was released of them", async () => {
    expect(await namesBelow("releases/")).not.toEqual([]);
    await ok("omar", "artifact", "retire", "cohort:1", "--why", "erasure request 2026-31");
    await ok("omar", "artifact", "shred-keys", "cohort:1", "--why", "erasure request 2026-31", "--yes");
    expect(await namesBelow("releases/")).toEqual([]);
    expect(await namesBelow("wraps/churn/restricted/")).toEqual([]);
    expect((await as("bo", "pull", "cohort:1", "-o", "gone", "--purpose", "modelling")).exit).toBe(7);
  }, 180_000);

  it("answers those who ask to join", async () => {
    expect(await ok("ana", "request", "list")).toContain(request);
    await ok("ana", "request", "deny", request);
    expect(await namesBelow(`joins/${request.slice(2)}`)).toEqual([]);
  }, 120_000);

  it("is refused the rest by the server", async () => {
    const [statement = ""] = await namesBelow("statements/");
    const [log = ""] = await namesBelow("log/commit/");
    const [join_ = "joins/x"] = await namesBelow("joins/");
    const [wrap = ""] = await namesBelow("wraps/churn/internal/");
    const [request = ""] = await namesBelow("requests/");
    const cases: readonly (readonly [Person, "get" | "put" | "delete", string])[] = [
      ["bo", "delete", wrap],
      ["bo", "delete", request],
      ["bo", "put", "releases/x/half-data-owner/y"],
      ["bo", "put", "statements/churn/internal/x/y"],
      ["bo", "put", "joins/x"],
      ["bo", "get", join_],
      ["ana", "delete", wrap],
      ["eva", "get", statement],
      ["eva", "put", "requests/x"],
      ["omar", "delete", statement],
      ["omar", "delete", log],
    ];
    for (const [id, verb, name] of cases) {
      const client = clientOf(server.endpoint, await sessionOf(server, undefined, ROLES[id]));
      const object = { Bucket: bucket, Key: `team/churn/${name}` };
      const command = {
        get: () => client.send(new GetObjectCommand(object)),
        put: () => client.send(new PutObjectCommand({ ...object, Body: "x", IfNoneMatch: "*" })),
        delete: () => client.send(new DeleteObjectCommand(object)),
      }[verb];
      const status = await command().then(
        () => 200,
        (error: { readonly $metadata?: { readonly httpStatusCode?: number } }) => error.$metadata?.httpStatusCode,
      );
      expect({ id, verb, name, status }).toEqual({ id, verb, name, status: 403 });
      client.destroy();
    }
  }, 120_000);
});
