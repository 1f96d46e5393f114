// A container-credentials endpoint: where an unmodified AWS SDK asks for credentials again before they expire, so that
// no key stands in a program's environment. Only who has the token gets an answer.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as ListeningServer } from "node:net";
import { sha256 } from "../base/digest.ts";
import { CloisterError } from "../base/errors.ts";

export const ENDPOINT_PATH = "/credentials";
const HEADER_BYTES_MAX = 8192;
const HEADERS_MS = 5000;
/** How often Node looks for requests that take longer. */
const LOOK_MS = 1000;
const ANSWER_MS = 60_000;
const CONNECTIONS_MAX = 64;

export interface ContainerEndpoint {
  /** Not listening yet. */
  readonly server: Server;
  /** Serves the connections of a socket that another opened, instead of one of its own. */
  takeOver(opened: ListeningServer): void;
  /** What a client sends in `Authorization`. */
  readonly token: string;
  /** Ends it, with every connection. */
  close(): void;
}

/**
 * An endpoint that answers `GET /credentials`.
 *
 * @param document makes the answer; what it throws is told to the client in one line and to nobody else
 */
export function containerEndpoint(document: () => Promise<object>): ContainerEndpoint {
  const token = randomBytes(32).toString("base64url");
  const server = createServer(
    {
      ...{ maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS },
      connectionsCheckingInterval: LOOK_MS,
    },
    (request, response) => {
      answer(request, response, token, document).catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.keepAliveTimeout = HEADERS_MS;
  server.setTimeout(ANSWER_MS);
  return {
    server,
    token,
    takeOver: (opened) => {
      opened.on("connection", (socket) => server.emit("connection", socket));
      // Node begins to look for requests that never end when a server listens itself.
      server.emit("listening");
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
  document: () => Promise<object>,
): Promise<void> {
  const refusal = refusalOf(request, token);
  if (refusal) return send(response, refusal[0], { code: "Refused", message: refusal[1] });
  try {
    send(response, 200, await document());
  } catch (error) {
    const known = error instanceof CloisterError;
    // A client tries again after a 5xx, and gives up after a 4xx.
    const status = known && error.code !== "UNAVAILABLE" ? 403 : 503;
    send(response, status, { code: known ? error.code : "FAILURE", message: known ? error.message : "no credentials" });
  }
}

/** Status and reason of a request that is not to be answered. */
function refusalOf(request: IncomingMessage, token: string): readonly [number, string] | undefined {
  const { method, url, headers } = request;
  // A web page whose name was rebound to 127.0.0.1 sends that name.
  if (headers.host !== undefined && !LOCAL_HOST.test(headers.host)) return [403, "wrong Host"];
  if (method !== "GET") return [405, "only GET"];
  // Before anything else that depends on it: digests have one length, and comparing them takes one time.
  if (!timingSafeEqual(sha256(headers.authorization ?? ""), sha256(token))) return [401, "wrong Authorization"];
  return url === ENDPOINT_PATH ? undefined : [404, `only ${ENDPOINT_PATH}`];
}

const LOCAL_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
}
