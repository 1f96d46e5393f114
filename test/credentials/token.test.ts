// Tokens, verified by a library that knows nothing of Cloister.
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { tokenKeys } from "../../src/credentials/jwks.ts";
import { issueToken, TOKEN_VARIABLE, type TokenClaims } from "../../src/credentials/token.ts";
import { generateIdentity, type Identity } from "../../src/keys/identity.ts";

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

function keysOf(identity: Identity) {
  const roles = [
    { role: "data-scientist", places: ["churn/public", "churn/internal"], purposes: ["modelling"], ttlMs: 3_600_000 },
  ];
  return createLocalJWKSet({ keys: [...tokenKeys([{ member: "bo", signs: identity.signs, roles }])] });
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

  it("show in the key set what a member's token may at most claim", async () => {
    const identity = await generateIdentity();
    const roles = [{ role: "steward", places: ["churn/public"], purposes: undefined, ttlMs: 900_000 }];
    const [key] = tokenKeys([{ member: "ana", signs: identity.signs, roles }]);
    expect(key?.cloister).toEqual({ sub: "ana", roles: [{ role: "steward", places: ["churn/public"], ttl: 900 }] });
    expect(key?.kid).toBe(decodeProtectedHeader(await tokenOf(identity)).kid);
    expect(JSON.stringify(key)).not.toContain('"d"');
  });
});
