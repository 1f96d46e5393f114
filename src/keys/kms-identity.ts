// An identity whose signing half is a key in AWS KMS: it cannot be copied, and whoever keeps the key can stop it.
import { createPublicKey } from "node:crypto";
import { sha256 } from "../base/digest.ts";
import { integrity } from "../base/errors.ts";
import { canonicalJson, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import { generateAge, isSecret, recipientOf } from "./age-key.ts";
import { signEnvelope } from "./dsse.ts";
import { toLowS, verifyLowS } from "./ecdsa.ts";
import { checkSigns, type Identity, publicKeyOf, signsOf } from "./identity.ts";
import { isKmsKey, type Kms } from "./kms.ts";

const FORMAT = "kms-identity@1";
const DOCUMENT_BYTES_MAX = 4096;
const PROBE_TYPE = "application/vnd.cloister.probe.v1+json";

/** Signs through KMS; reads with an age key of this device, as every identity does. */
export class KmsIdentity implements Identity {
  readonly signs: string;
  readonly reads: string;
  readonly #kms: Kms;
  readonly #key: string;
  readonly #ageSecret: string;

  constructor(kms: Kms, key: string, halves: { readonly signs: string; readonly ageSecret: string }) {
    this.#kms = kms;
    this.#key = key;
    this.#ageSecret = halves.ageSecret;
    this.signs = halves.signs;
    this.reads = recipientOf(halves.ageSecret);
  }

  get ageSecret(): string {
    return this.#ageSecret;
  }

  /** @throws CloisterError as Kms.sign does; INTEGRITY where what comes back is no signature of this identity */
  async sign(data: Uint8Array): Promise<Uint8Array> {
    const signature = toLowS(await this.#kms.sign(this.#key, sha256(data)));
    if (signature && verifyLowS(data, signature, publicKeyOf(this.signs))) return signature;
    throw integrity("AWS KMS sent something that is no signature of this identity", {
      why: `it was to be signed with ${this.#key}`,
      next: "check where AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL point",
    });
  }

  /** The secret document: the reading half, and the name of the signing half. */
  document(): string {
    return canonicalJson({ cloister: FORMAT, kms: this.#key, reading: this.#ageSecret, signs: this.signs });
  }
}

/** A new identity for a key that is in KMS already. It has signed once when it is given back. @throws as Kms does */
export async function newKmsIdentity(kms: Kms, key: string): Promise<KmsIdentity> {
  const spki = await kms.publicKey(key);
  const signs = signsOf(createPublicKey({ key: spki, format: "der", type: "spki" }));
  const identity = new KmsIdentity(kms, key, { signs, ageSecret: generateAge() });
  // Before it is kept anywhere: an identity that may not sign is in the way and good for nothing.
  await signEnvelope(PROBE_TYPE, Buffer.from("{}"), identity);
  return identity;
}

/** Whether a secret document is one of these. */
export function isKmsDocument(document: string): boolean {
  return document.startsWith(`{"cloister":"${FORMAT}",`);
}

/** Reads a secret document again. @throws CloisterError INTEGRITY; the text never shows in the error */
export function parseKmsIdentity(document: string, kms: Kms): KmsIdentity {
  try {
    const fields = new Fields(
      parseCanonical(Buffer.from(document, "utf8"), "identity", DOCUMENT_BYTES_MAX),
      "identity",
    );
    fields.string("cloister");
    const key = fields.string("kms");
    const ageSecret = fields.string("reading");
    const signs = fields.string("signs");
    fields.end();
    if (isKmsKey(key) && isSecret(ageSecret) && checkSigns(signs))
      return new KmsIdentity(kms, key, { signs, ageSecret });
  } catch {
    // Without its cause: a JSON error quotes the text around the mistake, which is secret.
  }
  throw integrity("malformed identity", { why: "it is no identity document of this version" });
}
