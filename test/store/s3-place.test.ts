// Addresses of buckets and servers, as people write and mistype them.
import { describe, expect, test } from "vitest";
import { checkEndpoint, parseS3Url, s3Url } from "../../src/store/s3-place.ts";

describe("the address of a bucket", () => {
  test.each([
    ["s3://acme-ml", { bucket: "acme-ml", prefix: "" }],
    ["s3://acme-ml/", { bucket: "acme-ml", prefix: "" }],
    ["s3://acme.ml/churn", { bucket: "acme.ml", prefix: "churn" }],
    ["s3://acme-ml/a/B_c/d.e/", { bucket: "acme-ml", prefix: "a/B_c/d.e" }],
  ])("%s is read and written again", (url, place) => {
    expect(parseS3Url(url)).toEqual(place);
    expect(parseS3Url(s3Url(place))).toEqual(place);
  });

  test.each([
    "s3://",
    "s3:///x",
    "s3://a",
    "s3://Upper/x",
    "s3://-acme/x",
    "s3://acme/../x",
    "s3://acme/.x",
    "s3://acme//x",
    "s3://acme/x//",
    "s3://acme/a b",
    "s3://acme/ü",
    "s3://acme/x\n",
    "s3://key:secret@acme/x",
    "s3://acme?x",
    `s3://acme/${"x".repeat(300)}`,
    "acme/x",
  ])("%j is refused", (url) => {
    expect(() => parseS3Url(url)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("the address of a server", () => {
  test.each([
    "https://s3.acme.example",
    "https://s3.acme.example:9000",
    "http://127.0.0.1:9000",
    "http://127.1.2.3",
    "http://localhost:9000",
    "http://s3.localhost",
    "http://[::1]:9000",
  ])("%s is taken as it is", (endpoint) => {
    expect(checkEndpoint(endpoint, false)).toBe(endpoint);
    expect(checkEndpoint(`${endpoint}/`, false)).toBe(endpoint);
  });

  test.each(["http://s3.acme.example", "http://10.0.0.1", "http://127.0.0.1.acme.example", "http://localhost.example"])(
    "%s only where the person insists",
    (endpoint) => {
      expect(() => checkEndpoint(endpoint, false)).toThrow(`${endpoint} is not encrypted`);
      expect(checkEndpoint(endpoint, true)).toBe(endpoint);
    },
  );

  test.each([
    "s3.acme.example",
    "ftp://s3.acme.example",
    "file:///etc/passwd",
    "https://key:secret@s3.acme.example",
    "https://s3.acme.example/bucket",
    "https://s3.acme.example?x=1",
    "",
  ])("%j is refused, whoever insists, and not repeated: it may hold a password", (endpoint) => {
    try {
      checkEndpoint(endpoint, true);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "USAGE", message: "the endpoint is no address of a server" });
      expect(JSON.stringify(error)).not.toContain("secret");
    }
  });
});
