// The bundles that Cloister writes, read by the verifier that npm itself uses. Offline, with the bare key.
import { createPublicKey } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { canonicalBytes } from "../../src/base/json.ts";
import { makeBundle } from "../../src/provenance/bundle.ts";
import { buildStatement } from "../../src/provenance/statement.ts";
import { manifest, signer } from "../provenance/sample.ts";

const statement = canonicalBytes(buildStatement(manifest()));
const key = signer();
const bundle = JSON.parse(Buffer.from(await makeBundle(statement, key.pem, key.sign)).toString("utf8"));

/** Verifies with the only key that is trusted; gives back the payload. */
function verify(json: unknown, pem: string): Uint8Array {
  const mediaType = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
  const noRoot = { mediaType, tlogs: [], certificateAuthorities: [], timestampAuthorities: [], ctlogs: [] };
  const material = toTrustMaterial(noRoot, (hint) => {
    if (hint !== sha256Hex(pem)) throw new Error("unknown key");
    return { publicKey: createPublicKey(pem), validFor: () => true };
  });
  const parsed = bundleFromJSON(json);
  new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(toSignedEntity(parsed));
  if (parsed.content.$case !== "dsseEnvelope") throw new Error("no envelope");
  return parsed.content.dsseEnvelope.payload;
}

// biome-ignore lint/suspicious/noExplicitAny: edits any member of a bundle
function edited(change: (json: any) => void): unknown {
  const copy = structuredClone(bundle);
  change(copy);
  return copy;
}

describe("@sigstore/verify", () => {
  test("accepts the bundle and sees the statement", () => {
    expect(Buffer.from(verify(bundle, key.pem)).equals(statement)).toBe(true);
  });

  test("refuses a flipped byte of the statement and of the signature", () => {
    for (const at of [0, 100, statement.length - 1]) {
      const payload = Buffer.from(statement);
      payload[at] = (payload[at] ?? 0) ^ 1;
      const forged = edited((json) => {
        json.dsseEnvelope.payload = payload.toString("base64");
      });
      expect(() => verify(forged, key.pem)).toThrowError(/signature verification failed/);
    }
    const forged = edited((json) => {
      const signature = Buffer.from(json.dsseEnvelope.signatures[0].sig, "base64");
      signature[20] = (signature[20] ?? 0) ^ 1;
      json.dsseEnvelope.signatures[0].sig = signature.toString("base64");
    });
    expect(() => verify(forged, key.pem)).toThrowError(/signature verification failed/);
  });

  test("refuses another payload type", () => {
    const forged = edited((json) => {
      json.dsseEnvelope.payloadType = "application/json";
    });
    expect(() => verify(forged, key.pem)).toThrowError(/signature verification failed/);
  });

  test("refuses another key, also where the hint names it", () => {
    const other = signer();
    expect(() => verify(bundle, other.pem)).toThrowError(/unknown key/);
    const forged = edited((json) => {
      json.verificationMaterial.publicKey.hint = sha256Hex(other.pem);
    });
    expect(() => verify(forged, other.pem)).toThrowError(/signature verification failed/);
  });
});
