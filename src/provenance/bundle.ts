// A signed statement as a sigstore bundle v0.3 with a bare public key, which cosign and other verifiers read.
import { createPublicKey, type KeyObject } from "node:crypto";
import { sha256Hex } from "../base/digest.ts";
import { CloisterError, integrity } from "../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../base/json.ts";
import { Fields, SHA256 } from "../base/record.ts";
import { preAuthEncoding } from "../keys/dsse.ts";
import { verifyLowS } from "../keys/ecdsa.ts";

const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";
/** A statement lists at most 1,000 files, with paths of at most 4,096 bytes. */
const STATEMENT_BYTES_MAX = 8 * 1024 * 1024;
/** The statement in Base64 and 4 KiB for the rest; callers that fetch bundles use it as their limit, too. */
export const BUNDLE_BYTES_MAX = Math.ceil(STATEMENT_BYTES_MAX / 3) * 4 + 4096;

/**
 * Signs a statement: DSSE v1 with one signature, in a bundle.
 *
 * @param statementBytes the statement as canonical JSON
 * @param publicKeyPem SPKI PEM of an ECDSA P-256 key
 * @param sign signs DSSE's pre-authentication encoding: ECDSA with SHA-256, DER, low S
 * @throws CloisterError FAILURE where the statement is too large, INTEGRITY where the signature is not by that key
 */
export async function makeBundle(
  statementBytes: Uint8Array,
  publicKeyPem: string,
  sign: (pae: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (statementBytes.length > STATEMENT_BYTES_MAX) {
    throw new CloisterError("FAILURE", "the manifest is too large to be signed", {
      why: `it has ${String(statementBytes.length)} bytes, and ${String(STATEMENT_BYTES_MAX)} is the limit`,
      next: "push from a workspace with fewer recorded runs, or with shorter paths",
    });
  }
  const key = p256Key(publicKeyPem);
  const pae = preAuthEncoding(PAYLOAD_TYPE, statementBytes);
  const signature = await sign(pae);
  if (!verifyLowS(pae, signature, key)) {
    throw integrity("the signature that was made does not verify", { why: "it is not by the identity's public key" });
  }
  return canonicalBytes({
    mediaType: MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: keyHint(key) }, timestampVerificationData: {} },
    dsseEnvelope: {
      payload: Buffer.from(statementBytes).toString("base64"),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ keyid: "", sig: Buffer.from(signature).toString("base64") }],
    },
  });
}

/** What a bundle holds; nothing of it is trusted before {@link verifyBundle}. */
export interface BundleParts {
  /** The statement's bytes, exactly as signed. */
  readonly payload: Uint8Array;
  /** Names the key: hex SHA-256 of its SPKI PEM with the final line feed. */
  readonly hint: string;
  /** DER. */
  readonly signature: Uint8Array;
}

/**
 * Takes a bundle apart without verifying it, to find out whose key it names.
 *
 * @throws CloisterError INTEGRITY where it is not exactly what {@link makeBundle} writes, or over {@link BUNDLE_BYTES_MAX}
 */
export function readBundle(bytes: Uint8Array): BundleParts {
  const bundle = new Fields(parseCanonical(bytes, "bundle", BUNDLE_BYTES_MAX), "bundle");
  if (bundle.string("mediaType") !== MEDIA_TYPE) throw malformed("its media type is another one");
  const envelope = bundle.fields("dsseEnvelope");
  // Before anything else of the envelope: other types are signed by the same keys and mean other things.
  if (envelope.string("payloadType") !== PAYLOAD_TYPE) throw malformed("it does not carry an in-toto statement");
  const payload = fromBase64(envelope.string("payload"));
  const signatures = envelope.list("signatures");
  envelope.end();
  if (signatures.length !== 1) throw malformed("it does not carry exactly one signature");
  const signed = new Fields(signatures[0], "bundle, signature");
  signed.string("keyid", /^$/);
  const signature = fromBase64(signed.string("sig"));
  signed.end();
  const material = bundle.fields("verificationMaterial");
  const publicKey = material.fields("publicKey");
  const hint = publicKey.string("hint", SHA256);
  publicKey.end();
  material.fields("timestampVerificationData").end();
  material.end();
  bundle.end();
  return { payload, hint, signature };
}

/**
 * The statement in a bundle, once its signature by this key is verified. Whether that key had the right to sign is for
 * the caller to decide.
 *
 * @param what names it in errors
 * @throws CloisterError INTEGRITY
 */
export function verifyBundle(bytes: Uint8Array, publicKeyPem: string, what = "manifest"): Json {
  const { payload, hint, signature } = readBundle(bytes);
  const key = p256Key(publicKeyPem);
  if (hint !== keyHint(key)) throw integrity(`the ${what} is signed by another key`);
  if (!verifyLowS(preAuthEncoding(PAYLOAD_TYPE, payload), signature, key)) {
    throw integrity(`the ${what}'s signature does not verify`, { why: `the ${what} or its signature was changed` });
  }
  return parseCanonical(payload, what, STATEMENT_BYTES_MAX);
}

/** model_signing compares the hint with this; @sigstore/verify hands it to its caller; cosign ignores it. */
function keyHint(key: KeyObject): string {
  return sha256Hex(key.export({ type: "spki", format: "pem" }));
}

/** Reads a public key from SPKI PEM. @throws CloisterError INTEGRITY where it is no P-256 key */
function p256Key(publicKeyPem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: publicKeyPem, format: "pem" });
  } catch (cause) {
    throw integrity("malformed public key", { why: "it is not SPKI PEM", cause });
  }
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  throw integrity("malformed public key", { why: "it is not an ECDSA P-256 key" });
}

function fromBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // Node skips what is not Base64; a second spelling of the same bytes must not pass.
  if (bytes.toString("base64") !== text) throw malformed("a member is not Base64");
  return bytes;
}

function malformed(why: string): Error {
  return integrity("malformed bundle", { why });
}
