// What an ID token says, once its signature was checked: typed and bounded, whatever the provider wrote.
import { CloisterError } from "../base/errors.ts";

/** The claims that anything here rests on (OpenID Connect Core, section 2). Times in ms since 1970. */
export interface LoginClaims {
  readonly issuer: string;
  /** Who it is, for this issuer. */
  readonly sub: string;
  readonly audience: readonly string[];
  readonly expiresAtMs: number;
  /** When the person last proved who they are; undefined where the provider does not say. */
  readonly authTimeMs: number | undefined;
  /** How they did (RFC 8176). */
  readonly amr: readonly string[];
  readonly acr: string | undefined;
}

const TEXT_CHARS_MAX = 255;
const ITEMS_MAX = 32;
/** Year 9999: what comes after has no date of four digits. */
const SECONDS_MAX = 253_402_300_799;

/** @throws {@link CloisterError} INTEGRITY where a claim has another type or is larger than any real one */
export function loginClaims(claims: Readonly<Record<string, unknown>>): LoginClaims {
  const { iss, sub, aud, exp, auth_time: authTime, amr, acr } = claims;
  return {
    issuer: text(iss, "iss"),
    sub: text(sub, "sub"),
    audience: (Array.isArray(aud) ? list(aud, "aud") : [aud]).map((each) => text(each, "aud")),
    expiresAtMs: seconds(exp, "exp") * 1000,
    authTimeMs: authTime === undefined ? undefined : seconds(authTime, "auth_time") * 1000,
    amr: amr === undefined ? [] : list(amr, "amr").map((each) => text(each, "amr")),
    acr: acr === undefined ? undefined : text(acr, "acr"),
  };
}

function text(value: unknown, claim: string): string {
  if (typeof value === "string" && value !== "" && value.length <= TEXT_CHARS_MAX) return value;
  throw malformed(claim);
}

function list(value: unknown, claim: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= ITEMS_MAX) return value;
  throw malformed(claim);
}

function seconds(value: unknown, claim: string): number {
  if (typeof value === "number" && value >= 0 && value <= SECONDS_MAX) return Math.floor(value);
  throw malformed(claim);
}

function malformed(claim: string): CloisterError {
  return new CloisterError("INTEGRITY", "the provider's token is malformed", {
    why: `its ${claim} has no form that OpenID Connect allows`,
    next: "tell an owner of the project",
  });
}
