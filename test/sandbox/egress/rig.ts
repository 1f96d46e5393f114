// An egress whose doors and whose servers are sockets of this machine's loopback, and clients that write byte by byte what
// an attacker would.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTls } from "node:tls";
import type { NetworkDecision } from "../../../src/base/network-decision.ts";
import { coversHost } from "../../../src/policy/host-entry.ts";
import { type Egress, startEgress } from "../../../src/sandbox/egress/egress.ts";
import type { Target } from "../../../src/sandbox/egress/target.ts";

export const LOOPBACK = "127.0.0.1/32";

/** Key and certificate for these names, made by openssl for one test file. */
export function certificate(...names: readonly string[]): { readonly key: Buffer; readonly cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "cloister-egress-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const alternative = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const args = ["req", "-x509", ...kind, "-subj", "/CN=test", "-addext", alternative, "-keyout", key, "-out", cert];
  execFileSync("openssl", args, { stdio: "ignore" });
  const read = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return read;
}

/** A server outside, and what came to it. */
export interface Outside {
  readonly port: number;
  /** First lines of requests, with the Host header. */
  readonly requests: string[];
  /** Connections, whatever came of them. */
  visitors(): number;
  close(): void;
}

async function outside(server: Server, requests: string[]): Promise<Outside> {
  let visitors = 0;
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    visitors++;
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, requests, visitors: () => visitors, close };
}

export async function httpServer(): Promise<Outside> {
  const requests: string[] = [];
  const server = createHttp((request: IncomingMessage, response) => {
    requests.push(`${request.method ?? ""} ${request.url ?? ""} ${request.headers.host ?? ""}`);
    request.resume().on("end", () => response.end("hello\n"));
  });
  return await outside(server, requests);
}

/** A server that says something of its own to everybody: hostile ones too. */
export async function rawServer(answer: string): Promise<Outside> {
  return await outside(
    createServer((socket) => socket.once("data", () => socket.write(answer))),
    [],
  );
}

export async function tlsServer(...names: readonly string[]): Promise<Outside> {
  const requests: string[] = [];
  const server = createTls(certificate(...names), (socket) => {
    requests.push(socket.servername || "no name");
    socket.on("error", () => undefined);
    socket.end("hello\n");
  });
  return await outside(server, requests);
}

export interface Rig {
  readonly egress: Egress;
  /** Port of the proxy. */
  readonly proxy: number;
  /** Ports of the forwarders, in the order of `forward`. */
  readonly forwarders: readonly number[];
  /** Everything that was looked up. */
  readonly lookups: readonly string[];
  decisions(): readonly Omit<NetworkDecision, "sent" | "received">[];
  close(): void;
}

/** @param names what the resolver says of each name, in turn where there are several answers */
export async function rig(options: {
  readonly allow: readonly string[];
  readonly names: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly privateNetworks?: readonly string[];
  readonly forward?: readonly Target[];
}): Promise<Rig> {
  const { allow, names, privateNetworks = [LOOPBACK], forward = [] } = options;
  const lookups: string[] = [];
  const doors: { readonly server: Server; readonly to: Target | undefined }[] = [];
  for (const to of [undefined, ...forward]) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    doors.push({ server, to });
  }
  const egress = await startEgress({
    doors,
    covering: ({ host, port }) => allow.find((entry) => coversHost(entry, `${host}:${String(port)}`)),
    privateNetworks,
    text: ({ message }) => `no: ${message}\n`,
    resolver: async (host) => {
      const turn = lookups.filter((name) => name === host).length;
      lookups.push(host);
      const answers = names[host] ?? [];
      return answers[Math.min(turn, answers.length - 1)] ?? [];
    },
  });
  const [proxy = 0, ...forwarders] = doors.map(({ server }) => (server.address() as AddressInfo).port);
  return {
    ...{ egress, proxy, forwarders, lookups },
    decisions: () => egress.decisions().map(({ sent: _sent, received: _received, ...decision }) => decision),
    close: () => egress.close(),
  };
}

/** Writes the parts one after the other and returns all that came back until the other side ended. */
export async function converse(port: number, parts: readonly (string | Buffer)[], pauseMs = 20): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  for (const part of parts) {
    if (socket.destroyed) break;
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await closed;
  return answer;
}

/** A tunnel through the proxy: the socket behind the answer to CONNECT, and that answer. */
export async function tunnelTo(
  port: number,
  host: string,
): Promise<{ readonly socket: Socket; readonly answer: string }> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  return { socket, answer: answer.toString("latin1") };
}

/** What a TLS server says that asks for `servername`, or the error. */
export function overTls(socket: Socket, servername: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const options = { socket, rejectUnauthorized: false, ...(servername === "" ? {} : { servername }) };
    const tls = connectTls(options);
    tls.on("data", (chunk) => {
      text += String(chunk);
    });
    tls.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    tls.on("close", () => resolve(text));
  });
}

/** The first flight of a real client that asks for this name. */
export async function helloFor(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  const tls = connectTls({ socket, rejectUnauthorized: false, ...(servername === "" ? {} : { servername }) });
  tls.on("error", () => undefined);
  const [incoming] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(incoming, "data")) as [Buffer];
  tls.destroy();
  incoming.destroy();
  server.close();
  return hello;
}
