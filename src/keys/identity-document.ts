// The secret document of an identity, as keychains and passphrase files hold it, of either kind.
import { CloisterError } from "../base/errors.ts";
import { type Identity, parseIdentity, serialiseIdentity } from "./identity.ts";
import type { Kms } from "./kms.ts";
import { isKmsDocument, KmsIdentity, parseKmsIdentity } from "./kms-identity.ts";

export function documentOf(identity: Identity): string {
  return identity instanceof KmsIdentity ? identity.document() : serialiseIdentity(identity);
}

/** @param kms signs where the document says that the signing half is there. @throws CloisterError INTEGRITY */
export function identityIn(document: string, kms: Kms | undefined): Identity {
  if (!isKmsDocument(document)) return parseIdentity(document);
  if (kms) return parseKmsIdentity(document, kms);
  throw new CloisterError("UNSUPPORTED_HOST", "this identity signs through AWS KMS, which is not at hand here");
}
