// A project in a bucket, worked on with nothing but sessions that the project's own policy narrows: the real program against
// a server that enforces session policies.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Joined } from "../../src/index.ts";
import { documentOf } from "../../src/policy/aws/document.ts";
import { peoplePolicy } from "../../src/policy/aws/people.ts";
import { type SessionPolicyOptions, sessionPolicy } from "../../src/policy/aws/session-policy.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { type Member, World } from "../acceptance/harness.ts";
import {
  ADMIN,
  environmentOf,
  NO_RADOSGW,
  newBucket,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";
import { makeRole, sessionOf } from "./radosgw/role.ts";

const world = new World();

describe.skipIf(NO_RADOSGW !== "")(`a project at radosgw${NO_RADOSGW}`, () => {
  let server: Radosgw;
  let ana: Member;
  let bo: Member;

  beforeAll(async () => {
    server = await startRadosgw();
    await makeRole(server);
    const store = `s3://${await newBucket(server, ADMIN)}/team/churn`;
    ana = world.member("ana", environmentOf(ADMIN));
    bo = world.member("bo", environmentOf(ADMIN));
    const at = ["--endpoint", server.endpoint, "--region", "us-east-1"];
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
    const { line } = await bo.json<Joined>("join", store, ...at, "--as", "bo", "--name", "Bo");
    const added = await asSession(ana, {}, "member", "add", line, "--role", "data-scientist", "--yes");
    expect(added).toMatchObject({ exit: 0 });
    bo.files("data", { "rows.csv": "a,b\n1,2\n" });
  }, RADOSGW_START_MS);
  afterAll(() => server?.stop());

  /** Runs `cloister` with a session of the member's, and no other credentials. */
  async function asSession(member: Member, options: Partial<SessionPolicyOptions>, ...args: readonly string[]) {
    const now = Date.now();
    const { policy } = readPolicy(readFileSync(join(ana.folder, "cloister.policy.yaml")), { now });
    if (!policy) throw new Error("the policy cannot be read");
    const keys = await sessionOf(server, sessionPolicy(policy, { member: member.id, now, ...options }).text);
    return member.with({ env: { ...environmentOf(keys), AWS_SESSION_TOKEN: keys.sessionToken } }, ...args);
  }

  it("is pushed to, listed, pulled from and checked with no more than the session policy", async () => {
    const pushed = await asSession(bo, {}, "push", "data", "--name", "rows", "--class", "internal", "--json");
    expect(pushed).toMatchObject({ exit: 0 });
    // The second push looks for what the first one stored.
    bo.files("data", { "more.csv": "c\n" });
    expect(await asSession(bo, {}, "push", "data", "--name", "rows", "--class", "internal")).toMatchObject({ exit: 0 });
    const listed = await asSession(bo, {}, "list", "--json");
    expect(JSON.parse(listed.out)).toMatchObject({ versions: [{ number: 1 }, { number: 2 }] });
    const pulled = await asSession(bo, {}, "pull", "rows:v2", "-o", "out", "--purpose", "modelling");
    expect(pulled).toMatchObject({ exit: 0 });
    expect(readFileSync(join(bo.folder, "out/rows.csv"), "utf8")).toBe("a,b\n1,2\n");
    expect(await asSession(bo, {}, "verify", "rows:v1")).toMatchObject({ exit: 0 });
    expect(await asSession(bo, {}, "status")).toMatchObject({ exit: 0 });
    expect(await asSession(ana, {}, "audit", "verify")).toMatchObject({ exit: 0 });
  }, 120_000);

  it("is joined with what everybody is given, and with no role", async () => {
    const { policy } = readPolicy(readFileSync(join(ana.folder, "cloister.policy.yaml")), { now: Date.now() });
    if (!policy) throw new Error("the policy cannot be read");
    // radosgw knows no sts:SetSourceIdentity.
    const joining = peoplePolicy(policy, []).Statement.filter(({ Sid }) => Sid !== "Assume");
    const keys = await sessionOf(server, JSON.stringify(documentOf(joining)));
    const env = { ...environmentOf(keys), AWS_SESSION_TOKEN: keys.sessionToken };
    const { bucket = "", prefix = "" } = policy.aws ?? {};
    const at = ["--endpoint", server.endpoint, "--region", "us-east-1"];
    const eve = world.member("eve");
    const args = ["join", `s3://${bucket}/${prefix}`, ...at, "--as", "eve", "--name", "Eve"];
    const joined = await eve.with({ env }, ...args);
    expect(joined).toMatchObject({ exit: 0, out: expect.stringContaining("cloister") });
    // Nothing is filed there by whoever is in no role, and the line does as well.
    expect(joined.err).toMatch(/could not be filed .*: hand over the line/);
  }, 60_000);

  it("is refused by the server what the session leaves out, whatever the program would do", async () => {
    const above = await asSession(bo, { upTo: "public" }, "push", "data", "--name", "other", "--class", "internal");
    expect(above.exit).toBe(1);
    expect(above.err).toMatch(/AccessDenied.*s3:PutObject/);
    const unlogged = await asSession(bo, { readOnly: true }, "pull", "rows:v1", "-o", "gone", "--purpose", "modelling");
    expect(unlogged.exit).toBe(1);
    expect(unlogged.err).toContain("log/commit/");
  }, 60_000);
});
