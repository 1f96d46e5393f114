// The data key of one artifact version under KMS: drawn by KMS, which opens it only in the context of that version.
import { integrity } from "../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import type { KeyContext, NewKey } from "./data-key.ts";
import type { EncryptionContext, Kms } from "./kms.ts";

const FORMAT = "kms-wrapped-key@1";
const WRAP_BYTES_MAX = 16 * 1024;
const WHAT = "wrapped data key";
const KEY_BYTES = 32;

/**
 * A new data key. The wrap is canonical JSON, the context in clear and `ciphertext` in base64. It does not name the key
 * of KMS: readers take that from the signed epoch record, and so cannot be sent to somebody else's.
 */
export async function newKmsKey(kms: Kms, key: string, context: KeyContext): Promise<NewKey> {
  const { plain, sealed } = await kms.generateDataKey(key, encryptionContext(context));
  return { key: plain, wrap: wrapOf(context, sealed) };
}

/** Opens it. @throws {@link CloisterError} INTEGRITY; KmsRefused and UNAVAILABLE as `Kms.decrypt` does */
export async function openKmsKey(kms: Kms, key: string, context: KeyContext, file: Uint8Array): Promise<Buffer> {
  const fields = new Fields(parseCanonical(file, WHAT, WRAP_BYTES_MAX), WHAT);
  const sealed = Buffer.from(fields.string("ciphertext"), "base64");
  // Epoch and purpose are no part of KMS's context; what KMS does not compare, and every other spelling, ends here.
  if (!Buffer.from(wrapOf(context, sealed)).equals(file)) {
    throw integrity("a wrapped data key was exchanged", { why: "it was wrapped for another version or purpose" });
  }
  const plain = await kms.decrypt(
    key,
    encryptionContext(context),
    sealed,
    `the ${WHAT} of version ${String(context.number)}`,
  );
  if (plain.length !== KEY_BYTES) throw integrity(`malformed ${WHAT}`, { why: "it does not hold 32 bytes" });
  return plain;
}

function encryptionContext({ project, domain, class: klass, nameId, number }: KeyContext): EncryptionContext {
  return { project, domain, class: klass, artifact: nameId, number: String(number) };
}

function wrapOf(context: KeyContext, sealed: Uint8Array): Uint8Array {
  const { project, domain, class: klass, epoch, nameId, number, purpose } = context;
  const ciphertext = Buffer.from(sealed).toString("base64");
  return canonicalBytes({
    cloister: FORMAT,
    project,
    domain,
    class: klass,
    epoch,
    nameId,
    number,
    purpose,
    ciphertext,
  });
}
