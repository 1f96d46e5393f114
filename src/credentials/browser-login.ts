// Authorization code with PKCE (RFC 7636) through a browser on this machine.
import { listenForCallback } from "./callback.ts";
import { loginFailure } from "./login-failure.ts";
import { type LoginWish, maxAgeOf, wishParameters } from "./login-wish.ts";
import { connect, type LoginSettings, type Tokens, takeTokens } from "./openid.ts";
import { checkPublicAddress } from "./provider-fetch.ts";

/**
 * Logs in.
 *
 * @param show gets the address to open; whoever opens it, the answer comes back here
 * @param cancel stops it; nothing listens afterwards
 * @throws CloisterError NOT_AUTHENTICATED, INTEGRITY, UNAVAILABLE, INTERRUPTED
 */
export async function loginWithBrowser(
  settings: LoginSettings,
  wish: LoginWish,
  show: (url: string) => void,
  cancel: AbortSignal,
): Promise<Tokens> {
  const { issuer, client } = settings;
  const connection = await connect(issuer, client, cancel);
  const { openid, provider } = connection;
  const verifier = openid.randomPKCECodeVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const callback = await listenForCallback(state, cancel);
  try {
    const url = openid.buildAuthorizationUrl(provider, {
      ...wishParameters(connection, wish),
      redirect_uri: callback.redirectUri,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    checkPublicAddress(url.href, issuer);
    show(url.href);
    const maxAge = maxAgeOf(wish);
    const answer = await openid.authorizationCodeGrant(provider, await callback.answer, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      ...(maxAge === undefined ? {} : { maxAge }),
    });
    return takeTokens(answer, issuer);
  } catch (error) {
    throw loginFailure(error, issuer, cancel);
  } finally {
    callback.close();
  }
}
