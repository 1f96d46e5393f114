// What speaks HTTP to clients in a workspace: CONNECT, requests for absolute URIs, and those of clients that think they
// speak to the host itself. Each request is decided on its own, whatever went before it on the same connection.
import { EventEmitter } from "node:events";
import { Agent, type ClientRequestArgs, type Server as HttpServer, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Destination, Gate } from "./gate.ts";
import { absoluteTarget, checkHost, connectTarget, Refused, type Target } from "./target.ts";

/** For the headers of one request. */
const HEADERS_MS = 10_000;
const HEADERS_MAX = 100;
/** How often Node looks for requests that take longer. */
const LOOK_MS = 2000;
const KEEP_ALIVE_MS = 15_000;

export interface HttpProxy {
  /** Takes a connection over. With a target, requests need not name it by an absolute URI. */
  serve(client: Socket, to?: Target): void;
  close(): void;
}

/**
 * @param tunnel takes over where CONNECT was allowed and answered
 * @param text body of a refusal
 */
export async function httpProxy(
  gate: Gate,
  tunnel: (client: Socket, destination: Destination) => void,
  text: (refusal: Refused) => string,
): Promise<HttpProxy> {
  const { RequestError, Server } = await import("proxy-chain");
  const targets = new WeakMap<object, Target>();
  const tunnels = tunnelsTo(tunnel);
  const proxy = new Server({
    authRealm: "cloister",
    prepareRequestFunction: async ({ request, isHttp }) => {
      try {
        const destination = await gate.destination(targetOf(request, isHttp, targets));
        return isHttp ? { httpAgent: new AgentTo(gate, destination) } : tunnels.to(request.socket, destination);
      } catch (error) {
        const refusal = gate.refused(error);
        throw new RequestError(text(refusal), refusal.status);
      }
    },
  });
  const { server } = proxy as unknown as { readonly server: HttpServer };
  bound(server);
  server.prependListener("request", (request: IncomingMessage) => {
    const target = targets.get(request.socket);
    const { url = "" } = request;
    if (target && url.startsWith("/")) request.url = `http://${target.host}:${String(target.port)}${url}`;
  });
  return {
    serve: (client, to) => {
      if (to) targets.set(client, to);
      server.emit("connection", client);
      // Where its first bytes were looked at, it stands still.
      client.resume();
    },
    // It never listened itself, which is an error to Node and nothing to us.
    close: () => server.close(() => undefined),
  };
}

function targetOf(request: IncomingMessage, isHttp: boolean, targets: WeakMap<object, Target>): Target {
  const { url = "", rawHeaders, socket } = request;
  const target = isHttp ? absoluteTarget(url) : connectTarget(url);
  checkHost(rawHeaders, target, isHttp);
  if (!isHttp && targets.has(socket)) throw new Refused("it is a tunnel inside another", target);
  return target;
}

function bound(server: HttpServer): void {
  server.headersTimeout = HEADERS_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // A whole request may be an upload.
  server.requestTimeout = 0;
  server.maxHeadersCount = HEADERS_MAX;
  Object.assign(server, { connectionsCheckingInterval: LOOK_MS });
  // What a server that listens itself would do by then: look for slow requests.
  server.emit("listening");
}

/** proxy-chain hands a tunnel to a server, by its `connection` event alone. */
function tunnelsTo(tunnel: (client: Socket, destination: Destination) => void) {
  const destinations = new WeakMap<Socket, Destination>();
  const server = new EventEmitter() as unknown as HttpServer;
  server.on("connection", (client) => {
    const destination = destinations.get(client);
    if (destination) tunnel(client, destination);
    else client.destroy();
  });
  return {
    to: (client: Socket, destination: Destination) => {
      destinations.set(client, destination);
      return { customConnectServer: server };
    },
  };
}

/** Connects one request to addresses that were checked; no connection is kept for the next. */
class AgentTo extends Agent {
  readonly #connect: () => Promise<Socket>;

  constructor(gate: Gate, destination: Destination) {
    super({ keepAlive: false });
    this.#connect = () => gate.connect(destination);
  }

  override createConnection(
    _options: ClientRequestArgs,
    created?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#connect().then(
      (socket) => created?.(null, socket),
      (error: Error) => created?.(error, undefined as unknown as Duplex),
    );
  }
}
