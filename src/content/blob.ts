// Small sealed objects (headers, trees, manifests): one key, one context that says what and whose it is.
import { integrity } from "../base/errors.ts";
import { canonicalBytes, type Json } from "../base/json.ts";
import { openChunked, sealChunked } from "./chunked-encryption.ts";

/**
 * Seals bytes under a key and a context, with C2SP chunked-encryption (AES-256-GCM, key-committing).
 *
 * @param key32 32 uniformly random bytes
 * @param context what must be known and equal to open it again; bound as canonical JSON
 */
export function sealBlob(key32: Uint8Array, context: Json, plain: Uint8Array): Uint8Array {
  return sealChunked(key32, canonicalBytes(context), plain);
}

/**
 * Opens what {@link sealBlob} made.
 *
 * @param what names the object in the error, e.g. `tree of churn/customers:v3`
 * @throws CloisterError INTEGRITY where the bytes, the key or the context are not the ones it was sealed with
 */
export function openBlob(key32: Uint8Array, context: Json, sealed: Uint8Array, what: string): Buffer {
  const plain = openChunked(key32, canonicalBytes(context), sealed);
  if (plain) return plain;
  throw integrity(`the ${what} is damaged or not what it claims to be`, {
    why: "its bytes do not authenticate under its key and context",
  });
}
