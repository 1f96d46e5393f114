// AWS KMS as Cloister uses it: always the exact key, always the exact encryption context, and never without an end.
import type { KMSClient } from "@aws-sdk/client-kms";
import { type AwsAccess, sdkCredentials } from "../base/aws.ts";
import { boundAnswers } from "../base/aws-answers.ts";
import { CloisterError, integrity } from "../base/errors.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { type EncryptionContext, type KmsCall, kmsFailure } from "./kms-failure.ts";

export { type EncryptionContext, KmsRefused } from "./kms-failure.ts";

/**
 * The operations of KMS that are used. Keys are named by key ARN, never by an alias: an alias can be pointed elsewhere.
 * All of them throw {@link KmsRefused} where the answer is no, UNAVAILABLE where there is none, and INTEGRITY for a
 * ciphertext that is not one of this key in this context.
 */
export interface Kms {
  /** A new 32-byte key, in clear and encrypted. */
  generateDataKey(
    key: string,
    context: EncryptionContext,
  ): Promise<{ readonly plain: Buffer; readonly sealed: Buffer }>;
  encrypt(key: string, context: EncryptionContext, plain: Uint8Array): Promise<Buffer>;
  /** @param what names the object in the error */
  decrypt(key: string, context: EncryptionContext, sealed: Uint8Array, what: string): Promise<Buffer>;
  /** ECDSA over a SHA-256 digest, as KMS writes it: DER, high or low S. */
  sign(key: string, digest: Uint8Array): Promise<Buffer>;
  /** SubjectPublicKeyInfo of a signing key, DER. @throws CloisterError USAGE where it is no P-256 key for signatures */
  publicKey(key: string): Promise<Buffer>;
}

/** How long to wait for an answer; each is in ms. */
export interface KmsPatience {
  readonly connectMs: number;
  readonly answerMs: number;
  /** For everything, with the search for credentials and the pauses between attempts. */
  readonly allMs: number;
}

const PATIENCE: KmsPatience = { connectMs: 3000, answerMs: 5000, allMs: 40_000 };
/** With pauses of up to 20 s between them, random, growing: the SDK's "standard" mode. */
const ATTEMPTS_MAX = 4;
const DATA_KEY_BYTES = 32;
/** KMS API Reference, Decrypt, CiphertextBlob. */
const SEALED_BYTES_MAX = 6144;

/** Whether the text is the ARN of a key of KMS, not of an alias. */
export function isKmsKey(text: string): boolean {
  return /^arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{1,40}:\d{12}:key\/[A-Za-z0-9-]{1,64}$/.test(text);
}

/**
 * KMS through the AWS SDK, which is loaded at the first call (about 100 ms).
 * @param access asked for then, too
 */
export function kmsOver(access: () => Promise<AwsAccess>, signal?: AbortSignal, patience: KmsPatience = PATIENCE): Kms {
  const clients = new Map<string, Promise<KMSClient>>();
  const clientOf = (key: string): Promise<KMSClient> => {
    if (!isKmsKey(key)) throw new CloisterError("USAGE", `${key} is no key ARN of KMS`, { next: NEXT_ARN });
    const region = key.split(":")[3] ?? "";
    const known = clients.get(region);
    if (known) return known;
    const client = connect(access, region, patience);
    clients.set(region, client);
    // A long-running process asks again: what failed once need not fail for good.
    client.catch(() => clients.delete(region));
    return client;
  };
  return new SdkKms(clientOf, patience, signal);
}

const NEXT_ARN = "give the key itself: arn:aws:kms:REGION:ACCOUNT:key/ID";

async function connect(access: () => Promise<AwsAccess>, region: string, patience: KmsPatience): Promise<KMSClient> {
  const { KMSClient } = await import("@aws-sdk/client-kms");
  const { profile, credentials } = await access();
  const client = new KMSClient({
    region,
    maxAttempts: ATTEMPTS_MAX,
    retryMode: "standard",
    // Without the last one the SDK only prints a warning and goes on waiting.
    requestHandler: {
      connectionTimeout: patience.connectMs,
      requestTimeout: patience.answerMs,
      throwOnRequestTimeout: true,
    },
    ...(profile === undefined ? {} : { profile }),
    ...(credentials && { credentials: async () => sdkCredentials(await credentials()) }),
  });
  boundAnswers(client);
  return client;
}

class SdkKms implements Kms {
  readonly #clientOf: (key: string) => Promise<KMSClient>;
  readonly #patience: KmsPatience;
  readonly #signal: AbortSignal | undefined;

  constructor(clientOf: (key: string) => Promise<KMSClient>, patience: KmsPatience, signal: AbortSignal | undefined) {
    this.#clientOf = clientOf;
    this.#patience = patience;
    this.#signal = signal;
  }

  async generateDataKey(key: string, context: EncryptionContext) {
    const { GenerateDataKeyCommand } = await import("@aws-sdk/client-kms");
    const command = new GenerateDataKeyCommand({ KeyId: key, EncryptionContext: { ...context }, KeySpec: "AES_256" });
    const call = { action: "GenerateDataKey", key, context } as const;
    const answer = await this.#ask(call, (client, options) => client.send(command, options));
    const plain = bytes(answer.Plaintext, call);
    if (plain.length !== DATA_KEY_BYTES) throw odd(call, "it sent a key of another length");
    return { plain, sealed: sealedBytes(answer.CiphertextBlob, call) };
  }

  async encrypt(key: string, context: EncryptionContext, plain: Uint8Array): Promise<Buffer> {
    const { EncryptCommand } = await import("@aws-sdk/client-kms");
    const command = new EncryptCommand({ KeyId: key, EncryptionContext: { ...context }, Plaintext: plain });
    const call = { action: "Encrypt", key, context } as const;
    const answer = await this.#ask(call, (client, options) => client.send(command, options));
    return sealedBytes(answer.CiphertextBlob, call);
  }

  async decrypt(key: string, context: EncryptionContext, sealed: Uint8Array, what: string): Promise<Buffer> {
    if (sealed.length === 0 || sealed.length > SEALED_BYTES_MAX) {
      throw integrity(`${what} is no ciphertext of KMS`, { why: `it has ${String(sealed.length)} bytes` });
    }
    const { DecryptCommand } = await import("@aws-sdk/client-kms");
    // With the key named, KMS opens nothing that is encrypted under another one that these credentials reach, too.
    const command = new DecryptCommand({ KeyId: key, EncryptionContext: { ...context }, CiphertextBlob: sealed });
    const call = { action: "Decrypt", key, context, what } as const;
    const answer = await this.#ask(call, (client, options) => client.send(command, options));
    return bytes(answer.Plaintext, call);
  }

  async sign(key: string, digest: Uint8Array): Promise<Buffer> {
    const { SignCommand } = await import("@aws-sdk/client-kms");
    const how = { MessageType: "DIGEST", SigningAlgorithm: "ECDSA_SHA_256" } as const;
    const command = new SignCommand({ KeyId: key, Message: digest, ...how });
    const call = { action: "Sign", key } as const;
    const answer = await this.#ask(call, (client, options) => client.send(command, options));
    return bytes(answer.Signature, call);
  }

  async publicKey(key: string): Promise<Buffer> {
    const { GetPublicKeyCommand } = await import("@aws-sdk/client-kms");
    const call = { action: "GetPublicKey", key } as const;
    const command = new GetPublicKeyCommand({ KeyId: key });
    const answer = await this.#ask(call, (client, options) => client.send(command, options));
    if (answer.KeyUsage === "SIGN_VERIFY" && answer.KeySpec === "ECC_NIST_P256") return bytes(answer.PublicKey, call);
    throw new CloisterError("USAGE", `${key} cannot sign for an identity`, {
      why: `it is of spec ${String(answer.KeySpec)} for ${String(answer.KeyUsage)}`,
      next: "make one: aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY",
    });
  }

  async #ask<T extends { readonly KeyId?: string | undefined }>(
    call: KmsCall,
    send: (client: KMSClient, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const late = AbortSignal.timeout(this.#patience.allMs);
    const abortSignal = this.#signal ? AbortSignal.any([late, this.#signal]) : late;
    let answer: T;
    try {
      // Neither the search for credentials nor the pauses between attempts listen to the signal that a request is given.
      answer = await untilAborted(abortSignal, async () => send(await this.#clientOf(call.key), { abortSignal }));
    } catch (error) {
      if (this.#signal?.aborted)
        throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
      throw kmsFailure(error, call);
    }
    if (answer.KeyId !== call.key) throw odd(call, `it used ${String(answer.KeyId)}`);
    return answer;
  }
}

function bytes(value: Uint8Array | undefined, call: KmsCall): Buffer {
  if (!value || value.length === 0) throw odd(call, "it sent nothing");
  return Buffer.from(value);
}

function sealedBytes(value: Uint8Array | undefined, call: KmsCall): Buffer {
  const sealed = bytes(value, call);
  if (sealed.length > SEALED_BYTES_MAX) throw odd(call, "it sent a ciphertext that it could not open again");
  return sealed;
}

function odd({ action, key }: KmsCall, why: string): CloisterError {
  const next = "check where AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL point";
  return integrity(`kms:${action} was not answered for the key that was asked for`, { why: `${key}: ${why}`, next });
}
