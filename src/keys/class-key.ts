// The key pair of a class in one epoch: its private half, wrapped for one device as an age file.
import { hkdfSync } from "node:crypto";
import { integrity } from "../base/errors.ts";
import { decryptWith, encryptTo } from "./age.ts";
import { isSecret, recipientOf } from "./age-key.ts";
import type { Identity } from "./identity.ts";

/**
 * Wraps a private half for one device. The plain text is the `AGE-SECRET-KEY-1…` line, so that the stock age tool can
 * use what it decrypts with `age -d -i`.
 */
export async function wrapPrivateHalf(secret: string, reads: string): Promise<Uint8Array> {
  return encryptTo([reads], Buffer.from(`${secret}\n`, "ascii"));
}

/**
 * Opens a wrapped private half. It is used only where its public half is the one in the signed epoch record: age does
 * not authenticate the sender, so anyone who can write to the store could have put another key there.
 *
 * @throws {@link CloisterError} INTEGRITY
 */
export async function openPrivateHalf(
  file: Uint8Array,
  identity: Pick<Identity, "ageSecret">,
  expectedRecipient: string,
): Promise<string> {
  const plain = await decryptWith(identity.ageSecret, file, "wrapped class key");
  if (!plain) throw integrity("a wrapped class key is damaged", { why: "it is not encrypted to this device" });
  const text = Buffer.from(plain).toString("latin1");
  const secret = text.endsWith("\n") ? text.slice(0, -1) : text;
  if (!isSecret(secret)) throw integrity("a wrapped class key is malformed", { why: "it is no age key" });
  if (recipientOf(secret) !== expectedRecipient) {
    throw integrity("a wrapped class key was exchanged", { why: "it does not belong to the signed epoch record" });
  }
  return secret;
}

/**
 * The key under which a domain's names become ids: HKDF-SHA256 (RFC 5869) over the `AGE-SECRET-KEY-1…` line, no salt,
 * 32 bytes.
 */
export function nameKeyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.from(secret, "ascii"), Buffer.alloc(0), "cloister name key v1", 32));
}
