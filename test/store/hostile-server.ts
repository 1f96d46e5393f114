// A server that speaks enough S3 to be believed, and then lies as a test tells it to. For lies only: what a good server does
// is tried on a real one (test/interop).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How it differs from an honest server. */
export interface Lies {
  /** Which conditional writes it takes although the name is taken. */
  readonly overwrites?: "none" | "puts" | "racing puts" | "completions";
  /** Answers itself; false to go on as usual. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export class HostileServer {
  readonly objects = new Map<string, Buffer>();
  /** Method and path of every request. */
  readonly requests: string[] = [];
  lies: Lies = {};
  readonly #uploads = new Map<string, Buffer[]>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
      void this.#answer(request, response);
    });
  }

  static async start(): Promise<HostileServer> {
    const server = new HostileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.lies.instead?.(request, response)) return;
    const url = new URL(request.url ?? "/", "http://any");
    const key = decodeURIComponent(url.pathname.split("/").slice(2).join("/"));
    const body = await bodyOf(request);
    const conditional = request.headers["if-none-match"] === "*";
    const upload = url.searchParams.get("uploadId");
    switch (request.method) {
      case "PUT":
        if (upload) this.#uploads.get(upload)?.push(body);
        else return await this.#put(response, key, body, conditional);
        return void response.setHeader("ETag", '"part"').end();
      case "POST":
        if (upload === null) return this.#begin(response, key);
        return this.#complete(response, key, upload, conditional);
      case "DELETE":
        if (upload === null) this.objects.delete(key);
        return void response.writeHead(204).end();
      default:
        return this.#get(response, key);
    }
  }

  async #put(response: ServerResponse, key: string, body: Buffer, conditional: boolean): Promise<void> {
    const { overwrites } = this.lies;
    const taken = this.objects.has(key);
    // Looking and writing in two steps is how servers come to let several racing writers win.
    if (overwrites === "racing puts") await new Promise((resolve) => setTimeout(resolve, 30));
    if (taken && conditional && overwrites !== "puts") return refuse(response, 412, "PreconditionFailed");
    this.objects.set(key, body);
    response.setHeader("ETag", '"whole"').end();
  }

  #begin(response: ServerResponse, key: string): void {
    const id = String(this.#uploads.size);
    this.#uploads.set(id, []);
    xml(
      response,
      200,
      `<InitiateMultipartUploadResult><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    );
  }

  #complete(response: ServerResponse, key: string, upload: string, conditional: boolean): void {
    if (this.objects.has(key) && conditional && this.lies.overwrites !== "completions") {
      refuse(response, 412, "PreconditionFailed");
      return;
    }
    this.objects.set(key, Buffer.concat(this.#uploads.get(upload) ?? []));
    xml(response, 200, `<CompleteMultipartUploadResult><Key>${key}</Key></CompleteMultipartUploadResult>`);
  }

  #get(response: ServerResponse, key: string): void {
    const found = this.objects.get(key);
    if (found) response.setHeader("Content-Length", found.length).end(found);
    else refuse(response, 404, "NoSuchKey");
  }
}

/** An answer that refuses, as S3 writes it. */
export function refuse(response: ServerResponse, status: number, code: string): void {
  xml(response, status, `<Error><Code>${code}</Code><Message>no</Message></Error>`);
}

export function xml(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { "Content-Type": "application/xml" })
    .end(`<?xml version="1.0" encoding="UTF-8"?>${text}`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
