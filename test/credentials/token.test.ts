// Tokens, verified by a library that knows nothing of Cloister.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { tokenKeys } from "../../src/credentials/jwks.ts";
import { issueToken, TOKEN_VARIABLE, type TokenClaims } from "../../src/credentials/token.ts";
import { rawSignature } from "../../src/keys/ecdsa.ts";
import { generateIdentity, type Identity, keyIdOf } from "../../src/keys/identity.ts";

const project = "0123456789abcdef0123456789abcdef";
const now = Date.now();
const claims: TokenClaims = {
  ...{ project, member: "bo", role: "data-scientist", purpose: "modelling", audience: "models.example" },
  ...{
    places: ["churn/public", "churn/internal"],
    domain: undefined,
    readOnly: false,
    workspace: undefined,
    id: "ab".repeat(16),
  },
  ...{ issuedAtMs: now, expiresAtMs: now + 900_000 },
};
const expected = { issuer: project, audience: "models.example", algorithms: ["ES256"], typ: "cloister+jwt" };

async function tokenOf(identity: Identity, changed: Partial<TokenClaims> = {}): Promise<string> {
  const { environment } = await issueToken({ ...claims, ...changed }, identity);
  return environment[TOKEN_VARIABLE] ?? "";
}

/** A token as a program of one's own signs it: without `nbf`, and with times as they suit. */
async function tokenFrom(identity: Identity, times: { readonly iat?: number; readonly exp: number }): Promise<string> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = part({ alg: "ES256", kid: keyIdOf(identity.signs), typ: "cloister+jwt" });
  const common = {
    iss: project,
    sub: "bo",
    aud: "models.example",
    role: "data-scientist",
    purpose: "modelling",
    places: [],
  };
  const input = `${header}.${part({ ...common, ...times })}`;
  const signature = rawSignature(await identity.sign(Buffer.from(input, "ascii")));
  return `${input}.${Buffer.from(signature ?? []).toString("base64url")}`;
}

function keysOf(identity: Identity) {
  return createLocalJWKSet(keySetOf(identity));
}

function keySetOf(identity: Identity) {
  const roles = [
    { role: "data-scientist", places: ["churn/public", "churn/internal"], purposes: ["modelling"], ttlMs: 3_600_000 },
  ];
  return { keys: [...tokenKeys([{ member: "bo", signs: identity.signs, roles }])] };
}

/** The lines by which docs/credentials.md says that a token is to be verified. */
async function verifyAsDocumented(token: string, identity: Identity): Promise<void> {
  const page = readFileSync(join(import.meta.dirname, "../../docs/credentials.md"), "utf8");
  const [, lines = ""] = /```js\n(?:import .*\n)+\n(?:const (?:PROJECT|token) = .*\n)+([\s\S]*?)```/.exec(page) ?? [];
  if (!lines.includes("jwtVerify")) throw new Error("the page has no such lines");
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const run = new AsyncFunction("createLocalJWKSet", "jwtVerify", "readFile", "PROJECT", "token", lines);
  await run(createLocalJWKSet, jwtVerify, async () => JSON.stringify(keySetOf(identity)), project, token);
}

describe("tokens", () => {
  it("are verified with the key set alone, and say who, as what, what for and until when", async () => {
    const identity = await generateIdentity();
    const { payload } = await jwtVerify(await tokenOf(identity), keysOf(identity), expected);
    expect(payload).toMatchObject({ iss: project, sub: "bo", role: "data-scientist", purpose: "modelling" });
    expect(payload["places"]).toEqual(["churn/public", "churn/internal"]);
    expect(payload.jti).toBe(claims.id);
    expect(payload.exp).toBe(Math.floor((now + 900_000) / 1000));
    expect(payload).not.toHaveProperty("readOnly");
  });

  it("carry a signature of r and s, 32 bytes each, for every value that they can take", async () => {
    const identity = await generateIdentity();
    for (let count = 0; count < 64; count++) {
      const token = await tokenOf(identity, { id: count.toString(16).padStart(32, "0") });
      expect(Buffer.from(token.split(".")[2] ?? "", "base64url")).toHaveLength(64);
      await jwtVerify(token, keysOf(identity), expected);
    }
  });

  it("are refused when anything in them was changed, or another member signed them", async () => {
    const [identity, other] = [await generateIdentity(), await generateIdentity()];
    const [header = "", payload = "", signature = ""] = (await tokenOf(identity)).split(".");
    const steward = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const forged = Buffer.from(JSON.stringify({ ...steward, role: "steward" })).toString("base64url");
    const none = Buffer.from(JSON.stringify({ alg: "none", typ: "cloister+jwt" })).toString("base64url");
    const bad = [`${header}.${forged}.${signature}`, `${none}.${payload}.`, await tokenOf(other)];
    for (const token of bad) await expect(jwtVerify(token, keysOf(identity), expected)).rejects.toThrow();
  });

  it("are for one audience, and over at their end", async () => {
    const identity = await generateIdentity();
    const elsewhere = await tokenOf(identity, { audience: "other.example" });
    await expect(jwtVerify(elsewhere, keysOf(identity), expected)).rejects.toMatchObject({ claim: "aud" });
    const late = await tokenOf(identity, { issuedAtMs: now - 7_200_000, expiresAtMs: now - 60_000 });
    await expect(jwtVerify(late, keysOf(identity), expected)).rejects.toMatchObject({ code: "ERR_JWT_EXPIRED" });
  });

  it("that claim more than the policy allows are refused by the lines of the documentation", async () => {
    const identity = await generateIdentity();
    for (const fine of [{}, { places: ["churn/public"] }, { readOnly: true }]) {
      await verifyAsDocumented(await tokenOf(identity, fine), identity);
    }
    const years = 10 * 365 * 24 * 3_600_000;
    const more: readonly Partial<TokenClaims>[] = [
      { role: "steward" },
      { purpose: "marketing" },
      { purpose: undefined },
      { member: "ana" },
      { places: ["churn/internal", "marketing/public"] },
      { expiresAtMs: now + 4_000_000 },
    ];
    for (const claim of more) {
      await expect(verifyAsDocumented(await tokenOf(identity, claim), identity)).rejects.toThrow();
    }
    // Good at once and for years, as it says that it was issued shortly before its end.
    const early = await tokenFrom(identity, { iat: (now + years) / 1000 - 60, exp: (now + years) / 1000 });
    await expect(verifyAsDocumented(early, identity)).rejects.toThrow();
    const ageless = await tokenFrom(identity, { exp: (now + years) / 1000 });
    await expect(verifyAsDocumented(ageless, identity)).rejects.toThrow();
  });

  it("show in the key set what a member's token may at most claim", async () => {
    const identity = await generateIdentity();
    const roles = [{ role: "steward", places: ["churn/public"], purposes: undefined, ttlMs: 900_000 }];
    const [key] = tokenKeys([{ member: "ana", signs: identity.signs, roles }]);
    expect(key?.cloister).toEqual({ sub: "ana", roles: [{ role: "steward", places: ["churn/public"], ttl: 900 }] });
    expect(key?.kid).toBe(decodeProtectedHeader(await tokenOf(identity)).kid);
    expect(JSON.stringify(key)).not.toContain('"d"');
  });
});
