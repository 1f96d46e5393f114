// DSSE v1 envelopes (https://github.com/secure-systems-lab/dsse), which identities sign; beside them only tokens (credentials/token.ts).
import { integrity } from "../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../base/json.ts";
import { Fields, SHA256 } from "../base/record.ts";
import { SIGNATURE_BYTES_MAX, verifyLowS } from "./ecdsa.ts";
import { type Identity, keyIdOf, publicKeyOf } from "./identity.ts";

/** One signature of an envelope. */
export interface EnvelopeSignature {
  /** Says which key to try first; never trusted. */
  readonly keyid: string;
  readonly sig: Uint8Array;
}

/** An envelope whose form was checked. Its signatures were not: see {@link verifyEnvelope}. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly EnvelopeSignature[];
}

/** As many as one envelope holds. */
export const SIGNATURES_MAX = 16;

/** Pre-authentication encoding (DSSE protocol, "Signature Definition"): the bytes that are signed. Lengths in bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const start = `DSSEv1 ${String(Buffer.byteLength(payloadType))} ${payloadType} ${String(payload.length)} `;
  return Buffer.concat([Buffer.from(start, "utf8"), payload]);
}

/** Signs a payload; the envelope is canonical JSON `{payload, payloadType, signatures: [{keyid, sig}]}`. */
export async function signEnvelope(payloadType: string, payload: Uint8Array, identity: Identity): Promise<Uint8Array> {
  const sig = await identity.sign(preAuthEncoding(payloadType, payload));
  return encodeEnvelope({ payloadType, payload, signatures: [{ keyid: keyIdOf(identity.signs), sig }] });
}

/** The envelope as it is stored, with the signatures in the order that they have here. */
export function encodeEnvelope({ payloadType, payload, signatures }: Envelope): Uint8Array {
  const given = signatures.map(({ keyid, sig }) => ({ keyid, sig: base64(sig) }));
  return canonicalBytes({ payload: base64(payload), payloadType, signatures: given });
}

/**
 * Reads an envelope that somebody else wrote: canonical JSON and base64, 1 to 16 signatures, of this payload type. The
 * type is checked before the payload is looked at. Nothing is verified yet.
 *
 * @param what names the object in the error, e.g. `version record`
 * @param bytesMax limit for the whole envelope; base64 makes it a third larger than its payload
 * @throws {@link CloisterError} INTEGRITY
 */
export function parseEnvelope(bytes: Uint8Array, payloadType: string, what: string, bytesMax: number): Envelope {
  const fields = new Fields(parseCanonical(bytes, what, bytesMax), what);
  if (fields.string("payloadType") !== payloadType) throw malformed(what, `it is not of type ${payloadType}`);
  const list = fields.list("signatures");
  if (list.length < 1 || list.length > SIGNATURES_MAX) {
    throw malformed(what, `it has ${String(list.length)} signatures, not 1 to ${String(SIGNATURES_MAX)}`);
  }
  const signatures = list.map((item) => parseSignature(item, what));
  const payload = unbase64(fields.string("payload"), what);
  fields.end();
  return { payloadType, payload, signatures };
}

/**
 * Whether one of the signatures is by this key, with low S. A wrong `keyid` neither helps nor harms.
 *
 * @throws {@link CloisterError} INTEGRITY where `signs` is no key
 */
export function verifyEnvelope(envelope: Envelope, signs: string): boolean {
  const key = publicKeyOf(signs);
  const keyId = keyIdOf(signs);
  const signed = preAuthEncoding(envelope.payloadType, envelope.payload);
  const hinted = envelope.signatures.filter(({ keyid }) => keyid === keyId);
  const others = envelope.signatures.filter(({ keyid }) => keyid !== keyId);
  return [...hinted, ...others].some(({ sig }) => verifyLowS(signed, sig, key));
}

function parseSignature(value: Json, what: string): EnvelopeSignature {
  const fields = new Fields(value, `${what}, signature`);
  const keyid = fields.string("keyid", SHA256);
  const sig = unbase64(fields.string("sig"), what);
  fields.end();
  if (sig.length > SIGNATURE_BYTES_MAX) throw malformed(what, "a signature is too long");
  return { keyid, sig };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

function unbase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  // Node skips what is not base64 and takes other alphabets: only what comes out again is canonical.
  if (bytes.toString("base64") !== text) throw malformed(what, "it has base64 that is not canonical");
  return bytes;
}

function malformed(what: string, why: string): Error {
  return integrity(`malformed ${what}`, { why });
}
