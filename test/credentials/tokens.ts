// ID tokens made by hand.
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";

export interface SigningKey {
  readonly key: KeyObject;
  readonly kid: string;
}

export function signingKey(kid: string = randomUUID()): SigningKey {
  return { key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, kid };
}

/** As it stands in a key set; the private half only for the provider's own configuration. */
export function jwkOf({ key, kid }: SigningKey, half: "public" | "private"): Record<string, unknown> {
  const { kty, n, e, ...secret } = key.export({ format: "jwk" });
  return { kty, n, e, ...(half === "private" ? secret : {}), kid, use: "sig", alg: "RS256" };
}

/** A JWT in RS256 (RFC 7515); `header` replaces members of its header. */
export function signToken({ key, kid }: SigningKey, claims: object, header: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", kid, ...header })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

/** Seconds since 1970, so many from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}
