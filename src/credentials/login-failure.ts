// What the OpenID library throws, as people understand it. Nothing of a token gets into a message.
import { CloisterError, systemCode } from "../base/errors.ts";

const TEXT_CHARS_MAX = 200;
const AGAIN = "cloister login";

/** Codes of the library for a token that is not what was asked for; see {@link tokenFailure}. */
const CLAIM = "OAUTH_JWT_CLAIM_COMPARISON_FAILED";
const TIME = "OAUTH_JWT_TIMESTAMP_CHECK_FAILED";
const UNREADABLE = ["OAUTH_RESPONSE_IS_NOT_JSON", "OAUTH_RESPONSE_IS_NOT_CONFORM"];
const NO_ENDPOINT = ["OAUTH_MISSING_SERVER_METADATA", "OAUTH_INVALID_SERVER_METADATA"];
const UNREACHABLE = ["OAUTH_TIMEOUT", "OAUTH_ABORT", "OAUTH_HTTP_REQUEST_FORBIDDEN"];

/**
 * The error for a person.
 *
 * @param issuer the provider's issuer identifier
 * @param cancel the signal by which the person may have stopped it
 */
export function loginFailure(error: unknown, issuer: string, cancel: AbortSignal): CloisterError {
  if (cancel.aborted) return new CloisterError("INTERRUPTED", "the login was interrupted", { next: AGAIN });
  const chain = causes(error);
  const own = chain.find((each) => each instanceof CloisterError);
  if (own) return own;
  const refusal = chain.map(refusalOf).find((text) => text !== undefined);
  if (refusal !== undefined) return refused(issuer, refusal, error);
  const code = chain.map(systemCode).find((each) => each?.startsWith("OAUTH_"));
  if (code === "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED") {
    return new CloisterError("INTEGRITY", `${issuer} says that it is another provider`, {
      why: "its discovery document names another issuer",
      next: "compare login.issuer of the policy with what the provider's administrator says",
      cause: error,
    });
  }
  if (code !== undefined && NO_ENDPOINT.includes(code)) {
    const why = innermost(chain);
    return new CloisterError("UNAVAILABLE", `${issuer} does not offer this kind of login`, { why, cause: error });
  }
  if (code === undefined || UNREACHABLE.includes(code) || UNREADABLE.includes(code)) {
    return unavailable(issuer, reachFailure(chain), error);
  }
  return tokenFailure(issuer, chain, code);
}

/** The token itself is not in order. What is expired or for others is a mistake, what is forged is an attack. */
function tokenFailure(issuer: string, chain: readonly unknown[], code: string): CloisterError {
  const cause = chain[0];
  const claim = chain.map(claimOf).find((each) => each !== undefined);
  if (code === TIME) {
    const old = claim === "auth_time";
    return new CloisterError("NOT_AUTHENTICATED", `the login at ${issuer} is too old`, {
      why: old ? "the provider did not ask you again" : "its token has expired, or the clock of this device is wrong",
      next: AGAIN,
      cause,
    });
  }
  if (code === CLAIM && (claim === "aud" || claim === "azp")) {
    return new CloisterError("NOT_AUTHENTICATED", `the token of ${issuer} is not for this project`, {
      why: "it was issued to another client: its audience is not the one in the policy",
      next: "compare login.client and login.audience of the policy (cloister policy show)",
      cause,
    });
  }
  return new CloisterError("INTEGRITY", `what came from ${issuer} cannot be trusted`, {
    why: claim === undefined ? innermost(chain) : `the token's ${claim} is not the expected one`,
    next: "do not use this login; tell an owner of the project",
    cause,
  });
}

/** The provider's own no (RFC 6749, 4.1.2.1 and 5.2). */
function refused(issuer: string, refusal: string, cause: unknown): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", `${issuer} refused the login`, { why: refusal, next: AGAIN, cause });
}

/** No answer, or none that can be understood. */
function unavailable(issuer: string, why: string, cause: unknown): CloisterError {
  const next = "check the network and the address, then try again";
  return new CloisterError("UNAVAILABLE", `no login at ${issuer}`, { why, next, cause });
}

function causes(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && chain.length < 8; ) {
    chain.push(at);
    at = at instanceof Error ? at.cause : undefined;
  }
  return chain;
}

function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("error" in error) || typeof error.error !== "string") return undefined;
  const more = "error_description" in error && typeof error.error_description === "string" && error.error_description;
  return `it says: ${more ? `${more} (${error.error})` : error.error}`.slice(0, TEXT_CHARS_MAX);
}

function claimOf(error: unknown): string | undefined {
  const details = error instanceof Error ? error.cause : undefined;
  if (typeof details !== "object" || details === null || !("claim" in details)) return undefined;
  return typeof details.claim === "string" ? details.claim.slice(0, 32) : undefined;
}

function reachFailure(chain: readonly unknown[]): string {
  const names = chain.map((each) => (each instanceof Error ? each.name : ""));
  if (names.includes("TimeoutError")) return "it does not answer in time";
  const codes = chain.map(systemCode).filter((code) => code !== undefined);
  if (codes.some((code) => UNREADABLE.includes(code))) return "its answer is not what OpenID Connect prescribes";
  return codes.at(-1) ?? innermost(chain);
}

function innermost(chain: readonly unknown[]): string {
  const errors = chain.filter((each) => each instanceof Error);
  return (errors.at(-1)?.message ?? "no reason given").slice(0, TEXT_CHARS_MAX);
}
