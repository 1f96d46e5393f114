// A statement in the store: signed, sealed with its document to whoever may see what the version is (docs/store-format.md).
import { sha256Hex } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { canonicalBytes, type Json } from "../../base/json.ts";
import { openBlob, sealBlob } from "../../content/blob.ts";
import { pad, unpad } from "../../content/padding.ts";
import { type Identity, publicKeyPem } from "../../keys/identity.ts";
import { makeBundle, readBundle, verifyBundle } from "../../provenance/bundle.ts";
import { type Evidence, evidenceStatement, readEvidence } from "../../provenance/evidence.ts";
import type { Version } from "../artifact/versions.ts";

/** A report, not a data set. */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
/** The document, the bundle, and at most an eighth of padding. */
export const STATEMENT_BYTES_MAX = 5 * 1024 * 1024;
const LENGTH_BYTES = 4;
const WHAT = "statement";

/** What binds a statement to its version: the same that a seal is bound to. */
type Of = Pick<Version, "record" | "versionId" | "metadataKey">;

export function statementName({ record, versionId }: Pick<Version, "record" | "versionId">, digest: string): string {
  return `statements/${record.domain}/${record.class}/${versionId}/${digest}`;
}

/** The statement's bytes, and the digest that it is named and logged by. */
export function encodeEvidence(evidence: Evidence): { readonly payload: Uint8Array; readonly digest: string } {
  const payload = canonicalBytes(evidenceStatement(evidence));
  return { payload, digest: sha256Hex(payload) };
}

/** Signs and seals a statement with its document. */
export async function sealStatement(
  version: Of,
  { payload, digest }: { readonly payload: Uint8Array; readonly digest: string },
  document: Uint8Array,
  identity: Identity,
): Promise<Uint8Array> {
  const bundle = await makeBundle(payload, publicKeyPem(identity.signs), (pae) => identity.sign(pae));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(bundle.length);
  const plain = Buffer.concat([length, bundle, document]);
  return sealBlob(version.metadataKey, contextOf(version, digest), pad(plain));
}

/**
 * What stands in the store under a digest of the log: signed by this key, with the document it speaks of.
 * @throws CloisterError INTEGRITY
 */
export function openStatement(
  version: Of,
  digest: string,
  sealed: Uint8Array,
  signs: string,
): { readonly evidence: Evidence; readonly document: Buffer; readonly bundle: Buffer } {
  const plain = unpad(openBlob(version.metadataKey, contextOf(version, digest), sealed, WHAT), WHAT);
  const length = plain.length < LENGTH_BYTES ? -1 : plain.readUInt32BE();
  if (length < 0 || LENGTH_BYTES + length > plain.length) throw integrity(`malformed ${WHAT}`);
  const bundle = plain.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  const document = plain.subarray(LENGTH_BYTES + length);
  if (sha256Hex(readBundle(bundle).payload) !== digest) throw integrity("it is another statement than the logged one");
  const evidence = readEvidence(verifyBundle(bundle, publicKeyPem(signs), WHAT));
  const { sha256, bytes } = evidence.document;
  if (bytes !== document.length || sha256 !== sha256Hex(document)) throw integrity("its document is another one");
  return { evidence, document, bundle };
}

function contextOf({ record, versionId }: Of, digest: string): Json {
  const { project, domain, class: klass } = record;
  return { object: "statement", project, domain, class: klass, version: versionId, statement: digest };
}
