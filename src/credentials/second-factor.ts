// Whether a login took two different factors, by what the provider says of it (RFC 8176).
import type { LoginClaims } from "./login-claims.ts";

/** What each method of RFC 8176 shows: something one knows, something one has, something one is. */
const FACTOR: Readonly<Record<string, "knows" | "has" | "is">> = {
  pwd: "knows",
  pin: "knows",
  kba: "knows",
  otp: "has",
  hwk: "has",
  swk: "has",
  sc: "has",
  sms: "has",
  tel: "has",
  face: "is",
  fpt: "is",
  iris: "is",
  retina: "is",
  vbm: "is",
};

/** Values of `acr` that promise several factors: REFEDS MFA, PAPE (which Entra ID and ADFS use, too), Okta. */
export const MULTI_FACTOR_ACR: readonly string[] = [
  "https://refeds.org/profile/mfa",
  "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
  "urn:okta:loa:2fa:any",
];

/**
 * `mfa` in `amr`, or methods of two different kinds there, or a known `acr`. Two methods of one kind, such as a password
 * and a question, are one factor; `geo`, `rba`, `user`, `wia` and `mca` are none.
 */
export function tookTwoFactors({ amr, acr }: Pick<LoginClaims, "amr" | "acr">): boolean {
  if (amr.includes("mfa") || (acr !== undefined && MULTI_FACTOR_ACR.includes(acr))) return true;
  // Own members only: a provider may write "constructor".
  const kinds = amr.filter((method) => Object.hasOwn(FACTOR, method)).map((method) => FACTOR[method]);
  return new Set(kinds).size >= 2;
}
