// Logging in at the oidc-provider package, and at providers that misbehave.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loginWithBrowser } from "../../src/credentials/browser-login.ts";
import { loginWithDevice } from "../../src/credentials/device-login.ts";
import type { LoginWish } from "../../src/credentials/login-wish.ts";
import type { Tokens } from "../../src/credentials/openid.ts";
import { renewTokens, revokeToken } from "../../src/credentials/renewal.ts";
import { loginWithToken } from "../../src/credentials/token-login.ts";
import { type HostileProvider, json, type Misbehaviour, startHostileProvider } from "./hostile-provider.ts";
import { CLIENT, startProvider, type TestProvider } from "./provider.ts";
import { inSeconds, signingKey, signToken } from "./tokens.ts";
import { WebBrowser } from "./web-browser.ts";

const { signal } = new AbortController();
const PLAIN: LoginWish = { maxAgeMs: undefined, secondFactor: false };
let provider: TestProvider;
let hostile: HostileProvider;

beforeAll(async () => {
  provider = await startProvider();
  hostile = await startHostileProvider();
});
afterAll(async () => {
  await provider.close();
  await hostile.close();
});
beforeEach(() => {
  hostile.does = {};
});

function at({ issuer }: { readonly issuer: string }, audience?: string) {
  return { issuer, client: CLIENT, audience };
}

function browse(where: { readonly issuer: string }, wish = PLAIN, browser = new WebBrowser()): Promise<Tokens> {
  return loginWithBrowser(at(where), wish, (url) => void browser.open(url).catch(() => undefined), signal);
}

describe("at oidc-provider", () => {
  test("a browser: PKCE and nonce, renewal with a new refresh token, and its end at the provider", async () => {
    let asked = new URL("http://nowhere");
    const first = await loginWithBrowser(
      at(provider),
      PLAIN,
      (url) => {
        asked = new URL(url);
        void new WebBrowser().open(url);
      },
      signal,
    );
    expect(asked.searchParams.get("code_challenge_method")).toBe("S256");
    expect(asked.searchParams.get("nonce")?.length).toBeGreaterThan(20);
    expect(asked.searchParams.get("redirect_uri")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    expect(first.claims).toMatchObject({ issuer: provider.issuer, sub: "00u1ana", audience: [CLIENT], amr: ["pwd"] });
    const second = await renewTokens(at(provider), first.refreshToken ?? "", "00u1ana", signal);
    expect(second.claims.authTimeMs).toBe(first.claims.authTimeMs);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await revokeToken(at(provider), second.refreshToken ?? "", signal)).toBe(true);
    await expect(renewTokens(at(provider), second.refreshToken ?? "", "00u1ana", signal)).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
      next: "cloister login",
    });
  });

  test("--mfa asks again in spite of a session, and an old authentication is asked anew where it would be too old", async () => {
    const browser = new WebBrowser();
    Object.assign(provider.person, { agoS: 3600 });
    const old = await browse(provider, PLAIN, browser);
    expect(Date.now() - (old.claims.authTimeMs ?? 0)).toBeGreaterThan(3_500_000);
    expect((await browse(provider, PLAIN, browser)).claims.authTimeMs).toBe(old.claims.authTimeMs);
    Object.assign(provider.person, { agoS: 0, amr: ["pwd", "hwk"] });
    const within = { maxAgeMs: 900_000, secondFactor: false };
    expect((await browse(provider, within, browser)).claims).toMatchObject({ amr: ["pwd", "hwk"] });
    provider.person.amr = ["mfa"];
    expect((await browse(provider, within, browser)).claims).toMatchObject({ amr: ["pwd", "hwk"] });
    const stepped = await browse(provider, { maxAgeMs: undefined, secondFactor: true }, browser);
    expect(stepped.claims.amr).toEqual(["mfa"]);
  });

  test("a code on another device; one that nobody confirms is interrupted at once", async () => {
    const tokens = await loginWithDevice(
      at(provider),
      PLAIN,
      ({ completeUrl }) => void new WebBrowser().confirmDevice(completeUrl ?? ""),
      signal,
    );
    expect(tokens.claims.sub).toBe("00u1ana");
    const cancel = new AbortController();
    let before = 0;
    const stop = () => {
      before = Date.now();
      setTimeout(() => cancel.abort(), 100);
    };
    const waiting = loginWithDevice(at(provider), PLAIN, stop, cancel.signal);
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
    // The provider is asked every 5 s.
    expect(Date.now() - before).toBeLessThan(3000);
  });

  test("a machine's token is checked as any other: signature, issuer, audience, expiry", async () => {
    const good = provider.machineToken({ aud: "sts.amazonaws.com" });
    const settings = at(provider, "sts.amazonaws.com");
    expect((await loginWithToken(settings, `\n${good}\n`, signal)).claims.audience).toEqual(["sts.amazonaws.com"]);
    const machine = { iss: provider.issuer, sub: "00u1ana", aud: CLIENT, iat: inSeconds(0), exp: inSeconds(60) };
    for (const [token, code] of [
      [provider.machineToken(), "NOT_AUTHENTICATED"],
      [provider.machineToken({ aud: ["sts.amazonaws.com", "others"] }), "NOT_AUTHENTICATED"],
      [provider.machineToken({ aud: "sts.amazonaws.com", exp: inSeconds(-60) }), "NOT_AUTHENTICATED"],
      [provider.machineToken({ aud: "sts.amazonaws.com", iss: "https://elsewhere.example" }), "INTEGRITY"],
      [provider.machineToken({ aud: "sts.amazonaws.com", sub: 7 }), "INTEGRITY"],
      [signToken(signingKey(), { ...machine, aud: "sts.amazonaws.com" }), "INTEGRITY"],
      [`${good.slice(0, -8)}AAAAAAAA`, "INTEGRITY"],
      [good.replace(/[^.]+$/, ""), "USAGE"],
      ["", "USAGE"],
    ] as const) {
      await expect(loginWithToken(settings, token, signal), token).rejects.toMatchObject({ code });
    }
  });
});

const LIES: readonly [lie: string, does: Misbehaviour, code: string, why?: RegExp][] = [
  ["an expired token", { claims: { exp: inSeconds(-3600) } }, "NOT_AUTHENTICATED", /expired/],
  ["a token for another client", { claims: { aud: "other" } }, "NOT_AUTHENTICATED", /another client/],
  ["one for several, made for another", { claims: { aud: [CLIENT, "x"], azp: "x" } }, "NOT_AUTHENTICATED"],
  ["another issuer in the token", { claims: { iss: "https://elsewhere.example" } }, "INTEGRITY", /iss/],
  ["a nonce of another login", { claims: { nonce: "replayed" } }, "INTEGRITY", /nonce/],
  ["no nonce", { claims: { nonce: undefined } }, "INTEGRITY", /nonce/],
  ["a signature by a stranger", { key: signingKey() }, "INTEGRITY"],
  ["no signature", { header: { alg: "none" }, token: (token) => token.replace(/[^.]+$/, "") }, "INTEGRITY"],
  ["an HMAC with the public key", { header: { alg: "HS256" } }, "INTEGRITY"],
  [
    "claims that were changed",
    { token: (token) => token.replace(/\.[^.]+\./, (part) => `${part.slice(0, -3)}AA.`) },
    "INTEGRITY",
  ],
  ["no subject", { claims: { sub: undefined } }, "INTEGRITY"],
  ["an endless subject", { claims: { sub: "a".repeat(300) } }, "INTEGRITY", /sub/],
  ["methods that are no text", { claims: { amr: [7] } }, "INTEGRITY", /amr/],
  ["another issuer in the discovery document", { metadata: { issuer: "https://elsewhere.example" } }, "INTEGRITY"],
  [
    "an answer in the name of another issuer",
    { metadata: { authorization_response_iss_parameter_supported: true }, back: { iss: "https://elsewhere.example" } },
    "INTEGRITY",
  ],
  [
    "no token at all",
    { at: { "/token": (_, response) => json(response, { access_token: "a", token_type: "bearer" }) } },
    "INTEGRITY",
  ],
];

describe("at a provider that lies", () => {
  test.each(LIES.map((lie) => ({ name: lie[0], lie })))("$name is refused", async ({ lie }) => {
    const [, does, code, why = /./] = lie;
    hostile.does = does;
    await expect(browse(hostile)).rejects.toMatchObject({ code, why: expect.stringMatching(why) });
  });

  test("and the same login is good where it does not", async () => {
    expect((await browse(hostile)).claims.sub).toBe("00u1ana");
  });

  test("an authentication that is older than was asked for", async () => {
    hostile.does = { claims: { auth_time: inSeconds(-3600) } };
    const wish = { maxAgeMs: 900_000, secondFactor: false };
    await expect(browse(hostile, wish)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    await expect(loginWithDevice(at(hostile), wish, () => {}, signal)).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
    });
    hostile.does = { claims: { auth_time: undefined } };
    await expect(browse(hostile, wish)).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  test("a renewal that is somebody else's", async () => {
    hostile.does = { claims: { sub: "00u1bo", nonce: undefined } };
    await expect(renewTokens(at(hostile), "r", "00u1ana", signal)).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  test("answers with another state are told so, and the right one still counts", async () => {
    let callback = "";
    const login = loginWithBrowser(
      at(hostile),
      PLAIN,
      (url) => {
        callback = new URL(url).searchParams.get("redirect_uri") ?? "";
        void (async () => {
          for (const query of [
            "?code=code",
            "?code=code&state=x",
            "?code=code&state=",
            "?state=x&error=access_denied",
          ]) {
            expect((await fetch(callback + query)).status).toBe(400);
          }
          expect((await fetch(callback.replace("/callback", "/other"))).status).toBe(404);
          expect((await fetch(callback, { method: "POST" })).status).toBe(404);
          await new WebBrowser().open(url);
        })();
      },
      signal,
    );
    expect((await login).claims.sub).toBe("00u1ana");
    await expect(fetch(callback)).rejects.toThrow();
  });
});

test("a provider that asks for patience gets it, one that ends the code ends the login", async () => {
  const asked: number[] = [];
  const answers = ["authorization_pending", "slow_down", "expired_token"];
  hostile.does = {
    at: {
      "/token": (_, response) => {
        const error = answers[asked.push(Date.now()) - 1];
        response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
      },
    },
  };
  const login = loginWithDevice(at(hostile), PLAIN, () => {}, signal);
  await expect(login).rejects.toMatchObject({
    code: "NOT_AUTHENTICATED",
    why: expect.stringContaining("expired_token"),
  });
  const [first = 0, second = 0, third = 0] = asked;
  expect(second - first).toBeGreaterThan(900);
  expect(third - second).toBeGreaterThan(5500);
});

describe("at a provider that is broken", () => {
  const DISCOVERY = "/.well-known/openid-configuration";
  const flood = {
    at: {
      [DISCOVERY]: (_, response) =>
        void response.writeHead(200, { "content-type": "application/json" }).end("x".repeat(10_000_000)),
    },
  } satisfies Misbehaviour;
  const moved = {
    at: {
      [DISCOVERY]: (_, response) => void response.writeHead(302, { location: "https://elsewhere.example/" }).end(),
    },
  } satisfies Misbehaviour;
  test.each<readonly [string, Misbehaviour, RegExp]>([
    ["sends 10 MB", flood, /512 KiB/],
    ["redirects", moved, /addresses/],
    ["redirects with a token on the way", { at: { "/token": moved.at[DISCOVERY] } }, /addresses/],
    ["sends 10 MB of keys", { at: { "/jwks": flood.at[DISCOVERY] } }, /512 KiB/],
    ["answers with a page", { at: { [DISCOVERY]: (_, response) => void response.end("<html>") } }, /prescribes/],
    ["fails", { at: { [DISCOVERY]: (_, response) => void response.writeHead(500).end() } }, /prescribes/],
    [
      "sends people to an address in the clear",
      { metadata: { authorization_endpoint: "http://login.example/auth" } },
      /./,
    ],
    ["takes tokens in the clear", { metadata: { token_endpoint: "http://login.example/token" } }, /http:/],
  ])("%s: no login, and nothing waits", async (_, does, why) => {
    hostile.does = does;
    await expect(browse(hostile)).rejects.toMatchObject({ code: "UNAVAILABLE", why: expect.stringMatching(why) });
  });

  test("hangs: it is given up after 10 s, at the beginning and in the middle of an answer", async () => {
    let asked = 0;
    hostile.does = {
      at: {
        [DISCOVERY]: (_, response) => {
          if (asked++ > 0) response.write("{");
        },
      },
    };
    const before = Date.now();
    const late = { code: "UNAVAILABLE", why: "it does not answer in time" };
    await Promise.all([1, 2].map(() => expect(browse(hostile)).rejects.toMatchObject(late)));
    expect(Date.now() - before).toBeLessThan(15_000);
  });

  test("wants to be asked once in a month: it is not asked all the time", async () => {
    const answers = { device_code: "d", user_code: "AB", verification_uri: `${hostile.issuer}/go`, expires_in: 1 };
    let asked = 0;
    hostile.does = {
      at: {
        "/device": (_, response) => {
          response.writeHead(200, { "content-type": "application/json" });
          response.end(JSON.stringify({ ...answers, interval: 2_592_000 }));
        },
        "/token": (_, response) => {
          asked++;
          response.writeHead(400, { "content-type": "application/json" }).end('{"error":"authorization_pending"}');
        },
      },
    };
    const waiting = loginWithDevice(at(hostile), PLAIN, () => {}, signal);
    await expect(waiting).rejects.toMatchObject({ code: "NOT_AUTHENTICATED", why: "the code has expired" });
    expect(asked).toBe(0);
  });

  test("is not there, or has no such login", async () => {
    await expect(browse({ issuer: "http://127.0.0.1:9" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    hostile.does = { metadata: { device_authorization_endpoint: undefined, revocation_endpoint: undefined } };
    await expect(loginWithDevice(at(hostile), PLAIN, () => {}, signal)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(await revokeToken(at(hostile), "r", signal)).toBe(false);
  });

  test("an issuer that is not encrypted is not even asked", async () => {
    for (const issuer of ["http://login.example", "ftp://login.example", "login.example", "http://127.0.0.1.example"]) {
      await expect(browse({ issuer })).rejects.toMatchObject({ code: "USAGE" });
    }
  });

  test("an interruption ends a request in flight", async () => {
    const cancel = new AbortController();
    hostile.does = { at: { [DISCOVERY]: () => cancel.abort() } };
    const login = loginWithBrowser(at(hostile), PLAIN, () => {}, cancel.signal);
    await expect(Promise.race([login, delay(3000)])).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
