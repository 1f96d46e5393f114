// What KMS, the network and the search for credentials say, as errors that name what has to change.
import { CloisterError, type ErrorCode, integrity } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";

/** Pairs that KMS authenticates with a ciphertext, checks key policies against, and writes into CloudTrail in clear. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** One call, for what there is to say about its failure. */
export interface KmsCall {
  readonly action: "GenerateDataKey" | "Encrypt" | "Decrypt" | "Sign" | "GetPublicKey";
  readonly key: string;
  readonly context?: EncryptionContext;
  /** Names the object that was to be decrypted. */
  readonly what?: string;
}

/**
 * KMS was reached, or could not even be asked for want of credentials, and the answer is no: the next attempt gets the
 * same one. What is behind that key cannot be read here, which is no damage and no passing failure.
 */
export class KmsRefused extends CloisterError {}

/** Names of errors by what they mean. AWS names them in the KMS API Reference, "Common errors" and STS. */
const CREDENTIALS = new Set([
  "CredentialsProviderError",
  "TokenProviderError",
  "ExpiredTokenException",
  "ExpiredToken",
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "IncompleteSignature",
  "MissingAuthenticationTokenException",
  "MissingAuthenticationToken",
  "RequestExpired",
  "NotAuthorized",
  "OptInRequired",
]);
const DENIED = new Set(["AccessDeniedException", "AccessDenied"]);
/** The ciphertext is not one of this key in this context, or was changed. */
const ABOUT_CIPHERTEXT = /^the ciphertext refers to a /i;
const CIPHERTEXT = new Set(["InvalidCiphertextException", "IncorrectKeyException"]);
/** States of a key that people have to change. */
const STATES: Readonly<Record<string, { readonly code: ErrorCode; readonly what: string; readonly next: string }>> = {
  DisabledException: { code: "FAILURE", what: "is disabled", next: "aws kms enable-key --key-id" },
  KMSInvalidStateException: {
    code: "FAILURE",
    what: "is pending deletion, or in another state in which it does nothing",
    next: "aws kms cancel-key-deletion --key-id",
  },
  NotFoundException: { code: "NOT_FOUND", what: "does not exist", next: "aws kms describe-key --key-id" },
};
const UNUSABLE = new Set(["InvalidKeyUsageException", "UnsupportedOperationException", "ValidationException"]);

export function kmsFailure(error: unknown, call: KmsCall): CloisterError {
  if (error instanceof CloisterError) return error;
  const name = error instanceof Error ? error.name : "";
  const state = Object.hasOwn(STATES, name) ? STATES[name] : undefined;
  // The request names the key: a ciphertext that refers to one which is not to be had is one of another key.
  if (call.action === "Decrypt" && ABOUT_CIPHERTEXT.test(said(error))) return foreignCiphertext(error, call);
  if (DENIED.has(name)) return denied(error, call);
  if (CREDENTIALS.has(name)) return withoutCredentials(error, call);
  if (CIPHERTEXT.has(name)) return foreignCiphertext(error, call);
  if (state) {
    return new KmsRefused(state.code, `the KMS key ${call.key} ${state.what}`, {
      why: said(error),
      next: `whoever keeps the key: ${state.next} ${call.key}`,
      cause: error,
    });
  }
  if (UNUSABLE.has(name)) {
    return new CloisterError("FAILURE", `the KMS key ${call.key} cannot do kms:${call.action}`, {
      why: said(error),
      next: "class keys need a symmetric key for encryption, identities an ECC_NIST_P256 key for signatures",
      cause: error,
    });
  }
  // Throttling, time-outs, a broken network, an error inside of AWS: nothing was decided.
  return new CloisterError("UNAVAILABLE", `kms:${call.action} got no answer`, {
    why: `${call.key}: ${said(error)}`,
    next: "try again; if it stays like that: check the network and AWS_ENDPOINT_URL_KMS",
    cause: error,
  });
}

function denied(error: unknown, call: KmsCall): CloisterError {
  const { action, key, context } = call;
  const under = context ? ` under the encryption context ${contextText(context)}` : "";
  return new KmsRefused("POLICY_DENIED", `AWS KMS refuses kms:${action} to these credentials`, {
    why: `key ${key}${under}; KMS says: ${said(error)}`,
    next:
      `the key policy and your IAM role must both allow kms:${action}${context ? " for that context" : ""}: ` +
      "cloister policy export aws writes them from the project's policy",
    cause: error,
  });
}

function withoutCredentials(error: unknown, call: KmsCall): CloisterError {
  const expired = /expired/i.test(`${error instanceof Error ? `${error.name} ${error.message}` : ""}`);
  const what = expired ? "the AWS credentials have expired" : "there are no AWS credentials that KMS accepts";
  return new KmsRefused("NOT_AUTHENTICATED", what, {
    why: `kms:${call.action} is needed; ${said(error)}`,
    next: "log in to AWS again (aws sso login, or the AWS_PROFILE you use), then try again",
    cause: error,
  });
}

function foreignCiphertext(error: unknown, call: KmsCall): CloisterError {
  return integrity(`${call.what ?? "a ciphertext"} cannot be decrypted by KMS`, {
    why: `it was changed, or belongs to another key than ${call.key} or to another place`,
    cause: error,
  });
}

/** `class=internal domain=churn`, as the `aws` command takes it. */
function contextText(context: EncryptionContext): string {
  return Object.entries(context)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(",");
}

const SAID_CHARS_MAX = 400;

/** AWS names principal, action and resource in its message; nothing of that is secret. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return "no reason given";
  const text = error.message === "" ? error.name : error.message;
  return printable(text).slice(0, SAID_CHARS_MAX);
}
