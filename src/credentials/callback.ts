// The page on this machine to which a provider sends the browser back (RFC 8252, section 7.3).
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CloisterError } from "../base/errors.ts";

const PATH = "/callback";
/** A person finds the password, the second device, the right browser. */
const PERSON_MS = 5 * 60_000;
const HEADER_BYTES_MAX = 32 * 1024;

/** Waits on a random port of 127.0.0.1. */
export interface Callback {
  readonly redirectUri: string;
  /** The address the browser came back to, state checked. @throws CloisterError NOT_AUTHENTICATED, INTERRUPTED */
  readonly answer: Promise<URL>;
  /** Stops listening and ends every connection. */
  close(): void;
}

/**
 * Listens for one answer. Requests with another state are told so and change nothing: any page in the browser, and
 * anybody on this machine, can send some.
 */
export async function listenForCallback(state: string, cancel: AbortSignal): Promise<Callback> {
  let resolve: (url: URL) => void = () => {};
  let reject: (error: CloisterError) => void = () => {};
  const answer = new Promise<URL>((resolveIt, rejectIt) => {
    [resolve, reject] = [resolveIt, rejectIt];
  });
  // It may be rejected before anybody waits for it.
  answer.catch(() => {});
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    const url = callbackUrl(request, `127.0.0.1:${String(port())}`);
    if (!url) return page(response, 404, "This address is for the answer to a login only.");
    if (url.searchParams.get("state") !== state) {
      return page(response, 400, "This is the answer to another login. Follow the link in the terminal once more.");
    }
    page(response, 200, "The answer has arrived: you can close this page. The terminal says how it went on.");
    resolve(url);
  });
  const port = () => (server.address() as AddressInfo).port;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const tooLate = setTimeout(() => reject(expired()), PERSON_MS);
  const interrupted = () => reject(new CloisterError("INTERRUPTED", "the login was interrupted"));
  cancel.addEventListener("abort", interrupted);
  if (cancel.aborted) interrupted();
  return {
    redirectUri: `http://127.0.0.1:${String(port())}${PATH}`,
    answer,
    close() {
      clearTimeout(tooLate);
      cancel.removeEventListener("abort", interrupted);
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A GET of our page. The Host must be the address itself, so that no other name can be made to point here. */
function callbackUrl(request: IncomingMessage, host: string): URL | undefined {
  if (request.method !== "GET" || request.headers.host !== host) return undefined;
  const address = `http://${host}${request.url ?? ""}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url?.host === host && url.pathname === PATH ? url : undefined;
}

function page(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    connection: "close",
  });
  response.end(`<!doctype html><title>cloister login</title><p>${text}</p>\n`);
}

function expired(): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", "nobody logged in", {
    why: `no answer came within ${String(PERSON_MS / 60_000)} minutes`,
    next: "cloister login   (where there is no browser: cloister login --device)",
  });
}
