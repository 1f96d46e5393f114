// HTTP as far as an OpenID provider is trusted with it: encrypted, not redirected, small answers, soon or not at all.
import type { CustomFetch } from "openid-client";
import { CloisterError } from "../base/errors.ts";

/** For the whole of one answer, its body included. */
const ANSWER_MS = 10_000;
/** The largest documents are key sets of some ten kilobytes. */
const BODY_BYTES_MAX = 512 * 1024;

/** Whether tokens may travel to and from this address: https, or http to this machine itself. */
export function isProtected(url: URL): boolean {
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
}

/** Refuses to send a person where others could read along. @throws {@link CloisterError} UNAVAILABLE */
export function checkPublicAddress(address: string, issuer: string): void {
  if (URL.canParse(address) && isProtected(new URL(address))) return;
  throw new CloisterError("UNAVAILABLE", `${issuer} sends people to an address that is not encrypted`, {
    why: "whoever is on the way could take the login over",
    next: "tell an owner of the project, whose policy names this provider",
  });
}

/**
 * A `fetch` for the library, which follows no redirect and gives each request at most 10 s.
 *
 * @param cancel ends requests in flight
 */
export function providerFetch(cancel: AbortSignal): CustomFetch {
  return async (address, options) => {
    const url = new URL(address);
    if (!isProtected(url)) throw unfit(url, "is not encrypted", `it is ${url.protocol}//, not https://`);
    const signals = [cancel, AbortSignal.timeout(ANSWER_MS), ...(options.signal ? [options.signal] : [])];
    const { method, headers, body } = options;
    const signal = AbortSignal.any(signals);
    const answer = await fetch(url, { method, headers, body: body ?? null, redirect: "manual", signal });
    if (answer.status >= 300 && answer.status < 400) {
      await answer.body?.cancel();
      throw unfit(url, "redirects", "a provider answers under the addresses that it names itself");
    }
    const bytes = await boundedBody(answer, url);
    // These statuses may not have a body, and the constructor insists.
    const empty = answer.status === 204 || answer.status === 205;
    return new Response(empty ? null : bytes, { status: answer.status, headers: answer.headers });
  };
}

async function boundedBody(answer: Response, url: URL): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > BODY_BYTES_MAX) {
      // Leaving the loop cancels the body.
      throw unfit(url, "sends too much", `an answer has at most ${String(BODY_BYTES_MAX / 1024)} KiB`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function unfit(url: URL, does: string, why: string): CloisterError {
  return new CloisterError("UNAVAILABLE", `${url.origin} ${does}: no way to log in`, {
    why,
    next: "tell an owner of the project, whose policy names this provider",
  });
}
