// Logging in with the real program at the real oidc-provider package, and what a login is good for.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LoggedIn, LoggedOut, LoginPlace, Status, WhoAmI } from "../../src/index.ts";
import { CLIENT, startProvider, type TestProvider } from "../credentials/provider.ts";
import { WebBrowser } from "../credentials/web-browser.ts";
import { type Ended, holders, type Member, type SpawnOptions, until, World } from "./harness.ts";

const world = new World();
let provider: TestProvider;
let ana: Member;
let bo: Member;

/** What the policy says of logins, beside who the members are. */
const RULES = "  mfa-within: { artifact.push: 15m }\n";

function edit(change: (text: string) => string): void {
  const file = join(ana.folder, "cloister.policy.yaml");
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error("the edit changed nothing");
  writeFileSync(file, after);
}

function linked(text: string, member: string, sub: string): string {
  const oidc = `oidc: { issuer: "${provider.issuer}", sub: ${sub} },`;
  return text.replace(new RegExp(`^(  ${member}: \\{ )`, "m"), `$1${oidc} `);
}

beforeAll(async () => {
  provider = await startProvider();
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  edit((text) =>
    linked(linked(text, "ana", "00u1ana"), "bo", "00u1bo").replace(
      /^always:.*\n/m,
      (line) => `login: { issuer: "${provider.issuer}", client: ${CLIENT} }\n\n${line}${RULES}`,
    ),
  );
  await ana.ok("policy", "propose", "--yes", "--why", "people log in");
  for (const member of [ana, bo]) member.files("data", { "rows.csv": "1\n" });
});
afterAll(() => provider.close());

beforeEach(() => {
  Object.assign(provider.person, { sub: "00u1ana", amr: ["pwd", "otp"], acr: undefined, agoS: 0, declines: false });
  provider.idTokenS = 600;
});

/** Runs `cloister login …` and does in a browser what it asks for. */
async function logIn(member: Member, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Ended> {
  const { child, ended } = member.start(["login", "--no-browser", "--json", ...args], options);
  let err = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    const before = err;
    err += String(chunk);
    const line = /^\{"login":.*\}$/m.exec(err)?.[0];
    if (line === undefined || /^\{"login":.*\}$/m.test(before)) return;
    const place = (JSON.parse(line) as { login: LoginPlace }).login;
    const browser = new WebBrowser();
    void (place.way === "browser" ? browser.open(place.url) : browser.confirmDevice(place.completeUrl ?? ""));
  });
  return await ended;
}

const failure = ({ err }: Ended) => JSON.parse(err.trimEnd().split("\n").at(-1) ?? "").error;
const push = (name: string) => ["push", "data", "--name", name, "--class", "internal", "--kind", "report"];

describe("login", () => {
  it("through the browser: kept sealed, shown by whoami and status, forgotten by logout at the provider, too", async () => {
    expect(await ana.json<WhoAmI>("whoami")).toMatchObject({ login: { state: "none", issuer: provider.issuer } });
    const ended = await logIn(ana);
    expect(ended).toMatchObject({ exit: 0 });
    const done = JSON.parse(ended.out) as LoggedIn & { schema: string };
    expect(done).toMatchObject({
      schema: "cloister/login@1",
      member: "ana",
      sub: "00u1ana",
      issuer: provider.issuer,
      audience: [CLIENT],
      renewable: true,
      secondFactor: true,
      amr: ["pwd", "otp"],
    });
    const { login } = await ana.json<WhoAmI>("whoami");
    expect(login).toMatchObject({ state: "valid", sub: "00u1ana", secondFactor: true });
    expect((await ana.json<Status>("status")).login).toEqual(login);
    expect((await ana.ok("whoami")).out).toMatch(
      /^login\t00u1ana, .*, valid until .* UTC, second factor .*(ago|now)$/m,
    );
    const config = join(ana.home, ".config/cloister");
    for (const name of readdirSync(config)) expect(statSync(join(config, name)).mode & 0o077, name).toBe(0);
    // The header of a JWT, {"alg":"RS256", in base64url.
    expect(holders(world.root, ["eyJhbGciOiJSUzI1Ni", "refreshToken"])).toEqual([]);
    const out = await ana.json<LoggedOut>("logout");
    expect(out).toMatchObject({ schema: "cloister/logout@1", forgotten: true, revoked: true });
    expect(provider.seen).toContain("POST /token/revocation");
    expect(readdirSync(config).filter((name) => name.startsWith("login"))).toEqual([]);
    expect(await ana.json<LoggedOut>("logout")).toMatchObject({ forgotten: false, revoked: false });
  });

  it("with a code for a browser elsewhere", async () => {
    const ended = await logIn(ana, ["--device"]);
    expect(JSON.parse(ended.out)).toMatchObject({ sub: "00u1ana", renewable: true });
  });

  it("is refused for another member's account, for an unknown one, and where the person says no", async () => {
    await ana.ok("logout");
    provider.person.sub = "00u1bo";
    expect(failure(await logIn(ana))).toMatchObject({
      code: "NOT_AUTHENTICATED",
      message: "this login is bo's, but this device is ana's",
    });
    provider.person.sub = "00u1eve";
    expect(failure(await logIn(ana))).toMatchObject({
      code: "NOT_AUTHENTICATED",
      why: expect.stringContaining("00u1eve"),
    });
    Object.assign(provider.person, { sub: "00u1ana", declines: true });
    expect(failure(await logIn(ana))).toMatchObject({
      code: "NOT_AUTHENTICATED",
      why: expect.stringContaining("the person said no"),
    });
    expect(await ana.json<WhoAmI>("whoami")).toMatchObject({ login: { state: "none" } });
  });

  it("asks nobody off a terminal, and says what to give instead", async () => {
    expect(await ana.fails("login")).toMatchObject({ exit: 2, next: expect.stringContaining("--token-file") });
  });

  it("ends at once at Ctrl-C, and nothing listens any more", async () => {
    const { child, ended } = ana.start(["login", "--no-browser", "--json"]);
    let err = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      err += String(chunk);
    });
    await until("the address is shown", 20_000, () => err.includes("callback"));
    const port = Number(/127\.0\.0\.1%3A(\d+)%2Fcallback/.exec(err)?.[1]);
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ exit: 130 });
    await expect(
      new Promise((resolve, reject) => connect(port, "127.0.0.1").on("connect", resolve).on("error", reject)),
    ).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("in CI", () => {
  it("takes the job's token, with the identity in a plain file and the token sealed all the same", async () => {
    const ci = world.member("ci");
    const env = { CLOISTER_PASSPHRASE_FILE: "", CI: "true" };
    const joined = await ci.with({ env }, "join", ana.store, "--as", "ci", "--insecure-storage", "--json");
    await ana.ok("member", "add", JSON.parse(joined.out).line, "--role", "data-scientist", "--yes");
    edit((text) => linked(text, "ci", "repo-acme-churn"));
    await ana.ok("policy", "propose", "--yes", "--why", "the pipeline logs in");
    const file = join(world.root, "job-token");
    const job = { env: { ...env, CLOISTER_TOKEN_FILE: file } };
    expect(failure(await ci.with(job, "login", "--json"))).toMatchObject({ code: "USAGE" });
    writeFileSync(file, provider.machineToken({ sub: "repo-acme-other" }));
    expect(failure(await ci.with(job, "login", "--json"))).toMatchObject({ code: "NOT_AUTHENTICATED" });
    writeFileSync(file, provider.machineToken({ sub: "repo-acme-churn" }));
    const ended = await ci.with(job, "login", "--json");
    expect(JSON.parse(ended.out)).toMatchObject({
      member: "ci",
      renewable: false,
      secondFactor: false,
      storage: "a file that only this device's identity opens",
    });
    expect(holders(ci.home, ["eyJhbGciOiJSUzI1Ni"])).toEqual([]);
    expect(`${ended.out}${ended.err}`).not.toContain("eyJ");
  });
});

describe("a second factor that the policy asks for", () => {
  it("is refused without a login, with one factor, and with one that is too old; and said in the log", async () => {
    await ana.ok("logout");
    const denied = async () => {
      const failed = await ana.fails(...push("m0"));
      expect(failed).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
      expect(failed.refusals).toMatchObject([
        { rule: "always:mfa-within:artifact.push", next: "cloister login --mfa" },
      ]);
      return failed.refusals[0]?.why;
    };
    expect(await denied()).toContain("there is none");
    provider.person.amr = ["pwd", "pin"];
    expect(JSON.parse((await logIn(ana)).out)).toMatchObject({ secondFactor: false });
    expect(await denied()).toContain("there is none");
    expect(failure(await logIn(ana, ["--mfa"]))).toMatchObject({
      code: "NOT_AUTHENTICATED",
      message: "the login took no second factor",
      why: expect.stringContaining("amr pwd, pin"),
    });
  });

  it("lets the push through once it is fresh, with its source in the log", async () => {
    expect(await logIn(ana, ["--mfa"])).toMatchObject({ exit: 0 });
    const explain = ["policy", "explain", "artifact.push", "--class", "internal", "--kind", "report"];
    expect(await ana.json(...explain)).toMatchObject({ allow: true });
    expect(await bo.json(...explain)).toMatchObject({ allow: false });
    await ana.ok(...push("m1"));
    const log = (await ana.ok("audit", "list", "--json")).out;
    expect(log).toContain(`"login":"00u1ana at ${provider.issuer}, amr pwd otp, acr -"`);
  });

  it("is too old after 15 minutes", async () => {
    const config = join(ana.home, ".config/cloister");
    const name = readdirSync(config).find((each) => /^login-.*\.json$/.test(each)) ?? "";
    const file = join(config, name);
    const text = readFileSync(file, "utf8");
    const at = Number(/"authenticated":(\d+)/.exec(text)?.[1]);
    for (const [ms, why] of [
      [16 * 60_000, "16 min"],
      [-5 * 60_000, "dated ahead"],
    ] as const) {
      writeFileSync(file, text.replace(String(at), String(at - ms)));
      expect((await ana.fails(...push("m2"))).refusals[0]?.why).toContain(why);
    }
    writeFileSync(file, text);
  });

  it("is nobody else's: bo's device has no login of its own", async () => {
    expect((await bo.fails(...push("m3"))).refusals[0]?.why).toContain("there is none");
  });

  it("counts no longer once the policy takes the account from the member", async () => {
    edit((text) => text.replace("sub: 00u1ana", "sub: 00u2ana"));
    await ana.ok("policy", "propose", "--yes", "--why", "another account");
    expect((await ana.fails(...push("m4"))).refusals[0]?.why).toContain("there is none");
    expect(await ana.json<WhoAmI>("whoami")).toMatchObject({ login: { state: "none" } });
  });
});
