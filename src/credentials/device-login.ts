// Device authorization (RFC 8628): the browser is on another machine.
import { setTimeout as delay } from "node:timers/promises";
import { CloisterError } from "../base/errors.ts";
import { loginFailure } from "./login-failure.ts";
import { type LoginWish, maxAgeOf, wishParameters } from "./login-wish.ts";
import { type Connection, connect, type LoginSettings, type Tokens, takeTokens } from "./openid.ts";
import { checkPublicAddress } from "./provider-fetch.ts";

/** What the person needs in the other browser. */
export interface DeviceCode {
  /** Address to open. */
  readonly url: string;
  /** What to type there. */
  readonly code: string;
  /** Address with the code in it; undefined where the provider has none. */
  readonly completeUrl: string | undefined;
}

/** Where the provider does not say (RFC 8628, 3.2). */
const INTERVAL_S = 5;
/** However long a provider lets a code live. */
const PERSON_MS = 15 * 60_000;

/**
 * Logs in.
 *
 * @param show gets what the person needs
 * @throws CloisterError NOT_AUTHENTICATED, INTEGRITY, UNAVAILABLE, INTERRUPTED
 */
export async function loginWithDevice(
  { issuer, client }: LoginSettings,
  wish: LoginWish,
  show: (code: DeviceCode) => void,
  cancel: AbortSignal,
): Promise<Tokens> {
  const connection = await connect(issuer, client, cancel);
  const { openid, provider } = connection;
  try {
    const started = await openid.initiateDeviceAuthorization(provider, wishParameters(connection, wish));
    const { verification_uri: url, user_code: code, verification_uri_complete: completeUrl } = started;
    for (const address of [url, ...(completeUrl === undefined ? [] : [completeUrl])])
      checkPublicAddress(address, issuer);
    show({ url, code, completeUrl });
    const tooLate = AbortSignal.timeout(Math.min(started.expires_in * 1000, PERSON_MS));
    const signal = AbortSignal.any([cancel, tooLate]);
    // A longer wait than a timer takes would be none at all.
    const everyMs = Math.min(Math.max(1, started.interval ?? INTERVAL_S) * 1000, PERSON_MS);
    askSlowly(connection, everyMs, signal);
    const poll = openid.pollDeviceAuthorizationGrant(provider, { ...started, interval: 0 }, undefined, { signal });
    const answer = await poll.catch((error: unknown) => {
      throw tooLate.aborted ? expired() : error;
    });
    const tokens = takeTokens(answer, issuer);
    checkAge(tokens, maxAgeOf(wish));
    return tokens;
  } catch (error) {
    throw loginFailure(error, issuer, cancel);
  }
}

/**
 * Waits before every question whether the person is done. The library would do it in steps of 5 s that an interruption does
 * not end; it still adds what a provider asks for with `slow_down`.
 */
function askSlowly({ openid, provider }: Connection, everyMs: number, signal: AbortSignal): void {
  const reach = provider[openid.customFetch];
  const asked = provider.serverMetadata().token_endpoint;
  if (!reach) return;
  provider[openid.customFetch] = async (url, options) => {
    if (url === asked) await delay(everyMs, undefined, { signal });
    return reach(url, options);
  };
  // The time-out of the library would count the waiting in; that of `providerFetch` does not.
  provider.timeout = undefined;
}

/** This grant has no such check in the library. */
function checkAge({ claims }: Tokens, maxAgeS: number | undefined): void {
  if (maxAgeS === undefined || claims.authTimeMs === undefined) return;
  if (Date.now() - claims.authTimeMs <= (maxAgeS + TOLERANCE_S) * 1000) return;
  throw new CloisterError("NOT_AUTHENTICATED", "the login is too old", {
    why: "the provider did not ask you again",
    next: "log out at the provider, then: cloister login --device",
  });
}

/** As the library grants everywhere else. */
const TOLERANCE_S = 30;

function expired(): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", "nobody logged in", {
    why: "the code has expired",
    next: "cloister login --device",
  });
}
