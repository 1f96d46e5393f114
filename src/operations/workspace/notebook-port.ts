// A port of this machine's loopback behind which a notebook server in a workspace answers. The token is part of every
// path, not a cookie: no other page in the browser knows it, so none can make the browser use it. Neither cookies nor
// other pages' requests get in, and what the workspace sends is told to load nothing from elsewhere.
import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { sha256 } from "../../base/digest.ts";
import { CloisterError, systemCode } from "../../base/errors.ts";
import type { Dialer } from "../../sandbox/sandbox.ts";

const CONNECTIONS_MAX = 256;

/** Headers that concern one connection only (RFC 9110, 7.6.1), and those that do not cross. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"],
  ...["upgrade", "cookie", "set-cookie", "authorization", "content-security-policy", "clear-site-data"],
  ...["content-security-policy-report-only", "refresh", "link", "strict-transport-security", "alt-svc"],
  "service-worker-allowed",
]);

export interface NotebookPort {
  readonly port: number;
  close(): void;
}

interface Inside {
  /** Port of the workspace's loopback. */
  readonly port: number;
  /** What the server inside wants as authorization; the browser never has it. */
  readonly token: string;
  readonly dialer: Dialer;
}

/**
 * Listens on 127.0.0.1 and passes on what begins with the token.
 *
 * @param port 0 for any that is free
 * @throws CloisterError USAGE where the port is taken
 */
export async function openNotebookPort(port: number, token: string, inside: Inside): Promise<NotebookPort> {
  const server = createServer((asked, answer) => {
    if (!admitted(asked, token, portOf())) return refuse(answer);
    // Whoever opens the printed address finds nothing that pages of another workspace left at this port.
    const begins = asked.url === `/${token}/`;
    const added = { ...confining(portOf()), ...(begins ? { "clear-site-data": `"cache", "storage"` } : {}) };
    forward(asked, answer, inside, added).catch(() => unavailable(answer));
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("upgrade", (asked, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (!admitted(asked, token, portOf())) return void socket.end(headOf(403, "Forbidden", { connection: "close" }));
    upgrade(asked, socket, head, inside).catch(() => socket.destroy());
  });
  const portOf = (): number => (server.address() as AddressInfo).port;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const taken = systemCode(cause) === "EADDRINUSE" || systemCode(cause) === "EACCES";
      const why = taken ? "another program has it, or it is for root only" : String(systemCode(cause));
      reject(
        new CloisterError("USAGE", `port ${String(port)} cannot be used`, { why, next: "another --port, or none" }),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: portOf(),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** By name, so that a page whose name was turned to this address (DNS rebinding) is another one; and by token. */
function admitted(asked: IncomingMessage, token: string, port: number): boolean {
  const { host, origin } = asked.headers;
  // The browser would keep it, for whatever is behind this port when this workspace is gone.
  if (asked.headers["service-worker"] !== undefined) return false;
  const hosts = [`127.0.0.1:${String(port)}`, `localhost:${String(port)}`];
  if (host === undefined || !hosts.includes(host)) return false;
  if (origin !== undefined && origin !== `http://${host}`) return false;
  const [before, given, rest] = splitPath(asked.url ?? "");
  return before === "" && rest !== undefined && timingSafeEqual(sha256(given), sha256(token));
}

function splitPath(url: string): [string, string, string | undefined] {
  const [before = "", given = "", rest] = url.split("/", 3);
  return [before, given, rest];
}

async function forward(
  asked: IncomingMessage,
  answer: ServerResponse,
  inside: Inside,
  added: Readonly<Record<string, string>>,
): Promise<void> {
  const socket = await inside.dialer.connect(inside.port);
  const onward = request({
    createConnection: () => socket,
    method: asked.method,
    path: asked.url,
    headers: { ...forwarded(asked.headers), authorization: `token ${inside.token}`, connection: "close" },
    setHost: false,
  });
  onward.once("response", (response) => {
    answer.writeHead(response.statusCode ?? 502, { ...forwarded(response.headers), ...added });
    response.pipe(answer);
    response.once("error", () => answer.destroy());
  });
  onward.once("error", () => unavailable(answer));
  answer.once("close", () => socket.destroy());
  asked.pipe(onward);
}

/** A websocket: its two heads pass like any others, and then bytes both ways. */
async function upgrade(asked: IncomingMessage, socket: Duplex, head: Buffer, inside: Inside): Promise<void> {
  const way = await inside.dialer.connect(inside.port);
  socket.once("close", () => way.destroy());
  const switching = { connection: "Upgrade", upgrade: "websocket" };
  const onward = request({
    createConnection: () => way,
    path: asked.url,
    headers: { ...forwarded(asked.headers), ...switching, authorization: `token ${inside.token}` },
    setHost: false,
  });
  onward.once("upgrade", (response, inner: Socket, first) => {
    socket.write(headOf(101, "Switching Protocols", { ...forwarded(response.headers), ...switching }));
    socket.write(first);
    inner.write(head);
    join(socket, inner);
  });
  onward.once("response", (response) => {
    response.resume();
    socket.end(headOf(response.statusCode ?? 502, "Refused", { connection: "close" }));
  });
  onward.once("error", () => socket.destroy());
  onward.end();
}

/** Names and values come from Node's parser, which lets no line break through. */
function headOf(status: number, reason: string, headers: Readonly<Record<string, string | string[]>>): string {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => `${name}: ${each}`));
  return `${[`HTTP/1.1 ${String(status)} ${reason}`, ...lines].join("\r\n")}\r\n\r\n`;
}

function join(one: Duplex, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.once("close", () => to.destroy());
    from.pipe(to);
  }
}

function forwarded(headers: IncomingMessage["headers"]): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter((header): header is [string, string | string[]] => {
    return header[1] !== undefined && !NOT_FORWARDED.has(header[0]);
  });
  return Object.fromEntries(kept);
}

/** A browser is in no sandbox: without this, a page of the workspace could send its data anywhere by loading a picture. */
function confining(port: number): Record<string, string> {
  const own = ["127.0.0.1", "localhost"].map((host) => `ws://${host}:${String(port)}`).join(" ");
  return {
    "content-security-policy": [
      `default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:`,
      `connect-src 'self' ${own} data: blob:`,
      "form-action 'self'",
      "base-uri 'self'",
      "frame-ancestors 'self'",
      "object-src 'none'",
      "webrtc 'block'",
    ].join("; "),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
}

function refuse(answer: ServerResponse): void {
  answer
    .writeHead(403, { "content-type": "text/plain", connection: "close" })
    .end("not without the address that cloister printed\n");
}

function unavailable(answer: ServerResponse): void {
  if (answer.headersSent) answer.destroy();
  else
    answer
      .writeHead(502, { "content-type": "text/plain", connection: "close" })
      .end("nothing answers in the workspace\n");
}
