// A loopback STS: it writes down what the real SDK sends and answers in STS's own XML. It enforces nothing; servers that do
// are in test/interop.
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** One request, as its form says it. */
export type StsRequest = Readonly<Record<string, string>>;

export interface LoopbackSts {
  readonly url: string;
  readonly requests: StsRequest[];
  /** What it answers next, once: an error by its code. */
  failNext(code: string, message: string, status?: number): void;
  /** Waits this long before every answer. */
  delayMs: number;
  /** Lifetime of what it gives, instead of the one asked for. */
  lifeMs: number | undefined;
  close(): Promise<void>;
}

export async function startSts(): Promise<LoopbackSts> {
  let failure: { readonly code: string; readonly message: string; readonly status: number } | undefined;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString("utf8")));
      sts.requests.push(form);
      const failed = failure;
      failure = undefined;
      setTimeout(() => {
        response.writeHead(failed?.status ?? 200, { "content-type": "text/xml" });
        response.end(failed ? errorXml(failed) : sessionXml(form, sts.lifeMs));
      }, sts.delayMs);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const sts: LoopbackSts = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests: [],
    delayMs: 0,
    lifeMs: undefined,
    failNext: (code, message, status = 403) => {
      failure = { code, message, status };
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return sts;
}

function sessionXml(form: StsRequest, lifeMs: number | undefined): string {
  const action = form["Action"] ?? "";
  const ends = new Date(Date.now() + (lifeMs ?? Number(form["DurationSeconds"]) * 1000)).toISOString();
  const session = [
    `<AccessKeyId>ASIA${randomBytes(8).toString("hex").toUpperCase()}</AccessKeyId>`,
    `<SecretAccessKey>${randomBytes(20).toString("hex")}</SecretAccessKey>`,
    `<SessionToken>${randomBytes(600).toString("base64")}</SessionToken>`,
    `<Expiration>${ends}</Expiration>`,
  ].join("");
  const namespace = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"';
  return `<${action}Response ${namespace}><${action}Result><Credentials>${session}</Credentials></${action}Result></${action}Response>`;
}

function errorXml({ code, message }: { readonly code: string; readonly message: string }): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
}
