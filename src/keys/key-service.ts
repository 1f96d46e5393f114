// Makes and opens the two keys of a version, wherever its class keeps them: with its members (age) or under KMS.
import { randomBytes } from "node:crypto";
import { type ClassEpoch, isUnderKms } from "./class-key.ts";
import { type KeyContext, type NewKey, unwrapKey, wrapKey } from "./data-key.ts";
import type { Kms } from "./kms.ts";
import { newKmsKey, openKmsKey } from "./kms-data-key.ts";

/**
 * Where a class is under KMS, so is the data key of each version: KMS decides and records every reading of one. The
 * metadata key stays wrapped to the class's own key, so that a listing of a thousand versions asks KMS once.
 */
export class KeyService {
  readonly #kms: Kms;

  constructor(kms: Kms) {
    this.#kms = kms;
  }

  /** A new 32-byte key, and the object that gives it back to readers of the class. Needs no right to read. */
  async make(epoch: ClassEpoch, context: KeyContext): Promise<NewKey> {
    if (isUnderKms(epoch) && context.purpose === "data") return newKmsKey(this.#kms, epoch.kms, context);
    const key = randomBytes(32);
    return { key, wrap: await wrapKey(epoch.recipient, context, key) };
  }

  /**
   * The key in a wrap; undefined where this member holds no private half of the class.
   *
   * @param secretOf the class's private half, asked for only where it is needed
   * @throws CloisterError INTEGRITY, also where it was wrapped in another context; KmsRefused, UNAVAILABLE
   */
  async open(
    epoch: ClassEpoch,
    context: KeyContext,
    wrap: () => Promise<Uint8Array>,
    secretOf: () => Promise<string | undefined>,
  ): Promise<Buffer | undefined> {
    // By the signed record alone. A wrap of the other kind is damaged: nothing in the store chooses how it is read.
    if (isUnderKms(epoch) && context.purpose === "data") {
      return openKmsKey(this.#kms, epoch.kms, context, await wrap());
    }
    const secret = await secretOf();
    return secret === undefined ? undefined : unwrapKey(secret, context, await wrap());
  }
}
