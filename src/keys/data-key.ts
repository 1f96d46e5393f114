// The keys of one artifact version, wrapped to the public half of its class. Wrapping needs no right to read.
import { integrity } from "../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import { decryptWith, encryptTo } from "./age.ts";

/** What a wrapped key is for. It stands inside the wrap, so that a wrap moved elsewhere is noticed. */
export interface KeyContext {
  /** Project id. */
  readonly project: string;
  readonly domain: string;
  readonly class: string;
  readonly epoch: number;
  readonly nameId: string;
  /** Number of the version. */
  readonly number: number;
  readonly purpose: "data" | "metadata";
}

/** A key of a version, and the object that holds it for the readers of its class. */
export interface NewKey {
  readonly key: Buffer;
  readonly wrap: Uint8Array;
}

const KEY_BYTES = 32;
const PLAIN_BYTES_MAX = 4096;
const FORMAT = "wrapped-key@1";

/**
 * Wraps a 32-byte key to a class recipient: an age file over canonical JSON, the context and `key` in base64url.
 *
 * @param recipient `age1…`, from the signed epoch record
 */
export async function wrapKey(recipient: string, context: KeyContext, key: Uint8Array): Promise<Uint8Array> {
  if (key.length !== KEY_BYTES) throw new TypeError("a data key has 32 bytes");
  return encryptTo([recipient], plainText(context, key));
}

/** Opens a wrapped key. @throws {@link CloisterError} INTEGRITY, also where it was wrapped in another context */
export async function unwrapKey(classSecret: string, context: KeyContext, file: Uint8Array): Promise<Buffer> {
  const what = "wrapped data key";
  const plain = await decryptWith(classSecret, file, what);
  if (!plain) throw integrity("a wrapped data key is damaged", { why: "it is not encrypted to the key of its class" });
  const fields = new Fields(parseCanonical(plain, what, PLAIN_BYTES_MAX), what);
  const key = Buffer.from(fields.string("key", /^[A-Za-z0-9_-]{43}$/), "base64url");
  if (!plainText(context, key).equals(plain)) {
    throw integrity("a wrapped data key was exchanged", { why: "it was wrapped for another version or purpose" });
  }
  return key;
}

function plainText(context: KeyContext, key: Uint8Array): Buffer {
  const { project, domain, class: klass, epoch, nameId, number, purpose } = context;
  const encoded = Buffer.from(key).toString("base64url");
  const members = { cloister: FORMAT, project, domain, class: klass, epoch, nameId, number, purpose, key: encoded };
  return Buffer.from(canonicalBytes(members));
}
