// What goes out of a workspace and what does not, tried by a client that is an attacker.
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  converse,
  helloFor,
  httpServer,
  type Outside,
  overTls,
  type Rig,
  rawServer,
  rig,
  tlsServer,
  tunnelTo,
} from "../sandbox/egress/rig.ts";

const NOT_LISTED = "it is not on this workspace's network list";
const LOCAL = [["127.0.0.1"]];

let open: Rig | undefined;
const opened = async (options: Parameters<typeof rig>[0]): Promise<Rig> => {
  open = await rig(options);
  return open;
};
afterEach(() => open?.close());

describe("requests for absolute URIs", () => {
  let web: Outside;
  let other: Outside;
  beforeAll(async () => {
    [web, other] = await Promise.all([httpServer(), httpServer()]);
  });
  afterAll(() => {
    web.close();
    other.close();
  });
  const at = (name: string, server = web) => `${name}:${String(server.port)}`;
  const setUp = () =>
    opened({ allow: [at("good.test")], names: { "good.test": LOCAL, "bad.test": LOCAL } }).then((made) => made.proxy);
  const get = (uri: string, host: string, more = "") =>
    `GET ${uri} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;

  test("reach an allowed host, and are counted with their bytes", async () => {
    const proxy = await setUp();
    const answer = await converse(proxy, [get(`http://${at("good.test")}/a?b`, at("good.test"))]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*hello\n/);
    expect(web.requests.at(-1)).toBe(`GET /a?b ${at("good.test")}`);
    const [decision] = open?.egress.decisions() ?? [];
    expect(decision).toMatchObject({ host: "good.test", port: web.port, allowed: true, count: 1 });
    expect(decision?.sent).toBeGreaterThan(40);
    expect(decision?.received).toBeGreaterThan(40);
  });

  test("are refused for other hosts and other ports, which are not even looked up", async () => {
    const proxy = await setUp();
    for (const uri of [at("bad.test"), at("good.test", other), at("sub.good.test"), at("good.test.bad.test")]) {
      const answer = await converse(proxy, [get(`http://${uri}/`, uri)]);
      expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(answer).toContain(`no: ${NOT_LISTED}`);
    }
    expect(open?.lookups).toEqual([]);
    expect(open?.decisions()[0]).toEqual({
      host: "bad.test",
      port: web.port,
      allowed: false,
      why: NOT_LISTED,
      count: 1,
    });
    expect(other.visitors()).toBe(0);
  });

  test.each([
    ["an address", "http://127.0.0.1:PORT/"],
    ["an address in hexadecimal", "http://0x7f.1:PORT/"],
    ["an address in octal", "http://0177.0.0.1:PORT/"],
    ["an address in one number", "http://2130706433:PORT/"],
    ["an IPv6 address", "http://[::1]:PORT/"],
    ["an IPv4 address inside an IPv6 one", "http://[::ffff:127.0.0.1]:PORT/"],
    ["an address in full-width digits", "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:PORT/"],
    ["localhost", "http://localhost:PORT/"],
    ["a name of localhost", "http://good.localhost:PORT/"],
    ["percent-encoded letters", "http://g%6fod.test:PORT/"],
    ["a trailing dot", "http://good.test.:PORT/"],
    ["userinfo", "http://good.test:PORT@bad.test:PORT/"],
    ["userinfo that is the host", "http://good.test@good.test:PORT/"],
    ["a backslash", "http://good.test:PORT\\@bad.test:PORT/"],
    ["no host", "http://:PORT/"],
    ["no port after the colon", "http://good.test:/"],
    ["a port out of range", "http://good.test:65616/"],
    ["another scheme", "ftp://good.test:PORT/"],
    ["https, which a proxy cannot read", "https://good.test:PORT/"],
    ["no scheme", "/"],
    ["an asterisk", "*"],
  ])("are refused for %s", async (_what, pattern) => {
    const proxy = await setUp();
    const [asked, before] = [web.visitors(), other.visitors()];
    const answer = await converse(proxy, [get(pattern.replaceAll("PORT", String(web.port)), at("good.test"))]);
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    expect([web.visitors(), other.visitors()]).toEqual([asked, before]);
  });

  test("are refused with another Host header, with two, and with none", async () => {
    const proxy = await setUp();
    const uri = `http://${at("good.test")}/`;
    const before = web.visitors();
    expect(await converse(proxy, [get(uri, "bad.test")])).toContain("no: its Host header names another host");
    expect(await converse(proxy, [get(uri, at("good.test", other))])).toContain("names another host");
    const two = get(uri, at("good.test"), "Host: bad.test\r\n");
    expect(await converse(proxy, [two])).toMatch(/^HTTP\/1\.1 40[03] /);
    const none = `GET ${uri} HTTP/1.1\r\nConnection: close\r\n\r\n`;
    expect(await converse(proxy, [none])).toMatch(/^HTTP\/1\.1 400 /);
    expect(web.visitors()).toBe(before);
  });

  test("are the only one of a connection: nothing that follows reaches anybody", async () => {
    const proxy = await setUp();
    const request = (uri: string, host: string) => `GET ${uri} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    for (const second of [at("bad.test"), at("good.test")]) {
      const before = web.requests.length;
      const parts = [request(`http://${at("good.test")}/1`, at("good.test")), request(`http://${second}/2`, second)];
      for (const sent of [parts, [parts.join("")]]) {
        const answer = await converse(proxy, sent, 200);
        expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*?Connection: close\r\n/);
        expect(answer).not.toMatch(/200[\s\S]*HTTP\/1\.1 200/);
      }
      expect(web.requests.slice(before)).toEqual([`GET /1 ${at("good.test")}`, `GET /1 ${at("good.test")}`]);
    }
  });

  test("cannot smuggle a second one in by two lengths of one body", async () => {
    const proxy = await setUp();
    const smuggled = `GET /smuggled HTTP/1.1\r\nHost: bad.test\r\n\r\n`;
    const head = (headers: string) =>
      `POST http://${at("good.test")}/ HTTP/1.1\r\nHost: ${at("good.test")}\r\nConnection: close\r\n${headers}\r\n`;
    const before = web.requests.length;
    for (const headers of [
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      `Content-Length: 5\r\nContent-Length: ${String(5 + smuggled.length)}\r\n`,
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding : chunked\r\n",
    ]) {
      expect(await converse(proxy, [`${head(headers)}0\r\n\r\n${smuggled}`])).toMatch(/^HTTP\/1\.1 (?:400|403) /);
    }
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"]) {
      const request = `${head("Transfer-Encoding: chunked\r\n").replace("POST", method)}${chunk}`;
      expect(await converse(proxy, [request])).toMatch(/^HTTP\/1\.1 403 /);
    }
    // With a frame the body stays one.
    expect(await converse(proxy, [`${head("Transfer-Encoding: chunked\r\n")}${chunk}`])).toMatch(/^HTTP\/1\.1 200 /);
    const framed = `${head(`Content-Length: ${String(smuggled.length)}\r\n`).replace("POST", "GET")}${smuggled}`;
    expect(await converse(proxy, [framed])).toMatch(/^HTTP\/1\.1 200 /);
    expect(web.requests.slice(before).filter((line) => line.includes("smuggled"))).toEqual([]);
  });

  test("with headers that are too large or too many reach nobody", async () => {
    const proxy = await setUp();
    const before = web.visitors();
    const large = get(`http://${at("good.test")}/`, at("good.test"), `X: ${"x".repeat(40_000)}\r\n`);
    expect(await converse(proxy, [large])).toMatch(/^(?:HTTP\/1\.1 4|$)/);
    expect(web.visitors()).toBe(before);
  });

  test("are answered with 502 where a host does not answer, and is not found", async () => {
    const refusing = await httpServer();
    refusing.close();
    const made = await opened({
      allow: [at("good.test", refusing), "lost.test:80"],
      names: { "good.test": LOCAL },
    });
    const uri = at("good.test", refusing);
    expect(await converse(made.proxy, [get(`http://${uri}/`, uri)])).toMatch(/^HTTP\/1\.1 5\d\d /);
    expect(await converse(made.proxy, [get("http://lost.test/", "lost.test")])).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*no: its address cannot be found/,
    );
  });

  test("get one answer, though a hostile server's has two lengths and another answer inside", async () => {
    const forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    const lengths = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n";
    const body = `2\r\nok\r\n${forged.length.toString(16)}\r\n${forged}\r\n0\r\n\r\n`;
    const hostile = await rawServer(`HTTP/1.1 200 OK\r\n${lengths}\r\n${body}`);
    const uri = at("good.test", hostile);
    const made = await opened({ allow: [uri], names: { "good.test": LOCAL } });
    const answer = await converse(made.proxy, [`GET http://${uri}/ HTTP/1.1\r\nHost: ${uri}\r\n\r\n`]);
    // Whoever reads on after this reads against RFC 9112, 9.6.
    expect(answer.split("\r\n\r\n")[0]).toMatch(/\r\nConnection: close$/m);
    hostile.close();
  });

  test("survive servers that answer with nonsense", async () => {
    for (const answer of [
      "nonsense\r\n\r\n",
      "HTTP/1.1 200 \u0001\u007f\r\nContent-Length: 1\r\n\r\nx",
      "HTTP/1.1 999 \r\nContent-Length: 1\r\n\r\nx",
      `HTTP/1.1 200 OK\r\nX: ${"x".repeat(99_000)}\r\n\r\n`,
    ]) {
      const hostile = await rawServer(answer);
      const uri = at("good.test", hostile);
      const made = await opened({ allow: [uri], names: { "good.test": LOCAL } });
      const got = await converse(made.proxy, [get(`http://${uri}/`, uri)]);
      expect(got).toMatch(/^HTTP\/1\.1 (?:5|999)/);
      made.close();
      hostile.close();
    }
  });
});

describe("tunnels", () => {
  let tls: Outside;
  beforeAll(async () => {
    tls = await tlsServer("good.test", "bad.test");
  });
  afterAll(() => tls.close());
  const good = () => `good.test:${String(tls.port)}`;
  const setUp = () => opened({ allow: [good()], names: { "good.test": LOCAL } });

  test("lead to the host that TLS names", async () => {
    const { proxy } = await setUp();
    const { socket, answer } = await tunnelTo(proxy, good());
    expect(answer).toBe("HTTP/1.1 200 Connection Established\r\n\r\n");
    expect(await overTls(socket, "good.test")).toBe("hello\n");
    expect(tls.requests.at(-1)).toBe("good.test");
    expect(open?.decisions()).toEqual([{ host: "good.test", port: tls.port, allowed: true, count: 1 }]);
  });

  test.each([
    ["another host", "bad.test", "its TLS names another host"],
    ["no host", "", "its TLS names no host (SNI)"],
  ])("are cut where TLS names %s: the server is not even connected to", async (_what, name, why) => {
    const { proxy } = await setUp();
    const before = tls.visitors();
    const { socket } = await tunnelTo(proxy, good());
    expect(await overTls(socket, name)).toMatch(/ALERT_ACCESS_DENIED/);
    expect(open?.decisions()).toEqual([{ host: "good.test", port: tls.port, allowed: false, why, count: 1 }]);
    expect(tls.visitors()).toBe(before);
  });

  test("take a ClientHello in pieces, of bytes and of records", async () => {
    const { proxy } = await setUp();
    for (const name of ["good.test", "bad.test"]) {
      const hello = await helloFor(name);
      const body = hello.subarray(5);
      const records = [body.subarray(0, 3), body.subarray(3, 90), body.subarray(90)].map((part) =>
        Buffer.concat([Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part]),
      );
      const before = tls.visitors();
      const ways = [[hello.subarray(0, 1), hello.subarray(1, 7), hello.subarray(7, 100), hello.subarray(100)], records];
      for (const parts of ways) {
        const { socket } = await tunnelTo(proxy, good());
        const first = once(socket, "data") as Promise<[Buffer]>;
        for (const part of parts) {
          socket.write(part);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        // A handshake from the server, or our alert.
        expect((await first)[0][0]).toBe(name === "good.test" ? 22 : 21);
        socket.destroy();
      }
      expect(tls.visitors() - before).toBe(name === "good.test" ? ways.length : 0);
    }
  });

  test("are cut where nothing comes, or half a ClientHello, for 5 seconds", async () => {
    const { proxy } = await setUp();
    const hello = await helloFor("good.test");
    const before = tls.visitors();
    const cut = async (bytes: Buffer): Promise<number> => {
      const { socket } = await tunnelTo(proxy, good());
      const began = Date.now();
      socket.write(bytes);
      await new Promise((resolve) => socket.resume().once("close", resolve));
      return Date.now() - began;
    };
    for (const ms of await Promise.all([cut(Buffer.alloc(0)), cut(hello.subarray(0, 50))])) {
      expect(ms).toBeGreaterThan(4500);
      expect(ms).toBeLessThan(8000);
    }
    expect(tls.visitors()).toBe(before);
  });

  test("hold no protocol but TLS and HTTP, and HTTP for their own host alone", async () => {
    const web = await httpServer();
    const target = `good.test:${String(web.port)}`;
    const { proxy } = await opened({ allow: [target], names: { "good.test": LOCAL } });
    const through = async (text: string): Promise<string> => {
      const { socket } = await tunnelTo(proxy, target);
      let answer = "";
      socket.on("data", (chunk) => {
        answer += String(chunk);
      });
      socket.write(text);
      await new Promise((resolve) => socket.once("close", resolve));
      return answer;
    };
    const request = (host: string) => `GET /in HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    expect(await through(request(target))).toMatch(/^HTTP\/1\.1 200/);
    const before = web.visitors();
    expect(await through(request("bad.test"))).toMatch(/^HTTP\/1\.1 403/);
    expect(await through("SSH-2.0-OpenSSH_9.2\r\n")).toMatch(/^HTTP\/1\.1 400/);
    expect(await through(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 403/);
    expect(web.visitors()).toBe(before);
    web.close();
  });

  test.each([
    "bad.test:PORT",
    "good.test:22",
    "127.0.0.1:PORT",
    "0x7f.1:PORT",
    "[::1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "localhost:PORT",
    "good.test@bad.test:PORT",
    "good.test:PORT@bad.test:PORT",
    "good.test.:PORT",
    "good.test:PORT/",
    "good.test",
    "http://good.test:PORT/",
  ])("do not lead to %s", async (pattern) => {
    const { proxy } = await setUp();
    const before = tls.visitors();
    const target = pattern.replaceAll("PORT", String(tls.port));
    const answer = await converse(proxy, [`CONNECT ${target} HTTP/1.1\r\nHost: ${good()}\r\n\r\n`]);
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(tls.visitors()).toBe(before);
  });

  test("take clients of HTTP/1.0 that send no Host, and none that sends another or two", async () => {
    const { proxy } = await setUp();
    const hello = await helloFor("good.test");
    const first = async (head: string): Promise<string> => (await converse(proxy, [head, hello, hello])).slice(0, 12);
    expect(await first(`CONNECT ${good()} HTTP/1.0\r\n\r\n`)).toBe("HTTP/1.1 200");
    expect(await first(`CONNECT ${good()} HTTP/1.1\r\nHost: bad.test\r\n\r\n`)).toBe("HTTP/1.1 403");
    const two = `CONNECT ${good()} HTTP/1.1\r\nHost: ${good()}\r\nHost: ${good()}\r\n\r\n`;
    expect(await first(two)).toBe("HTTP/1.1 403");
  });
});

describe("names that lead somewhere else", () => {
  const uri = "http://good.test:8080/";
  const get = `GET ${uri} HTTP/1.1\r\nHost: good.test:8080\r\nConnection: close\r\n\r\n`;
  const connecting = "CONNECT good.test:8080 HTTP/1.1\r\nHost: good.test:8080\r\n\r\n";

  test.each([
    ["loopback", ["127.0.0.1"], []],
    ["IPv6 loopback", ["::1"], []],
    ["loopback in IPv6 clothes", ["::ffff:127.0.0.1"], []],
    ["a private network", ["10.1.2.3"], []],
    ["another private network than the policy names", ["10.1.2.3"], ["10.2.0.0/16"]],
    ["cloud metadata", ["169.254.169.254"], []],
    ["cloud metadata, though the policy names it", ["169.254.169.254"], ["169.254.0.0/16"]],
    ["cloud metadata over NAT64", ["64:ff9b::a9fe:a9fe"], ["64:ff9b::/96"]],
    ["Azure's wire server", ["168.63.129.16"], []],
    ["Amazon's IPv6 metadata", ["fd00:ec2::254"], ["fd00::/16"]],
    ["Alibaba's metadata", ["100.100.100.200"], ["100.64.0.0/10"]],
    ["multicast", ["224.0.0.1"], []],
    ["no address at all", ["0.0.0.0"], []],
    ["an interface's own", ["fe80::1%eth0"], []],
    ["nonsense", ["good.test"], []],
  ])("are refused: %s", async (_what, addresses, privateNetworks) => {
    const made = await opened({ allow: ["good.test:8080"], names: { "good.test": [addresses] }, privateNetworks });
    for (const request of [get, connecting]) {
      expect(await converse(made.proxy, [request])).toMatch(/^HTTP\/1\.1 403 [\s\S]*which is not public/);
    }
  });

  test("are connected to at the address that was checked, whatever they mean a moment later", async () => {
    const web = await httpServer();
    const target = `good.test:${String(web.port)}`;
    const names = { "good.test": [["127.0.0.1"], ["127.0.0.2"]] };
    const made = await opened({ allow: [target], names });
    const request = `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\nConnection: close\r\n\r\n`;
    expect(await converse(made.proxy, [request])).toMatch(/^HTTP\/1\.1 200/);
    expect(made.lookups).toEqual(["good.test"]);
    expect(await converse(made.proxy, [request])).toMatch(/^HTTP\/1\.1 403/);
    expect(web.visitors()).toBe(1);
    web.close();
  });

  test("that mix good and bad addresses are connected to at the good ones", async () => {
    const web = await httpServer();
    const target = `good.test:${String(web.port)}`;
    const made = await opened({ allow: [target], names: { "good.test": [["169.254.169.254", "127.0.0.1"]] } });
    const request = `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\nConnection: close\r\n\r\n`;
    expect(await converse(made.proxy, [request])).toMatch(/^HTTP\/1\.1 200/);
    web.close();
  });
});

describe("sockets that stand for one host", () => {
  test("serve clients that know of no proxy, by TLS and by HTTP", async () => {
    const [tls, web] = await Promise.all([tlsServer("good.test", "bad.test"), httpServer()]);
    const forward = [tls, web].map(({ port }) => ({ host: "good.test", port }));
    const allow = forward.map(({ host, port }) => `${host}:${String(port)}`);
    const made = await opened({ allow, names: { "good.test": LOCAL }, forward });
    const [secure = 0, plain = 0] = made.forwarders;
    expect(await overTls(connect(secure, "127.0.0.1"), "good.test")).toBe("hello\n");
    expect(await overTls(connect(secure, "127.0.0.1"), "bad.test")).toMatch(/ALERT_ACCESS_DENIED/);
    const get = (host: string, path = "/") => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const own = `good.test:${String(web.port)}`;
    expect(await converse(plain, [get(own)])).toMatch(/^HTTP\/1\.1 200/);
    expect(await converse(plain, [get(own, "//bad.test/x")])).toMatch(/^HTTP\/1\.1 200/);
    expect(web.requests).toEqual([`GET / ${own}`, `GET //bad.test/x ${own}`]);
    expect(await converse(plain, [get("bad.test")])).toMatch(/^HTTP\/1\.1 403/);
    expect(await converse(plain, [get("bad.test", "http://bad.test/")])).toMatch(/^HTTP\/1\.1 403/);
    expect([tls.visitors(), web.visitors()]).toEqual([1, 2]);
    tls.close();
    web.close();
  });
});

describe("a flood", () => {
  test("of connections that say nothing is bounded, and over after seconds", async () => {
    const made = await opened({ allow: ["good.test:80"], names: {}, forward: [{ host: "good.test", port: 80 }] });
    const [forwarder = 0] = made.forwarders;
    const sockets = Array.from({ length: 300 }, () => connect(forwarder, "127.0.0.1").on("error", () => undefined));
    const ends = sockets.map((socket) => new Promise((resolve) => socket.resume().once("close", resolve)));
    await Promise.all(ends);
    // One of those that came too late is not counted.
    const [entry] = made.decisions();
    expect(entry).toMatchObject({ host: "good.test", allowed: false, why: "it says nothing within 5 s" });
    expect(entry?.count).toBeLessThanOrEqual(256);
  });

  test("of headers that come a byte at a time is over after seconds", async () => {
    const made = await opened({ allow: ["good.test:80"], names: {} });
    const socket = connect(made.proxy, "127.0.0.1").on("error", () => undefined);
    socket.write("GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\n");
    const drip = setInterval(() => socket.write("X: y\r\n"), 250);
    const began = Date.now();
    await new Promise((resolve) => socket.resume().once("close", resolve));
    clearInterval(drip);
    expect(Date.now() - began).toBeLessThan(20_000);
  });

  test("of hosts makes no record without end", async () => {
    const made = await opened({ allow: [], names: {} });
    for (let at = 0; at < 150; at++) {
      const answer = await converse(
        made.proxy,
        [`CONNECT h${String(at)}.test:443 HTTP/1.1\r\nHost: h${String(at)}.test:443\r\n\r\n`],
        0,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 403/);
    }
    const decisions = made.decisions();
    expect(decisions).toHaveLength(101);
    expect(decisions.at(-1)).toEqual({
      host: "*",
      port: 0,
      allowed: false,
      why: "more hosts than are listed",
      count: 50,
    });
  });
});
