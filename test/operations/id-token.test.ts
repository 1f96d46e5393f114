// The token that is handed to AWS: renewed in silence, once for all commands, and only while everything still fits.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Host } from "../../src/operations/host.ts";
import { currentIdToken } from "../../src/operations/login/id-token.ts";
import { login, logout } from "../../src/operations/login/login.ts";
import { proposePolicy } from "../../src/operations/policy/change.ts";
import type { Session } from "../../src/operations/session.ts";
import { CLIENT, startProvider, type TestProvider } from "../credentials/provider.ts";
import { WebBrowser } from "../credentials/web-browser.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

const folder = scratch();
let provider: TestProvider;
let host: Host;
/** How far the device's clock is ahead, in ms. */
let ahead = 0;

beforeAll(async () => {
  provider = await startProvider();
  host = { ...(await makeProject(folder)), now: () => Date.now() + ahead };
  await change((text) =>
    text
      .replace(/^always:/m, `login: { issuer: "${provider.issuer}", client: ${CLIENT} }\n\nalways:`)
      .replace(/^( {2}ana: \{ )/m, `$1oidc: { issuer: "${provider.issuer}", sub: 00u1ana }, `),
  );
});
afterAll(() => provider.close());
beforeEach(async () => {
  ahead = 0;
  provider.idTokenS = 600;
  provider.person.sub = "00u1ana";
});

async function change(edit: (text: string) => string): Promise<void> {
  const file = join(host.cwd, "cloister.policy.yaml");
  writeFileSync(file, edit(readFileSync(file, "utf8")));
  await proposePolicy(await sessionOf(host), {});
}

async function logIn(): Promise<Session> {
  const session = await sessionOf(host);
  const show = (place: { readonly url: string }) => void new WebBrowser().open(place.url);
  await login(session, { way: "browser", show });
  return session;
}

const missing = { code: "NOT_AUTHENTICATED", next: "cloister login" };

test("without a login it says which command gives one", async () => {
  await expect(currentIdToken(await sessionOf(host))).rejects.toMatchObject(missing);
});

test("the same token as long as it lives a minute more, then a new one for the same person", async () => {
  const session = await logIn();
  const first = await currentIdToken(session);
  expect(first).toMatchObject({ issuer: provider.issuer, sub: "00u1ana", audience: [CLIENT] });
  ahead = 530_000;
  expect((await currentIdToken(session)).token).toBe(first.token);
  ahead = 550_000;
  provider.idTokenS = 3600;
  const second = await currentIdToken(session);
  expect(second.token).not.toBe(first.token);
  expect(second.expiresAtMs).toBeGreaterThan(first.expiresAtMs + 60_000);
  // The record says when the person logged in, whatever renewed the token since.
  const config = join(host.home, ".config/cloister");
  const record = readdirSync(config).find((name) => /^login-.*\.json$/.test(name)) ?? "";
  expect(JSON.parse(readFileSync(join(config, record), "utf8"))).toMatchObject({ expires: second.expiresAtMs });
});

test("eight commands at once renew it once, for a provider takes a second use of a refresh token for theft", async () => {
  await logIn();
  ahead = 550_000;
  provider.idTokenS = 3600;
  provider.seen.length = 0;
  const sessions = await Promise.all(Array.from({ length: 8 }, () => sessionOf(host)));
  const tokens = await Promise.all(sessions.map((session) => currentIdToken(session)));
  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
  expect(provider.seen.filter((path) => path === "POST /token")).toHaveLength(1);
});

test("a provider that ends the login is asked no more; one that is away is not taken for that", async () => {
  const session = await logIn();
  ahead = 550_000;
  const { issuer } = provider;
  await provider.close();
  await expect(currentIdToken(session)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  provider = await startProvider(Number(new URL(issuer).port));
  // A new process knows none of the refresh tokens of the old one.
  await expect(currentIdToken(session)).rejects.toMatchObject(missing);
  provider.seen.length = 0;
  await expect(currentIdToken(session)).rejects.toMatchObject(missing);
  expect(provider.seen).toEqual([]);
});

test("a machine's token cannot be renewed", async () => {
  const file = join(folder, "token");
  writeFileSync(file, provider.machineToken());
  const session = await sessionOf(host);
  await login(session, { way: "token-file", tokenFile: file, show: () => {} });
  expect((await currentIdToken(session)).token).toBe(readFileSync(file, "utf8"));
  ahead = 301_000;
  await expect(currentIdToken(session)).rejects.toMatchObject(missing);
});

test("the largest tokens that are taken can be read again", async () => {
  const file = join(folder, "large-token");
  writeFileSync(file, provider.machineToken({ groups: "g".repeat(17_000) }));
  const session = await sessionOf(host);
  await login(session, { way: "token-file", tokenFile: file, show: () => {} });
  expect((await currentIdToken(session)).token).toBe(readFileSync(file, "utf8"));
  writeFileSync(file, provider.machineToken({ groups: "g".repeat(19_000) }));
  const tooLarge = login(session, { way: "token-file", tokenFile: file, show: () => {} });
  await expect(tooLarge).rejects.toMatchObject({ message: expect.stringContaining("too large") });
});

test("nothing after logout, and nothing for another audience than the policy names", async () => {
  const session = await logIn();
  await logout(session);
  await expect(currentIdToken(session)).rejects.toMatchObject(missing);
  await logIn();
  await change((text) => text.replace(`client: ${CLIENT} }`, `client: ${CLIENT}, audience: sts.amazonaws.com }`));
  await expect(currentIdToken(await sessionOf(host))).rejects.toMatchObject({
    ...missing,
    why: expect.stringContaining("sts.amazonaws.com"),
  });
});
