// The connection to the OpenID provider that the policy names. The library is loaded here, and only for a login.
import type * as OpenId from "openid-client";
import { CloisterError } from "../base/errors.ts";
import { type LoginClaims, loginClaims } from "./login-claims.ts";
import { loginFailure } from "./login-failure.ts";
import { isProtected, providerFetch } from "./provider-fetch.ts";

/** As the policy says; nothing of it is ever taken from a token. */
export interface LoginSettings {
  /** Issuer identifier. */
  readonly issuer: string;
  /** Client id of a public client. */
  readonly client: string;
  /** Audience of a token that a machine brings along; the client id where it is left out. */
  readonly audience: string | undefined;
}

/** What a login gives. Tokens are secret. */
export interface Tokens {
  readonly idToken: string;
  readonly refreshToken: string | undefined;
  readonly claims: LoginClaims;
}

/** The library and a provider that was found through its discovery document. */
export interface Connection {
  readonly openid: typeof OpenId;
  readonly provider: OpenId.Configuration;
  readonly issuer: string;
  readonly cancel: AbortSignal;
}

const ANSWER_S = 10;
/** Two of them fit into one small age file. */
const TOKEN_CHARS_MAX = 24 * 1024;

/**
 * Loads the library and the provider's discovery document.
 *
 * @param client the client id, or the audience in its place
 * @throws {@link CloisterError} UNAVAILABLE, INTEGRITY where the provider says that it is another
 */
export async function connect(issuer: string, client: string, cancel: AbortSignal): Promise<Connection> {
  const server = issuerUrl(issuer);
  const openid = await import("openid-client");
  // Every signature is checked against the provider's keys, whether or not it came over a connection of our own.
  const execute = [openid.enableNonRepudiationChecks];
  if (server.protocol === "http:") execute.push(openid.allowInsecureRequests);
  const options = { [openid.customFetch]: providerFetch(cancel), timeout: ANSWER_S, execute };
  try {
    const provider = await openid.discovery(server, client, undefined, openid.None(), options);
    return { openid, provider, issuer, cancel };
  } catch (error) {
    throw loginFailure(error, issuer, cancel);
  }
}

/** @throws {@link CloisterError} USAGE where tokens would travel in the clear */
function issuerUrl(issuer: string): URL {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url && isProtected(url)) return url;
  throw new CloisterError("USAGE", `${JSON.stringify(issuer)} cannot be the issuer of a login`, {
    why: "an issuer is an https:// address",
    next: "an owner mends login.issuer in the policy",
  });
}

/**
 * Takes what the library has checked, and checks what it leaves to its callers.
 *
 * @throws {@link CloisterError} INTEGRITY, NOT_AUTHENTICATED
 */
export function takeTokens(answer: Awaited<ReturnType<typeof OpenId.refreshTokenGrant>>, issuer: string): Tokens {
  const { id_token: idToken, refresh_token: refreshToken } = answer;
  const given = answer.claims();
  if (idToken === undefined || !given) {
    throw new CloisterError("NOT_AUTHENTICATED", `${issuer} gave no ID token`, {
      why: "it knows this client, but not as one for OpenID Connect",
      next: "tell an owner of the project",
    });
  }
  if (Math.max(idToken.length, refreshToken?.length ?? 0) > TOKEN_CHARS_MAX) {
    throw new CloisterError("UNAVAILABLE", `${issuer} gave a token that is too large to keep`, {
      why: `it has more than ${String(TOKEN_CHARS_MAX / 1024)} KiB`,
    });
  }
  const claims = loginClaims(given);
  // The library makes exceptions for providers that name another issuer than they were asked for.
  if (claims.issuer !== issuer) {
    throw new CloisterError("INTEGRITY", `the token is not from ${issuer}`, {
      why: "another issuer signed it",
      next: "compare login.issuer of the policy with what the provider's administrator says",
    });
  }
  return { idToken, refreshToken, claims };
}
