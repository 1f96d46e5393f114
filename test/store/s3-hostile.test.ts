// What the S3 driver makes of a server that lies: it refuses it, or believes nothing it need not.
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { s3Store } from "../../src/store/s3.ts";
import type { Store } from "../../src/store/store.ts";
import { collect } from "../fault/faulty-store.ts";
import { textOf } from "./contract.ts";
import { HostileServer, refuse, xml } from "./hostile-server.ts";

let server: HostileServer;
let store: Store;
beforeEach(async () => {
  server = await HostileServer.start();
  store = s3Store({
    ...{ bucket: "bucket", prefix: "p", endpoint: server.endpoint, region: "us-east-1" },
    credentials: async () => ({ accessKeyId: "key", secretAccessKey: "secret" }),
    signal: new AbortController().signal,
    timeouts: { connectMs: 1000, idleMs: 1000, answerMs: 1000, attemptMs: 5000 },
  });
});
afterEach(() => server.stop());

const answering = (answer: (response: ServerResponse) => void) => {
  server.lies = {
    instead: (_, response) => {
      answer(response);
      return true;
    },
  };
};

describe("a server that does not keep names", () => {
  test.each(["puts", "racing puts"] as const)("is refused where it lets %s overwrite", async (overwrites) => {
    server.lies = { overwrites };
    await expect(store.prove?.()).rejects.toMatchObject({
      code: "UNSUPPORTED_HOST",
      message: "this server cannot hold a store: it lets several writers win one name",
      why: expect.stringMatching(/^of 17 writers of one new name with PutObject, \d+ were told that they made it/),
    });
    expect([...server.objects.keys()]).toEqual([]);
  });

  test("only where it completes uploads, is used without them", async () => {
    server.lies = { overwrites: "completions" };
    await store.prove?.();
    expect([...server.objects.keys()]).toEqual([]);
    const large = Buffer.alloc(17 * 1024 * 1024, 1);
    expect(await store.create("packs/large", [large])).toBe("created");
    expect(await store.create("packs/large", [Buffer.alloc(large.length, 2)])).toBe("exists");
    expect(server.requests.filter((request) => request.includes("packs/large") && request.startsWith("POST"))).toEqual(
      [],
    );
    expect(server.objects.get("p/packs/large")?.equals(large)).toBe(true);
  });

  test("nowhere, is used with them", async () => {
    const large = Buffer.alloc(33 * 1024 * 1024, 1);
    expect(await store.create("packs/large", [large])).toBe("created");
    expect(await store.create("packs/large", [Buffer.alloc(large.length, 2)])).toBe("exists");
    expect(
      server.requests.filter((request) => request.startsWith("PUT") && request.includes("packs/large")),
    ).toHaveLength(6);
    expect(server.objects.get("p/packs/large")?.length).toBe(large.length);
  });
});

describe("a server that answers with something else", () => {
  test("more than allowed: nothing beyond the bound is read, announced or not", async () => {
    server.objects.set("p/x", Buffer.alloc(1000));
    await expect(store.get("x", 999)).rejects.toMatchObject({ code: "INTEGRITY" });
    let sent = 0;
    answering((response) => {
      const piece = Buffer.alloc(64 * 1024);
      const more = () => {
        while (!response.destroyed && response.write(piece)) sent += piece.length;
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    await expect(store.get("x", 100_000)).rejects.toMatchObject({ code: "INTEGRITY" });
    await expect(store.range("x", 0, 10)).rejects.toMatchObject({ code: "UNSUPPORTED_HOST" });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test("the whole object where a part was asked for", async () => {
    server.objects.set("p/x", Buffer.from("0123456789"));
    expect(textOf(await store.range("x", 0, 10))).toBe("0123456789");
    await expect(store.range("x", 2, 3)).rejects.toMatchObject({ code: "UNSUPPORTED_HOST" });
    await expect(store.range("x", 0, 3)).rejects.toMatchObject({ code: "UNSUPPORTED_HOST" });
  });

  test("a body that ends early: asked again, then said", async () => {
    answering((response) => {
      response.writeHead(200, { "Content-Length": 10 });
      response.write("1234", () => response.destroy());
    });
    await expect(store.get("x", 10)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(server.requests.length).toBe(6);
  });

  test.each([
    ["out of order", ["b", "a"], ""],
    ["twice", ["a", "a"], ""],
    ["endlessly", ["a"], "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"],
  ])("a listing %s", async (_, names, more) => {
    const contents = names.map((name) => `<Contents><Key>p/${name}</Key><Size>1</Size></Contents>`).join("");
    answering((response) => xml(response, 200, `<ListBucketResult>${contents}${more}</ListBucketResult>`));
    await expect(collect(store.list(""))).rejects.toMatchObject({ code: "UNSUPPORTED_HOST" });
  });

  test.each([
    ["says that there is more, and not where", () => "<IsTruncated>true</IsTruncated>"],
    [
      "leads in circles through empty pages",
      (page: number) =>
        `<IsTruncated>true</IsTruncated><NextContinuationToken>t${String(page % 2)}</NextContinuationToken>`,
    ],
  ])("a listing that %s", async (_, rest) => {
    let page = 0;
    answering((response) => xml(response, 200, `<ListBucketResult>${rest(page++)}</ListBucketResult>`));
    await expect(collect(store.list(""))).rejects.toMatchObject({
      code: "UNSUPPORTED_HOST",
      why: expect.stringContaining("to the end"),
    });
  });

  test("a listing with empty pages in between: read to its end", async () => {
    let page = 0;
    const key = (name: string) => `<Contents><Key>p/${name}</Key><Size>1</Size></Contents>`;
    answering((response) => {
      const at = page++;
      const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>t${String(at)}</NextContinuationToken>`;
      const contents = at === 0 ? key("a") : at === 9 ? key("b") : "";
      xml(response, 200, `<ListBucketResult>${contents}${at < 9 ? more : ""}</ListBucketResult>`);
    });
    expect((await collect(store.list(""))).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("a listing with names from elsewhere, and sizes that are none: passed over", async () => {
    const keys = ["other/x", "p/../x", "p/%2e%2e/x", "p/a", "p/%zz", "p/b\u00e9"];
    const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join("");
    const odd = ["-1", "1e3", "99999999999999999999", ""].map(
      (size, at) => `<Contents><Key>p/c${String(at)}</Key><Size>${size}</Size></Contents>`,
    );
    answering((response) => xml(response, 200, `<ListBucketResult>${contents}${odd.join("")}</ListBucketResult>`));
    expect(await collect(store.list(""))).toEqual([
      { name: "a", bytes: 1 },
      // What is no number at all, the SDK takes for the number it begins with, or for none.
      { name: "c1", bytes: 1000 },
      { name: "c3", bytes: 0 },
    ]);
  });

  test("no time at all", async () => {
    answering((response) => {
      response.sendDate = false;
      refuse(response, 404, "NoSuchKey");
    });
    await expect(store.now()).rejects.toMatchObject({ code: "UNSUPPORTED_HOST", why: expect.stringContaining("Date") });
  });
});

describe("what its refusals mean", () => {
  test.each([
    [400, "ExpiredToken", "NOT_AUTHENTICATED", "the credentials for the store have expired", "aws sso login"],
    [403, "InvalidAccessKeyId", "NOT_AUTHENTICATED", "the store does not know these credentials", "aws sso login"],
    [403, "SignatureDoesNotMatch", "NOT_AUTHENTICATED", "the store does not know these credentials", "aws sso login"],
    [403, "RequestTimeTooSkewed", "FAILURE", "the store refuses this machine's clock", "timedatectl"],
    [
      403,
      "AccessDenied",
      "FAILURE",
      "these credentials may not read p/x",
      "allow s3:GetObject on arn:aws:s3:::bucket/p/x",
    ],
    [404, "NoSuchBucket", "NOT_FOUND", "there is no bucket bucket", "aws s3 mb s3://bucket"],
    [301, "PermanentRedirect", "USAGE", "the bucket bucket lies in another region", "--region eu-north-1"],
    [400, "AuthorizationHeaderMalformed", "USAGE", "the bucket bucket lies in another region", "--region eu-north-1"],
    [501, "NotImplemented", "UNSUPPORTED_HOST", "this server cannot hold a store", "If-None-Match"],
    [503, "SlowDown", "UNAVAILABLE", "the store is asked for too much", "try again in a minute"],
    [500, "InternalError", "UNAVAILABLE", "the store does not answer properly", "try again"],
    [400, "InvalidRequest", "FAILURE", "the store failed", "check the endpoint"],
  ])("%i %s", async (status, code, kind, message, next) => {
    answering((response) => {
      response.setHeader("x-amz-bucket-region", "eu-north-1");
      refuse(response, status, code);
    });
    await expect(store.get("x", 10)).rejects.toMatchObject({
      ...{ code: kind, message },
      why: expect.stringContaining(`${code}, HTTP ${String(status)}`),
      next: expect.stringContaining(next),
    });
  });

  test("a page that is not S3's", async () => {
    answering((response) => void response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>Not found & gone"));
    await expect(collect(store.list(""))).rejects.toMatchObject({ code: "FAILURE", message: "the store failed" });
  });

  test("silence, before a connection and after it, ends", async () => {
    server.lies = { instead: () => true };
    const began = Date.now();
    await expect(store.get("x", 10)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      why: expect.stringContaining("TimeoutError"),
    });
    expect(Date.now() - began).toBeLessThan(30_000);
  });
});

describe("an answer without an end", () => {
  const chunk = Buffer.alloc(64 * 1024, " ");
  /** Nothing that takes a gigabyte bounds what it gathers. */
  const END_BYTES = 1e9;

  test.each<readonly [string, number, () => Promise<unknown>]>([
    ["to a list", 200, () => collect(store.list("log/"))],
    ["that refuses", 403, () => store.get("cloister", 100)],
    ["that refuses a write", 403, () => store.create("packs/x", [Buffer.from("x")])],
  ])("%s is not gathered", async (_, status, act) => {
    let sent = 0;
    answering((response) => {
      response.writeHead(status, { "content-type": "application/xml" });
      const go = (): void => {
        while (response.write(chunk)) {
          sent += chunk.length;
          if (sent > END_BYTES) return void response.end();
        }
      };
      response.on("drain", go).on("error", () => {});
      go();
    });
    await expect(act()).rejects.toBeInstanceOf(CloisterError);
    expect(sent).toBeLessThan(200e6);
  });
});

describe("credentials that never come", () => {
  const waiting = (signal: AbortSignal, credentialsMs: number): Store =>
    s3Store({
      ...{ bucket: "bucket", prefix: "p", endpoint: server.endpoint, region: "us-east-1", signal },
      credentials: () => new Promise<never>(() => {}),
      timeouts: { credentialsMs },
    });

  test("are waited for a while", async () => {
    const read = waiting(new AbortController().signal, 200).get("cloister", 100);
    await expect(read).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
      why: expect.stringContaining("within 0.2 s"),
    });
    expect(server.requests).toEqual([]);
  });

  test("do not hold up whoever interrupts", async () => {
    const cancel = new AbortController();
    const read = waiting(cancel.signal, 60_000).get("cloister", 100);
    setTimeout(() => cancel.abort(), 50);
    await expect(read).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
