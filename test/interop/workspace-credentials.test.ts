// Credentials in a workspace: unmodified SDKs find an endpoint on the loopback of a sandbox that has no network.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CredentialListing } from "../../src/index.ts";
import { HAS_SANDBOX, has, type Member, World } from "../acceptance/harness.ts";
import { changePolicy, projectInAws } from "../aws/project.ts";
import { type LoopbackSts, startSts } from "../aws/sts.ts";
import { copyPackage } from "../sandbox/compiled.ts";

const title = HAS_SANDBOX ? "credentials in a workspace" : "credentials in a workspace (skipped: no bubblewrap here)";
const use = ["--purpose", "modelling", "--ttl", "5m"];
/** The chain of providers that every client of the SDK asks. */
const SDK = "@aws-sdk/credential-provider-node";
const PRINT = `require("${SDK}").defaultProvider()().then(({ accessKeyId }) => console.log(accessKeyId))`;
/** Asks the endpoint twice a second, until it gives nothing: says whether what it gave was still good. */
const WATCH = `
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: authorization } = process.env;
  const ask = async () => {
    const answer = await fetch(url, { headers: { authorization } });
    const { code, Expiration } = await answer.json();
    console.log(answer.status, code ?? (Date.parse(Expiration) > Date.now() ? "living" : "over"));
    if (answer.ok) setTimeout(ask, 500);
  };
  ask();`;

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let bo: Member;
  let sts: LoopbackSts;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    ({ ana, bo } = await projectInAws(world));
    sts = await startSts();
    env = { AWS_ENDPOINT_URL_STS: sts.url, AWS_ACCESS_KEY_ID: "AKIAOWN", AWS_SECRET_ACCESS_KEY: "own-secret" };
    ana.files("data", { "rows.csv": "a,b\n" });
    await ana.ok("push", "data", "--name", "open", "--class", "public");
    copyPackage(SDK, bo.files("code", { "print.js": PRINT }));
    await bo.ok("ws", "create", "w1", "--input", "open", "--code", "code", ...use);
  });
  afterAll(async () => {
    await bo.cli("ws", "destroy", "w1", "--yes");
    await sts.close();
  });

  const run = (...command: readonly string[]) => bo.with({ env }, "run", "w1", "--creds", "aws", "--", ...command);

  it("come from an endpoint on its loopback: no key is in its environment", async () => {
    const shown = await run("env");
    expect(shown.out).toMatch(/AWS_CONTAINER_CREDENTIALS_FULL_URI=http:\/\/127\.0\.0\.1:\d+\/credentials/);
    for (const secret of ["AKIAOWN", "own-secret", "ASIA"]) expect(shown.out).not.toContain(secret);
  });

  it("are read-only, for its domain, up to its label, and logged as the workspace's", async () => {
    await run("true");
    const policy = sts.requests.at(-1)?.["Policy"] ?? "";
    expect(policy).toContain("churn/?????/churn/public/*");
    expect(policy).not.toContain("churn/internal");
    expect(policy).not.toContain("Put");
    const { credentials } = await bo.json<CredentialListing>("creds", "list");
    expect(credentials).toMatchObject([{ places: ["churn/public"], readOnly: true, purpose: "modelling" }]);
    expect((await ana.ok("audit", "list", "--action", "creds.issue")).out).toContain("done\tchurn/public");
  });

  it.skipIf(!has("/usr/bin/aws"))("serve the unmodified aws program", async () => {
    const { out } = await run("/usr/bin/aws", "configure", "export-credentials");
    expect(JSON.parse(out)).toMatchObject({ Version: 1, AccessKeyId: expect.stringMatching(/^ASIA/) });
  });

  it("serve the unmodified SDK for JavaScript", async () => {
    expect((await run("node", "print.js")).out).toMatch(/^ASIA[0-9A-F]{16}\n$/);
    // Without the endpoint it finds nothing else.
    const without = await bo.with({ env }, "run", "w1", "--", "node", "print.js");
    expect([without.exit, without.out]).toEqual([1, ""]);
  });

  it("are over with the command, and denied where the policy denies them", async () => {
    const before = await bo.with({ env }, "run", "w1", "--", "env");
    expect(before.out).not.toContain("AWS_");
    const token = await bo.with(
      { env },
      "run",
      "w1",
      "--creds",
      "token",
      "--",
      "sh",
      "-c",
      'printf %s "$CLOISTER_TOKEN"',
    );
    const claims = JSON.parse(Buffer.from(token.out.split(".")[1] ?? "", "base64url").toString("utf8"));
    expect(claims).toMatchObject({ sub: "bo", readOnly: true, domain: "churn", purpose: "modelling" });
    expect(claims.workspace).toMatch(/^[0-9a-f]{32}$/);
    await changePolicy(ana, (text) =>
      text.replace(
        "from: confidential\n    refuse: Confidential data has no sessions.",
        "refuse: Nothing has sessions.",
      ),
    );
    const refused = await bo.with({ env }, "run", "w1", "--creds", "aws", "--", "echo", "ran");
    expect([refused.exit, refused.out]).toEqual([125, ""]);
    expect(refused.err).toContain("no-confidential-sessions");
  });

  it("end: past the end of a session the command has none, once the policy gives no other", async () => {
    await changePolicy(ana, (text) =>
      text.replace(
        "refuse: Nothing has sessions.",
        "from: confidential\n    refuse: Confidential data has no sessions.",
      ),
    );
    await bo.ok("creds", "revoke");
    sts.lifeMs = 6000;
    const running = bo.start(["run", "w1", "--creds", "aws", "--", "node", "-e", WATCH], { env });
    await new Promise((resolve) => running.child.stdout?.once("data", resolve));
    await changePolicy(ana, (text) =>
      text.replace("from: confidential\n    refuse: Confidential data has no sessions.", "refuse: No more sessions."),
    );
    const asked = sts.requests.length;
    const { out, exit } = await running.ended;
    sts.lifeMs = undefined;
    const lines = out.trim().split("\n");
    expect([exit, lines.at(-1)]).toEqual([0, "403 POLICY_DENIED"]);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^200 living$/);
    // A refresh that was under way when the policy changed; none after it.
    expect(sts.requests.length - asked).toBeLessThanOrEqual(1);
  });
});
