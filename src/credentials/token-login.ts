// A token that a machine brings along: CI systems and clusters give one to each job.
import { CloisterError } from "../base/errors.ts";
import { loginFailure } from "./login-failure.ts";
import { connect, type LoginSettings, type Tokens, takeTokens } from "./openid.ts";

/** Compact serialisation of a signed JWT (RFC 7515, 7.1). */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Checks signature, issuer, audience and expiry of an ID token as for any other login. It has no nonce: nobody asked.
 *
 * @param text the token; white space around it is left out
 * @throws CloisterError USAGE where it is no token, NOT_AUTHENTICATED, INTEGRITY, UNAVAILABLE
 */
export async function loginWithToken(
  { issuer, client, audience }: LoginSettings,
  text: string,
  cancel: AbortSignal,
): Promise<Tokens> {
  const token = text.trim();
  if (!JWT.test(token)) {
    throw new CloisterError("USAGE", "the token file holds no ID token", {
      why: "it is no signed JWT: three parts of base64url with dots between",
      next: "give the file that the CI system wrote: cloister login --token-file FILE",
    });
  }
  const expected = audience ?? client;
  const { openid, provider } = await connect(issuer, expected, cancel);
  // The library checks ID tokens only as part of a token endpoint's answer. Issuers of machine tokens have no such endpoint,
  // so it is shown one that never leaves this process; the keys still come from the issuer.
  const { jwks_uri, id_token_signing_alg_values_supported } = provider.serverMetadata();
  const endpoint = new URL("/", issuer).href;
  const checker = new openid.Configuration(
    {
      issuer,
      token_endpoint: endpoint,
      ...(jwks_uri === undefined ? {} : { jwks_uri }),
      ...(id_token_signing_alg_values_supported ? { id_token_signing_alg_values_supported } : {}),
    },
    expected,
    undefined,
    openid.None(),
  );
  const reach = provider[openid.customFetch];
  checker[openid.customFetch] = async (url, options) => {
    if (options.method === "GET" && reach) return reach(url, options);
    return Response.json({ access_token: "none", token_type: "bearer", id_token: token });
  };
  openid.enableNonRepudiationChecks(checker);
  if (endpoint.startsWith("http:")) openid.allowInsecureRequests(checker);
  try {
    return takeTokens(await openid.genericGrantRequest(checker, "file", {}), issuer);
  } catch (error) {
    throw loginFailure(error, issuer, cancel);
  }
}
