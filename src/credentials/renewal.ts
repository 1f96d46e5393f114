// What can be done with a login later: renewing its token, and ending it at the provider.
import { CloisterError } from "../base/errors.ts";
import { loginFailure } from "./login-failure.ts";
import { connect, type LoginSettings, type Tokens, takeTokens } from "./openid.ts";

/**
 * A new ID token for a refresh token.
 *
 * @param sub whose login it is
 * @throws CloisterError NOT_AUTHENTICATED where the provider has ended it; UNAVAILABLE; INTEGRITY
 */
export async function renewTokens(
  { issuer, client }: LoginSettings,
  refreshToken: string,
  sub: string,
  cancel: AbortSignal,
): Promise<Tokens> {
  const { openid, provider } = await connect(issuer, client, cancel);
  try {
    const tokens = takeTokens(await openid.refreshTokenGrant(provider, refreshToken), issuer);
    if (tokens.claims.sub !== sub) {
      // OpenID Connect Core, 12.2.
      throw new CloisterError("INTEGRITY", `${issuer} renewed the login of somebody else`, {
        next: "cloister logout, and tell an owner of the project",
      });
    }
    return tokens;
  } catch (error) {
    throw loginFailure(error, issuer, cancel);
  }
}

/**
 * Tells the provider to forget a refresh token (RFC 7009).
 *
 * @returns false where the provider has no way to be told
 * @throws CloisterError UNAVAILABLE
 */
export async function revokeToken(
  { issuer, client }: LoginSettings,
  refreshToken: string,
  cancel: AbortSignal,
): Promise<boolean> {
  const { openid, provider } = await connect(issuer, client, cancel);
  if (provider.serverMetadata().revocation_endpoint === undefined) return false;
  try {
    await openid.tokenRevocation(provider, refreshToken, { token_type_hint: "refresh_token" });
    return true;
  } catch (error) {
    throw loginFailure(error, issuer, cancel);
  }
}
