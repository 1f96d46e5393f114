import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalBytes, canonicalJson } from "../../src/base/json.ts";
import { BUNDLE_BYTES_MAX, makeBundle, readBundle, verifyBundle } from "../../src/provenance/bundle.ts";
import { buildStatement } from "../../src/provenance/statement.ts";
import { manifest, signer } from "./sample.ts";

const statement = buildStatement(manifest());
const key = signer();
const bundle = await makeBundle(canonicalBytes(statement), key.pem, key.sign);
const INTEGRITY = expect.objectContaining({ code: "INTEGRITY" });

// biome-ignore lint/suspicious/noExplicitAny: edits any member of a bundle
type Edit = (json: any) => void;

/** The bundle with `change` made to its parsed JSON, spelled canonically. */
function edited(change: Edit): Uint8Array {
  const json = JSON.parse(Buffer.from(bundle).toString("utf8"));
  change(json);
  return canonicalBytes(json);
}

describe("bundle", () => {
  test("gives back the statement, and names the key", () => {
    expect(canonicalJson(verifyBundle(bundle, key.pem))).toBe(canonicalJson(statement));
    expect(Buffer.from(readBundle(bundle).payload).toString()).toBe(canonicalJson(statement));
    expect(readBundle(bundle).hint).toMatch(/^[0-9a-f]{64}$/);
  });

  test("the key's PEM may lack its final line feed", () => {
    expect(canonicalJson(verifyBundle(bundle, key.pem.trimEnd()))).toBe(canonicalJson(statement));
  });

  test("any flipped bit is refused", () => {
    fc.assert(
      fc.property(fc.nat(bundle.length * 8 - 1), (bit) => {
        const bytes = Uint8Array.from(bundle);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => verifyBundle(bytes, key.pem)).toThrowError(INTEGRITY);
      }),
      { numRuns: 300 },
    );
  });

  test("any truncation is refused", () => {
    fc.assert(
      fc.property(fc.nat(bundle.length - 1), (length) => {
        expect(() => verifyBundle(bundle.subarray(0, length), key.pem)).toThrowError(INTEGRITY);
      }),
      { numRuns: 50 },
    );
  });

  test("another key is refused, also where the hint is changed to it", async () => {
    const other = signer();
    expect(() => verifyBundle(bundle, other.pem)).toThrowError(INTEGRITY);
    const { hint } = readBundle(await makeBundle(canonicalBytes({}), other.pem, other.sign));
    const relabelled = edited((json) => {
      json.verificationMaterial.publicKey.hint = hint;
    });
    expect(() => verifyBundle(relabelled, other.pem)).toThrowError(INTEGRITY);
  });

  test.each<[string, Edit]>([
    ["another media type", (json) => (json.mediaType = "application/vnd.dev.sigstore.bundle.v0.2+json")],
    ["another payload type", (json) => (json.dsseEnvelope.payloadType = "application/json")],
    ["another statement", (json) => (json.dsseEnvelope.payload = Buffer.from("{}").toString("base64"))],
    ["Base64 spelled otherwise", (json) => (json.dsseEnvelope.payload += "\n")],
    ["no signature", (json) => (json.dsseEnvelope.signatures = [])],
    ["two signatures", (json) => json.dsseEnvelope.signatures.push(json.dsseEnvelope.signatures[0])],
    ["an empty signature", (json) => (json.dsseEnvelope.signatures[0].sig = "")],
    ["a key id", (json) => (json.dsseEnvelope.signatures[0].keyid = "x")],
    ["a certificate", (json) => (json.verificationMaterial.certificate = { rawBytes: "AA==" })],
    ["no key", (json) => delete json.verificationMaterial.publicKey],
    ["log entries", (json) => (json.verificationMaterial.tlogEntries = [{}])],
    ["a second content", (json) => (json.messageSignature = {})],
    ["a prototype", (json) => Object.defineProperty(json, "__proto__", { value: {}, enumerable: true })],
  ])("refused: %s", (_, change) => {
    expect(() => verifyBundle(edited(change), key.pem)).toThrowError(INTEGRITY);
  });

  test("the payload type is looked at before the signature", () => {
    const wrong = edited((json) => {
      json.dsseEnvelope.payloadType = "application/json";
      json.dsseEnvelope.signatures[0].sig = "!";
    });
    expect(() => readBundle(wrong)).toThrowError(expect.objectContaining({ why: expect.stringContaining("in-toto") }));
  });

  test("a signature with high S, or by another key, is not made into a bundle", async () => {
    const high = signer("high");
    const other = signer();
    for (const sign of [high.sign, other.sign, async () => new Uint8Array()]) {
      await expect(makeBundle(canonicalBytes(statement), high.pem, sign)).rejects.toThrowError(INTEGRITY);
    }
  });

  test("a stored signature with high S is refused", () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const flipped = edited((json) => {
      const der = Buffer.from(json.dsseEnvelope.signatures[0].sig, "base64");
      const sAt = 4 + (der[3] ?? 0);
      const s = BigInt(`0x${der.subarray(sAt + 2).toString("hex")}`);
      const high = Buffer.from((order - s).toString(16).padStart(64, "0"), "hex");
      const body = Buffer.concat([der.subarray(2, sAt), Buffer.of(2, 33, 0), high]);
      json.dsseEnvelope.signatures[0].sig = Buffer.concat([Buffer.of(0x30, body.length), body]).toString("base64");
    });
    expect(() => verifyBundle(flipped, key.pem)).toThrowError(expect.objectContaining({ code: "INTEGRITY" }));
  });

  test("other curves and kinds of keys are refused", () => {
    const pems = [generateKeyPairSync("ec", { namedCurve: "P-384" }), generateKeyPairSync("ed25519")].map((pair) =>
      pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
    );
    for (const pem of [...pems, "", "x"]) expect(() => verifyBundle(bundle, pem)).toThrowError(INTEGRITY);
  });

  test("limits: an oversized statement is not signed, an oversized bundle not parsed", async () => {
    const large = canonicalBytes("x".repeat(8 * 1024 * 1024));
    await expect(makeBundle(large, key.pem, key.sign)).rejects.toThrowError(
      expect.objectContaining({ code: "FAILURE" }),
    );
    expect(() => readBundle(new Uint8Array(BUNDLE_BYTES_MAX + 1))).toThrowError(INTEGRITY);
    const largest = canonicalBytes("x".repeat(8 * 1024 * 1024 - 2));
    expect(verifyBundle(await makeBundle(largest, key.pem, key.sign), key.pem)).toHaveLength(8 * 1024 * 1024 - 2);
  });
});
