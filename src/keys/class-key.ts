// The key pair of a class in one epoch: its private half, wrapped for one device as an age file, or once for all under KMS.
import { hkdfSync } from "node:crypto";
import { integrity } from "../base/errors.ts";
import { decryptWith, encryptTo } from "./age.ts";
import { isSecret, recipientOf } from "./age-key.ts";
import type { Identity } from "./identity.ts";
import type { EncryptionContext, Kms } from "./kms.ts";

/** A class in one epoch, as its signed record describes it. */
export interface ClassEpoch {
  /** Project id. */
  readonly project: string;
  readonly domain: string;
  readonly class: string;
  readonly epoch: number;
  /** Public half, `age1…`. */
  readonly recipient: string;
  /** ARN of the KMS key that the private half and the data keys are under; undefined where members hold them (age). */
  readonly kms?: string | undefined;
}

/** The same under KMS. */
export type KmsEpoch = ClassEpoch & { readonly kms: string };

export function isUnderKms(epoch: ClassEpoch): epoch is KmsEpoch {
  return epoch.kms !== undefined;
}

/**
 * Wraps a private half for one device. The plain text is the `AGE-SECRET-KEY-1…` line, so that the stock age tool can
 * use what it decrypts with `age -d -i`.
 */
export async function wrapPrivateHalf(secret: string, reads: string): Promise<Uint8Array> {
  return encryptTo([reads], halfText(secret));
}

/** Encrypts a private half under KMS: who may decrypt with this key and context reads the class. */
export function sealPrivateHalf(kms: Kms, epoch: KmsEpoch, secret: string): Promise<Uint8Array> {
  return kms.encrypt(epoch.kms, halfContext(epoch), halfText(secret));
}

/**
 * Opens a private half that is under KMS. As with age, it must be the one of the signed epoch record: whoever may
 * encrypt under that key could have put another one there.
 *
 * @param what names the object in the error
 * @throws {@link CloisterError} INTEGRITY; KmsRefused and UNAVAILABLE as `Kms.decrypt` does
 */
export async function unsealPrivateHalf(kms: Kms, epoch: KmsEpoch, file: Uint8Array, what: string): Promise<string> {
  return checkedHalf(await kms.decrypt(epoch.kms, halfContext(epoch), file, what), epoch.recipient, what);
}

/** Values of an encryption context are strings; a data key's has `artifact` and `number` instead of `epoch`. */
function halfContext({ project, domain, class: klass, epoch }: ClassEpoch): EncryptionContext {
  return { project, domain, class: klass, epoch: String(epoch) };
}

function halfText(secret: string): Buffer {
  return Buffer.from(`${secret}\n`, "ascii");
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
  return checkedHalf(plain, expectedRecipient, "a wrapped class key");
}

function checkedHalf(plain: Uint8Array, expectedRecipient: string, what: string): string {
  const text = Buffer.from(plain).toString("latin1");
  const secret = text.endsWith("\n") ? text.slice(0, -1) : text;
  if (!isSecret(secret)) throw integrity(`${what} is malformed`, { why: "it is no age key" });
  if (recipientOf(secret) !== expectedRecipient) {
    throw integrity(`${what} was exchanged`, { why: "it does not belong to the signed epoch record" });
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
