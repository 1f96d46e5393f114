// The endpoint against clients that ask wrongly, and against the SDK's own provider.
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { type ContainerEndpoint, containerEndpoint } from "../../src/credentials/container-endpoint.ts";

let endpoint: ContainerEndpoint;
let port: number;
let asked: number;
let answer: () => Promise<object>;

beforeEach(async () => {
  asked = 0;
  answer = async () => ({ AccessKeyId: "ASIAX" });
  endpoint = containerEndpoint(async () => {
    asked++;
    return answer();
  });
  await new Promise<void>((done) => endpoint.server.listen(0, "127.0.0.1", done));
  port = (endpoint.server.address() as AddressInfo).port;
});
afterEach(() => endpoint.close());

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask({ path = "/credentials", method = "GET", headers = {} }: Asked = {}) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("container endpoint", () => {
  it("answers who has the token", async () => {
    const { status, body } = await ask({ headers: { authorization: endpoint.token } });
    expect([status, JSON.parse(body)]).toEqual([200, { AccessKeyId: "ASIAX" }]);
  });

  it("does not wait for requests that never end, on a socket that another opened, too", async () => {
    const opened = createServer();
    await new Promise<void>((done) => opened.listen(0, "127.0.0.1", done));
    const other = containerEndpoint(answer);
    other.takeOver(opened);
    const began = Date.now();
    const slow = connect((opened.address() as AddressInfo).port, "127.0.0.1");
    slow.write("GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    slow.on("error", () => undefined).resume();
    await new Promise((done) => slow.once("close", done));
    expect(Date.now() - began).toBeLessThan(15_000);
    other.close();
    opened.close();
  }, 20_000);

  it.each<[string, () => Asked, number]>([
    ["without a token", () => ({}), 401],
    ["with another", () => ({ headers: { authorization: `${endpoint.token}x` } }), 401],
    ["with an empty one", () => ({ headers: { authorization: "" } }), 401],
    ["by another method", () => ({ method: "POST", headers: { authorization: endpoint.token } }), 405],
    ["elsewhere", () => ({ path: "/credentials/../x", headers: { authorization: endpoint.token } }), 404],
    ["with a query", () => ({ path: "/credentials?a=b", headers: { authorization: endpoint.token } }), 404],
    [
      "under a name that was rebound",
      () => ({ headers: { authorization: endpoint.token, host: "evil.example" } }),
      403,
    ],
    ["under a name that only begins well", () => ({ headers: { host: "127.0.0.1.evil.example" } }), 403],
  ])("gives nothing %s", async (_what, request, status) => {
    const refused = await ask(request());
    expect(refused.status).toBe(status);
    expect(refused.body).not.toContain("ASIAX");
    expect(asked).toBe(0);
  });

  it("refuses headers that are too large", async () => {
    const { status } = await ask({ headers: { authorization: "x".repeat(20_000) } });
    expect(status).toBe(431);
  });

  it("does not wait for a request that never ends, nor stay open for it", async () => {
    const socket = connect(port, "127.0.0.1");
    const closed = new Promise<void>((done) => socket.once("close", () => done()));
    socket.on("error", () => {});
    socket.write("GET /credentials HTTP/1.1\r\n");
    await new Promise((done) => socket.once("connect", done));
    endpoint.close();
    await closed;
  });

  it("tells a refusal from a failure, and nobody why", async () => {
    const headers = { authorization: endpoint.token };
    answer = async () => {
      throw new CloisterError("POLICY_DENIED", "get credentials", { why: "a secret reason" });
    };
    expect(await ask({ headers })).toMatchObject({ status: 403, body: expect.not.stringContaining("secret reason") });
    answer = async () => {
      throw new Error("at /home/ana/x.ts:1");
    };
    expect(await ask({ headers })).toMatchObject({ status: 503, body: expect.not.stringContaining("/home/ana") });
  });
});
