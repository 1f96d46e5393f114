// A proxy in front of a real S3 that does to chosen requests what networks and overloaded servers do.
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * `slow down`, `error`: refused before anything was done. `error after`: done, and reported as failed. `reset before`,
 * `reset after`: the connection ends before or after the server did its work. `delay`: done at once, answered too late.
 * `late`: done only when the client has given up. `truncate`: half of the answer's body.
 */
export const S3_FAULTS = [
  ...(["slow down", "error", "error after", "reset before", "reset after", "delay", "late", "truncate"] as const),
];
export type S3Fault = (typeof S3_FAULTS)[number];

/** Which fault meets a request, if any. */
export type Plan = (request: IncomingMessage) => S3Fault | undefined;

export class S3Proxy {
  plan: Plan = () => undefined;
  /** Faults that were injected. */
  injected = 0;
  readonly #server: Server;
  readonly #upstream: URL;
  readonly #delayMs: number;
  /** Work that goes on although its client has gone. */
  readonly #pending = new Set<Promise<unknown>>();

  private constructor(upstream: string, delayMs: number) {
    this.#upstream = new URL(upstream);
    this.#delayMs = delayMs;
    this.#server = createServer((request, response) => {
      const work = this.#serve(request, response).catch(() => response.destroy());
      this.#pending.add(work);
      void work.then(() => this.#pending.delete(work));
    });
  }

  /** @param delayMs longer than the client waits */
  static async start(upstream: string, delayMs: number): Promise<S3Proxy> {
    const proxy = new S3Proxy(upstream, delayMs);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** When this returns, everything that was asked for has been done or never will be. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async stop(): Promise<void> {
    await this.settle();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.plan(request);
    if (fault) this.injected++;
    const body = await bodyOf(request);
    if (fault === "reset before") return void request.socket.destroy();
    if (fault === "slow down") return refuse(response, 503, "SlowDown");
    if (fault === "error") return refuse(response, 500, "InternalError");
    if (fault === "late") await pause(this.#delayMs);
    const answer = await this.#forward(request, body);
    if (fault === "reset after" || fault === "late") return void request.socket.destroy();
    if (fault === "error after") return refuse(response, 500, "InternalError");
    if (fault === "delay") await pause(this.#delayMs);
    response.writeHead(answer.status, answer.headers);
    if (fault !== "truncate" || answer.body.length === 0) return void response.end(answer.body);
    await new Promise((resolve) => response.write(answer.body.subarray(0, answer.body.length / 2), resolve));
    request.socket.destroy();
  }

  #forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    const { hostname, port } = this.#upstream;
    return new Promise((resolve, reject) => {
      // The signature covers the host name that the client used, so that goes through as it is.
      const upstream = ask({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
        bodyOf(answer).then((all) => {
          const { "transfer-encoding": _, ...rest } = answer.headers;
          // A HEAD announces a body that does not come.
          const length = method === "HEAD" ? {} : { "content-length": String(all.length) };
          resolve({ status: answer.statusCode ?? 500, headers: { ...rest, ...length }, body: all });
        }, reject);
      });
      upstream.on("error", reject);
      upstream.end(body);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "Content-Type": "application/xml" });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`);
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
