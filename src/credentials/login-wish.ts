// What a login asks of the provider, the same for a browser here and one elsewhere.
import type { Connection } from "./openid.ts";
import { MULTI_FACTOR_ACR } from "./second-factor.ts";

/** What this login is to be good for. */
export interface LoginWish {
  /** Oldest authentication that is of use, in ms; undefined where none is too old. */
  readonly maxAgeMs: number | undefined;
  /** Asks the person again, with a second factor. */
  readonly secondFactor: boolean;
}

/** With `--mfa` the person is asked now; a consent page may stand between that and the token. */
const FRESH_S = 300;

/** How old the authentication may be, in seconds; the token must say when it was wherever this is asked. */
export function maxAgeOf({ maxAgeMs, secondFactor }: LoginWish): number | undefined {
  if (secondFactor) return FRESH_S;
  return maxAgeMs === undefined ? undefined : Math.floor(maxAgeMs / 1000);
}

/**
 * Parameters of the request (OpenID Connect Core, 3.1.2.1). A refresh token is asked for where the provider says that it
 * has them, which takes the person's consent (section 11).
 */
export function wishParameters(connection: Connection, wish: LoginWish): Record<string, string> {
  const offered = connection.provider.serverMetadata();
  const offline = lists(offered.scopes_supported).includes("offline_access");
  const acr = MULTI_FACTOR_ACR.filter((value) => lists(offered["acr_values_supported"]).includes(value));
  const prompt = [...(wish.secondFactor ? ["login"] : []), ...(offline ? ["consent"] : [])].join(" ");
  const maxAge = maxAgeOf(wish);
  return {
    scope: offline ? "openid offline_access" : "openid",
    ...(prompt === "" ? {} : { prompt }),
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(wish.secondFactor && acr.length > 0 ? { acr_values: acr.join(" ") } : {}),
  };
}

function lists(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
