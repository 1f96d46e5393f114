// Credentials as people and their tools get them: the real program, the real SDK in it, and a loopback STS.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CredentialExplained, CredentialListing, IssuedCredential, KeySet } from "../../src/index.ts";
import { changePolicy, projectInAws, ROLE_ARN } from "../aws/project.ts";
import { type LoopbackSts, startSts } from "../aws/sts.ts";
import { filesBelow, holders, type Member, start, until, World } from "./harness.ts";
import { Terminal } from "./terminal.ts";

const purpose = ["--purpose", "modelling"];

/** A profile `base` with keys of its own, and what else its section says. */
function profileOf(member: Member, more = ""): Readonly<Record<string, string>> {
  const keys = "[base]\naws_access_key_id = AKIAOWN\naws_secret_access_key = own-secret\n";
  const folder = member.files("aws", { config: `[profile base]\nregion = eu-west-1\n${more}`, keys });
  const [config, credentials] = [join(folder, "config"), join(folder, "keys")];
  return { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_PROFILE: "base" };
}

describe("credentials", () => {
  const world = new World();
  let ana: Member;
  let bo: Member;
  let sts: LoopbackSts;
  let aws: Readonly<Record<string, string>>;

  beforeAll(async () => {
    ({ ana, bo } = await projectInAws(world));
    sts = await startSts();
    aws = { AWS_ENDPOINT_URL_STS: sts.url, AWS_ACCESS_KEY_ID: "AKIAOWN", AWS_SECRET_ACCESS_KEY: "own-secret" };
  });
  afterAll(async () => {
    await sts.close();
  });
  beforeEach(async () => {
    await bo.ok("creds", "revoke");
    sts.requests.length = 0;
  });

  const issue = (...args: readonly string[]) => bo.with({ env: aws }, "creds", ...args, ...purpose);

  it("are refused to whom no role issues them, without a purpose, and for too long; each refusal is logged", async () => {
    const nobody = await ana.fails("creds", "get");
    expect(nobody).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(nobody.refusals.map(({ rule }) => rule)).toContain("role");
    const unsaid = await bo.fails("creds", "get", "--provider", "token");
    expect(unsaid).toMatchObject({ exit: 3, logEntry: expect.any(Number) });
    expect(unsaid.refusals.map(({ next }) => next).join()).toContain("--purpose modelling");
    const long = await bo.fails("creds", "get", "--provider", "token", ...purpose, "--ttl", "2h");
    expect(long).toMatchObject({ exit: 3, why: expect.stringContaining("1 h") });
    const short = await bo.fails("creds", "get", "--provider", "aws", ...purpose, "--ttl", "5m");
    expect(short).toMatchObject({ exit: 2, why: expect.stringContaining("15 min") });
    expect(sts.requests).toEqual([]);
  });

  it("the store is opened in a role only with the purpose that the role in AWS wants to know", async () => {
    const unsaid = await bo.fails("creds", "use");
    const next = "cloister creds use --role data-scientist --purpose modelling";
    expect(unsaid).toMatchObject({ exit: 2, code: "USAGE", next });
    expect(await bo.json("creds", "use", ...purpose)).toMatchObject({
      own: { role: "data-scientist", purpose: "modelling" },
    });
    await bo.ok("creds", "use", "--off");
  });

  it("tokens are signed for one audience and verified with the key set alone", async () => {
    const args = ["creds", "get", "--provider", "token", "--audience", "models.example", ...purpose];
    const token = (await bo.ok(...args)).out.trim();
    const set = JSON.parse((await ana.ok("creds", "jwks")).out);
    const expected = { audience: "models.example", algorithms: ["ES256"] };
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), expected);
    expect(payload).toMatchObject({ sub: "bo", role: "data-scientist", purpose: "modelling" });
    // Not for confidential data, which the role reaches and a rule refuses.
    const places = ["churn/public", "churn/internal"];
    expect(payload["places"]).toEqual(places);
    const key = (set as KeySet).keys.find(({ kid }) => kid === protectedHeader.kid);
    expect(key?.cloister).toMatchObject({ sub: "bo", roles: [{ role: "data-scientist", places }] });
    const kept = await bo.json<IssuedCredential>(...args);
    expect(kept).toMatchObject({
      schema: "cloister/credential@1",
      reused: true,
      id: payload.jti,
      kept: "kernel keyring",
    });
    const rows = (await ana.ok("audit", "list", "--action", "creds.issue", "--last", "2")).out;
    expect(rows).toMatch(/bo\tcreds\.issue\tintent\tchurn\/internal[\s\S]*bo\tcreds\.issue\tdone/);
  });

  it("AWS is asked for the role with a session policy that covers what was allowed, and with who asks", async () => {
    const got = JSON.parse((await issue("get", "--json", "--ttl", "15m")).out) as IssuedCredential;
    expect(got.places).toEqual(["churn/public", "churn/internal"]);
    const [request = {}] = sts.requests;
    expect(request).toMatchObject({
      Action: "AssumeRole",
      RoleArn: ROLE_ARN,
      DurationSeconds: "900",
      SourceIdentity: "bo",
    });
    expect(request["RoleSessionName"]).toBe(`bo.${got.id}`);
    const tags = [1, 2, 3, 4].map((at) => request[`Tags.member.${String(at)}.Key`]);
    expect(tags).toEqual(["project", "role", "policy", "purpose"]);
    const policy = request["Policy"] ?? "";
    expect(policy.length).toBeLessThan(2048);
    expect(policy).toContain("arn:aws:s3:::acme-ml/churn/?????/churn/internal/*");
    expect(policy).not.toContain("churn/confidential");
    expect(policy).not.toContain("DeleteObject");
    const explained = JSON.parse((await issue("explain", "--json", "--ttl", "15m")).out) as CredentialExplained;
    expect(JSON.stringify(explained.document)).toBe(policy);
    expect(explained).toMatchObject({
      chars: policy.length,
      refused: [{ place: "churn/confidential" }],
      roleArn: ROLE_ARN,
    });
    expect(explained.statements.every(({ lines }) => lines.length > 0)).toBe(true);
  });

  it("--read-only and --domain only narrow, and are sessions of their own", async () => {
    await issue("get");
    await issue("get", "--read-only");
    await issue("get", "--domain", "churn");
    const [all = "", readOnly = "", domain = ""] = sts.requests.map(({ Policy }) => Policy);
    expect(all).toContain("s3:PutObject");
    expect(readOnly).not.toContain("Put");
    expect(domain).toContain("s3:PutObject");
    expect(await bo.fails("creds", "get", ...purpose, "--domain", "nosuch")).toMatchObject({ exit: 3 });
    expect(await bo.fails("creds", "get", ...purpose, "--role", "steward")).toMatchObject({ exit: 3 });
  });

  it("process prints AWS's document, asks AWS once, and the policy again when it changed", async () => {
    const cold = await issue("process");
    expect(JSON.parse(cold.out)).toMatchObject({ Version: 1, AccessKeyId: expect.stringMatching(/^ASIA/) });
    expect([cold.exit, cold.err]).toEqual([0, ""]);
    const warm = await issue("process");
    expect(warm.out).toBe(cold.out);
    expect(sts.requests).toHaveLength(1);
    // Also where the store is away: nothing of the project is opened.
    renameSync(ana.store, `${ana.store}-away`);
    const alone = await issue("process", "--min-ttl", "10m");
    renameSync(`${ana.store}-away`, ana.store);
    expect(alone.out).toBe(cold.out);
    const fresh = await issue("process", "--min-ttl", "2h");
    expect(fresh.out).not.toBe(cold.out);
    // Another policy is verified by whatever this device does next; from then on the kept one is decided again.
    await changePolicy(ana, (text) => text.replace("credentials: { ttl: 1h }", "credentials: { ttl: 30m }"));
    await bo.ok("status");
    await issue("process");
    expect(sts.requests.at(-1)).toMatchObject({ DurationSeconds: "1800" });
    expect(filesBelow(join(bo.home, ".aws"))).toEqual([]);
  });

  it("process asks no one: it ends with 4 and names the command", async () => {
    const { AWS_ACCESS_KEY_ID: _id, ...without } = aws;
    const nobody = await bo.with(
      { env: { ...without, AWS_EC2_METADATA_DISABLED: "true" } },
      "creds",
      "process",
      ...purpose,
    );
    expect([nobody.exit, nobody.out]).toEqual([4, ""]);
    expect(nobody.err).toContain("--profile NAME");
    sts.failNext("ExpiredToken", "The security token included in the request is expired");
    const expired = await issue("process");
    expect([expired.exit, expired.out]).toEqual([4, ""]);
    await bo.ok("lock");
    const locked = await bo.with({ env: { ...aws, CLOISTER_PASSPHRASE_FILE: "" } }, "creds", "process", ...purpose);
    expect([locked.exit, locked.out]).toEqual([4, ""]);
    expect(locked.err).toContain("cloister creds get --provider aws --purpose modelling");
    const itself = await bo.with({ env: { ...aws, CLOISTER_CREDENTIAL_PROCESS: "1" } }, "creds", "process", ...purpose);
    expect(itself.exit).toBe(4);
  });

  it("says what AWS refused, in the terms of the person", async () => {
    sts.failNext("AccessDenied", "User is not authorized to perform: sts:AssumeRole");
    expect(await (await issue("get", "--json")).err).toContain("POLICY_DENIED");
    sts.failNext("PackedPolicyTooLarge", "Packed size of session policy exceeds limit", 400);
    expect((await issue("get")).exit).toBe(2);
    const failed = (await ana.ok("audit", "list", "--action", "creds.issue", "--last", "1")).out;
    expect(failed).toContain("\tfailed\t");
    const gone = { ...aws, AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" };
    expect((await bo.with({ env: gone }, "creds", "get", ...purpose)).exit).toBe(8);
  });

  it("many processes that ask at once are one session", async () => {
    sts.delayMs = 700;
    try {
      const all = await Promise.all(Array.from({ length: 4 }, () => issue("process")));
      expect(new Set(all.map(({ out }) => out)).size).toBe(1);
      expect(sts.requests).toHaveLength(1);
    } finally {
      sts.delayMs = 0;
    }
  });

  it("a second factor is asked for on a terminal, once, and given by a flag elsewhere", async () => {
    const serial = "arn:aws:iam::111122223333:mfa/bo";
    const env = { AWS_ENDPOINT_URL_STS: sts.url, ...profileOf(bo, `mfa_serial = ${serial}\n`) };
    const asked = ["creds", "get", ...purpose];
    const without = await bo.with({ env }, ...asked);
    expect([without.exit, without.err]).toEqual([4, expect.stringContaining("--mfa-token")]);
    const terminal = await Terminal.openWith(bo, { ...bo.env, ...env }, ...asked);
    await terminal.expect(`Code of your second factor ${serial}`);
    terminal.type("123456");
    await terminal.expect("AWS_SESSION_TOKEN");
    expect(await terminal.exit()).toBe(0);
    expect(sts.requests).toMatchObject([{ SerialNumber: serial, TokenCode: "123456" }]);
    expect((await bo.with({ env }, ...asked)).exit).toBe(0);
    expect(sts.requests).toHaveLength(1);
    await bo.with({ env }, ...asked, "--ttl", "15m", "--mfa-token", "654321");
    expect(sts.requests.at(-1)).toMatchObject({ TokenCode: "654321" });
  });

  it("a second factor is printed by the program that the profile names, where nobody can be asked", async () => {
    const factor = "mfa_serial = arn:aws:iam::111122223333:mfa/bo\nmfa_process = printf 777777\n";
    const env = { AWS_ENDPOINT_URL_STS: sts.url, ...profileOf(bo, factor) };
    const { exit, err } = await bo.with({ env }, "creds", "process", ...purpose, "--ttl", "17m");
    expect(exit, err).toBe(0);
    expect(sts.requests).toMatchObject([{ TokenCode: "777777" }]);
  });

  it("an OpenID token takes the place of keys", async () => {
    const folder = bo.files("oidc", { token: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJibyJ9.c2ln\n", junk: "not a token" });
    const file = join(folder, "token");
    const env = { AWS_ENDPOINT_URL_STS: sts.url, AWS_WEB_IDENTITY_TOKEN_FILE: file };
    await bo.with({ env }, "creds", "get", ...purpose);
    expect(sts.requests[0]).toMatchObject({
      Action: "AssumeRoleWithWebIdentity",
      WebIdentityToken: expect.stringMatching(/^eyJ/),
    });
    expect(sts.requests[0]).toHaveProperty("Policy");
    const junk = await bo.with({ env: aws }, "creds", "get", ...purpose, "--token-file", join(folder, "junk"));
    expect(junk.exit).toBe(4);
  });

  it("env is what a shell evaluates, without other credentials beside it", async () => {
    const { out } = await issue("env");
    const shown = spawnSync("bash", ["-c", `${out}\nenv`], { env: { PATH: "/usr/bin:/bin", AWS_PROFILE: "other" } });
    const variables = shown.stdout.toString();
    expect(variables).toMatch(/AWS_ACCESS_KEY_ID=ASIA/);
    expect(variables).toMatch(/AWS_CREDENTIAL_EXPIRATION=20/);
    expect(variables).not.toContain("AWS_PROFILE");
    expect(JSON.parse((await issue("get", "--json")).out)).toMatchObject({ reused: true });
  });

  it("exec hands over one credential and no other, and ends as its command does", async () => {
    const env = { AWS_ENDPOINT_URL_STS: sts.url, ...profileOf(bo), CLOISTER_TOKEN: "x" };
    const shown = await bo.with({ env }, "creds", "exec", ...purpose, "--", "env");
    // What this program sets for its own SDK is nothing to others.
    expect(shown.out).not.toContain("AWS_SDK_JS_");
    expect(shown.out).toContain("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:");
    expect(shown.out).toContain("AWS_REGION=eu-west-1");
    for (const secret of [
      "AKIAOWN",
      "own-secret",
      "ASIA",
      "AWS_PROFILE",
      "CLOISTER_TOKEN",
      "CLOISTER_PASSPHRASE_FILE",
    ]) {
      expect(shown.out).not.toContain(secret);
    }
    const keys = await bo.with({ env }, "creds", "exec", "--env", ...purpose, "--", "env");
    expect(keys.out).toMatch(/AWS_SESSION_TOKEN=/);
    const exits = async (...command: readonly string[]) => {
      return (await bo.with({ env: aws }, "creds", "exec", ...purpose, "--", ...command)).exit;
    };
    expect(await exits("sh", "-c", "exit 42")).toBe(42);
    expect(await exits("sh", "-c", "kill -9 $$")).toBe(137);
    expect(await exits("nosuch-command")).toBe(127);
    expect(await exits("/etc/passwd")).toBe(126);
    expect((await bo.with({ env: aws }, "creds", "exec", "--", "true")).exit).toBe(125);
  });

  it("exec passes standard input, output and a signal on", async () => {
    const echo = await bo.with({ env: aws, input: "through\n" }, "creds", "exec", ...purpose, "--", "cat");
    expect(echo.out).toBe("through\n");
    const script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    const running = bo.start(["creds", "exec", ...purpose, "--", "sh", "-c", script], { env: aws });
    let out = "";
    running.child.stdout?.on("data", (chunk) => {
      out += String(chunk);
    });
    await until("the command", 20_000, () => out.includes("ready"));
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ exit: 9, out: "ready\ncaught\n" });
  });

  it("unmodified SDKs get a session from exec, from serve and from process", async () => {
    const sdk =
      "import('@aws-sdk/credential-provider-node').then(async ({ defaultProvider }) => console.log((await defaultProvider()()).accessKeyId))";
    const inHere = ["--", process.execPath, "-e", sdk];
    const root = join(import.meta.dirname, "../..");
    const js = await bo.with({ env: aws, cwd: root }, "creds", "exec", "-C", bo.folder, ...purpose, ...inHere);
    expect(js.out).toMatch(/^ASIA/);
    const cli = spawnSync("sh", ["-c", "command -v /usr/bin/aws"]).status === 0;
    if (!cli) return;
    const exported = ["/usr/bin/aws", "configure", "export-credentials"];
    const python = await bo.with({ env: aws }, "creds", "exec", ...purpose, "--", ...exported);
    expect(JSON.parse(python.out)).toMatchObject({ AccessKeyId: js.out.trim() });
    const base = profileOf(bo);
    const command = `${process.execPath} ${join(root, "bin/cloister.js")} creds process -C ${bo.folder} --purpose modelling`;
    const askedBy = async (profile: string) => {
      const lines = `\n[profile churn]\ncredential_process = ${command} ${profile}\n`;
      const config = join(
        bo.files("aws-cli", { config: readFileSync(base["AWS_CONFIG_FILE"] ?? "", "utf8") + lines }),
        "config",
      );
      const env = { ...bo.env, ...base, AWS_ENDPOINT_URL_STS: sts.url, AWS_CONFIG_FILE: config, AWS_PROFILE: "churn" };
      // Not spawnSync: STS is in this process.
      return await start(["/usr/bin/aws", "configure", "export-credentials"], env, {}).ended;
    };
    expect((await askedBy("--profile base")).out).toContain("ASIA");
    // A profile that asks itself is told so, and does not start one process after the other.
    const itself = await askedBy("");
    expect(itself.out).toBe("");
    expect(itself.err).toContain("there are no AWS keys");
  });

  it("serve answers until it is revoked, and hands out nothing from then on", async () => {
    const running = bo.start(["creds", "serve", ...purpose, "--json"], { env: aws });
    let out = "";
    running.child.stdout?.on("data", (chunk) => {
      out += String(chunk);
    });
    await until("the endpoint", 20_000, () => out.endsWith("\n"));
    const { at, environment } = JSON.parse(out) as { at: string; environment: Record<string, string> };
    const headers = { authorization: environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] ?? "" };
    expect(await (await fetch(at, { headers })).json()).toMatchObject({ AccessKeyId: expect.stringMatching(/^ASIA/) });
    expect((await fetch(at)).status).toBe(401);
    const listed = await bo.json<CredentialListing>("creds", "list");
    expect(listed.serves).toMatchObject([{ pid: running.child.pid, at, role: "data-scientist" }]);
    expect(listed.credentials).toHaveLength(1);
    expect(await bo.json("creds", "revoke")).toMatchObject({ credentials: 1, serves: 1 });
    expect((await running.ended).exit).toBe(143);
    expect((await bo.json<CredentialListing>("creds", "list")).serves).toEqual([]);
  });

  it("an endpoint that only a command uses gives nothing after a revocation", async () => {
    const script =
      'curl -s -o /dev/null -w "%{http_code}\\n" -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" $AWS_CONTAINER_CREDENTIALS_FULL_URI';
    const running = bo.start(["creds", "exec", ...purpose, "--", "sh", "-c", `${script}; read go; ${script}`], {
      env: aws,
    });
    // Standard input stays open: the command waits for a line.
    expect((await running.ended).out).toMatch(/^200\n/);
    const waiting = `${script}; while ! [ -e revoked ]; do sleep 0.05; done; ${script}`;
    const second = bo.start(["creds", "exec", ...purpose, "--", "sh", "-c", waiting], { env: aws });
    let out = "";
    second.child.stdout?.on("data", (chunk) => {
      out += String(chunk);
    });
    await until("the first answer", 20_000, () => out.includes("200"));
    await bo.ok("creds", "revoke");
    bo.files(".", { revoked: "" });
    expect((await second.ended).out).toBe("200\n403\n");
  });

  it("a socket is for its owner alone, and gone with the endpoint", async () => {
    const socket = join(bo.home, "run", "creds.sock");
    const running = bo.start(["creds", "serve", "--socket", socket, ...purpose], { env: aws });
    await until("the socket", 20_000, () => existsSync(socket));
    const asked = spawnSync("curl", [
      "-s",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      "--unix-socket",
      socket,
      "http://localhost/credentials",
    ]);
    expect(asked.stdout.toString()).toBe("401");
    expect(spawnSync("stat", ["-c", "%a", socket]).stdout.toString().trim()).toBe("600");
    running.child.kill("SIGINT");
    expect((await running.ended).exit).toBe(130);
    expect(existsSync(socket)).toBe(false);
  });

  it("list and status show no secret, status --prompt one word, and nothing secret is on the disk", async () => {
    const { environment } = JSON.parse((await issue("get", "--json")).out) as IssuedCredential;
    const secrets = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map((name) => environment[name] ?? "");
    for (const command of ["list", "status"]) {
      const text = (await bo.ok("creds", command, "--json")).out + (await bo.ok("creds", command)).out;
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    expect((await bo.ok("creds", "status", "--prompt")).out).toMatch(/^data-scientist (\d+m|1h)\n$/);
    expect(holders(world.root, secrets)).toEqual([]);
    expect(readFileSync(join(bo.folder, ".cloister/config.yaml"), "utf8")).not.toContain("ASIA");
    const server = JSON.parse((await bo.ok("creds", "revoke", "--server")).out);
    expect(server.Statement[0]).toMatchObject({
      Effect: "Deny",
      Condition: { StringEquals: { "aws:SourceIdentity": "bo" } },
    });
    expect((await bo.ok("creds", "status", "--prompt")).out).toBe("");
  });

  it("lock forgets credentials, too", async () => {
    await issue("process");
    await bo.ok("lock");
    await issue("process");
    expect(sts.requests).toHaveLength(2);
  });
});
