// What an answer of S3, or the lack of one, means for a person; and which of them may be asked again.
import { CloisterError, systemCode } from "../base/errors.ts";
import type { S3Access } from "./s3-place.ts";
import { s3Url } from "./s3-place.ts";

/** What was asked for: the action as IAM calls it, and on which object. */
export interface Asked {
  readonly action: `s3:${string}`;
  /** Key of the object, or undefined for the bucket. */
  readonly key?: string | undefined;
}

/** An error of the SDK, as far as it can be relied on: anything may be missing. */
interface Answer {
  /** Code of S3 (`NoSuchKey`), or the class of an error without an answer (`TimeoutError`). */
  readonly code: string;
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;
}

const CODE = /^[A-Za-z][A-Za-z0-9._]{0,63}$/;

/** @param error anything thrown by the SDK or by the network under it */
export function answerOf(error: unknown): Answer {
  const { name, $metadata } = (error ?? {}) as { name?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  const system = systemCode(error);
  const code = system !== undefined && name !== "TimeoutError" ? system : name;
  return {
    code: typeof code === "string" && CODE.test(code) ? code : "UnknownError",
    status: typeof status === "number" ? status : undefined,
  };
}

const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const PASSING = new Set([
  ...["RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"],
  ...["ConditionalRequestConflict", "OperationAborted", "InternalError", "ServiceUnavailable"],
  // The SDK corrects its clock by the answer, so that the next attempt may fit.
  ...["RequestTimeTooSkewed"],
]);
const BROKEN_CONNECTION = new Set([
  ...["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"],
  ...["ENOTFOUND", "ERR_STREAM_PREMATURE_CLOSE", "HPE_INVALID_CONSTANT", "TimeoutError"],
]);

/** Whether asking again may help. */
export function isPassing(error: unknown): boolean {
  if (error instanceof CloisterError) return error.code === "UNAVAILABLE";
  const { code, status } = answerOf(error);
  return (status !== undefined && PASSING_STATUS.has(status)) || PASSING.has(code) || BROKEN_CONNECTION.has(code);
}

/** Whether the server may have done what it was asked for although it did not say so. */
export function mayBeDone(error: unknown): boolean {
  const { status } = answerOf(error);
  return status === undefined || status < 400 || status >= 500;
}

/** Whether there is nothing under the key (or the upload is not known any more). */
export function isMissing(error: unknown): boolean {
  const { code, status } = answerOf(error);
  return status === 404 && code !== "NoSuchBucket";
}

const TOKEN = new Set(["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"]);
const KEYS = new Set(["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "AuthFailure"]);
const NO_KEYS = new Set(["CredentialsProviderError", "TokenProviderError", "ProviderError"]);
const REGION = new Set(["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"]);
const UNTRUSTED = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO|ERR_SSL_)/;

/** Everything there is to say about a failed request. */
interface Failed extends Answer {
  readonly error: unknown;
  readonly asked: Asked;
  readonly access: S3Access;
  /** Code and status, for the reason. */
  readonly said: string;
  /** The store and its server. */
  readonly where: string;
}

/** The `CloisterError` that the store's interface promises; those there are pass through. */
export function s3Failure(error: unknown, asked: Asked, access: S3Access): CloisterError {
  if (error instanceof CloisterError) return error;
  const answer = answerOf(error);
  const { code, status } = answer;
  const said = status === undefined ? code : `${code}, HTTP ${String(status)}`;
  const where = access.endpoint === undefined ? s3Url(access) : `${s3Url(access)} at ${access.endpoint}`;
  const failed = { ...answer, error, asked, access, said, where };
  if (NO_KEYS.has(code)) return noCredentials(failed);
  if (TOKEN.has(code) || KEYS.has(code)) return refusedCredentials(failed);
  if (code === "RequestTimeTooSkewed") return wrongClock(failed);
  if (REGION.has(code) || status === 301) return otherRegion(failed);
  if (error instanceof Error && /region is missing/i.test(error.message)) return noRegion(failed);
  if (code === "NoSuchBucket") return noBucket(failed);
  if (status === 403) return forbidden(failed);
  if (status === 501) return unfit(failed);
  if (isPassing(error)) return unavailable(failed);
  if (UNTRUSTED.test(code)) return untrusted(failed);
  return unforeseen(failed);
}

/** Whatever was to give credentials gave none and did not end. */
export function lateCredentials(access: S3Access, waitedMs: number): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", "there are no credentials for the store", {
    why: `profile ${access.profile ?? "default"} and the environment gave none within ${String(waitedMs / 1000)} s`,
    next: renewal(access),
  });
}

function noCredentials({ access, error }: Failed): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", "there are no credentials for the store", {
    why: `none in the environment, and none of the profile ${access.profile ?? "default"} that works`,
    next: renewal(access),
    cause: error,
  });
}

function refusedCredentials({ code, said, where, access, error }: Failed): CloisterError {
  const what = TOKEN.has(code)
    ? "the credentials for the store have expired"
    : "the store does not know these credentials";
  return new CloisterError("NOT_AUTHENTICATED", what, {
    why: `${said} from ${where}`,
    next: renewal(access),
    cause: error,
  });
}

function renewal({ profile }: S3Access): string {
  return `aws sso login${profile === undefined ? "" : ` --profile ${profile}`}   (or get new keys as your team does, then try again)`;
}

function wrongClock({ said, error }: Failed): CloisterError {
  return new CloisterError("FAILURE", "the store refuses this machine's clock", {
    why: `${said}: it differs from the server's by more than 15 minutes`,
    next: "set the clock (timedatectl set-ntp true), then try again",
    cause: error,
  });
}

function otherRegion({ said, access, error }: Failed): CloisterError {
  const region = regionOf(error);
  return new CloisterError("USAGE", `the bucket ${access.bucket} lies in another region`, {
    why: region === undefined ? `${said}, and no word about which` : `${said}: it lies in ${region}`,
    next: `--region ${region ?? "REGION"}, or the region line of .cloister/config.yaml`,
    cause: error,
  });
}

function noRegion({ error }: Failed): CloisterError {
  return new CloisterError("USAGE", "the region of the bucket is not known", {
    why: "neither the project's configuration nor that of AWS names one",
    next: "--region REGION, the region line of .cloister/config.yaml, or AWS_REGION",
    cause: error,
  });
}

function noBucket({ said, where, access, error }: Failed): CloisterError {
  const server = access.endpoint === undefined ? "" : ` --endpoint-url ${access.endpoint}`;
  return new CloisterError("NOT_FOUND", `there is no bucket ${access.bucket}`, {
    why: `${said} for ${where}`,
    next: `check the name, or make it: aws s3 mb s3://${access.bucket}${server}`,
    cause: error,
  });
}

/** Says exactly what an administrator has to allow. */
function forbidden({ asked: { action, key }, said, access, error }: Failed): CloisterError {
  const bucket = `arn:aws:s3:::${access.bucket}`;
  const resource = key === undefined ? bucket : `${bucket}/${key}`;
  // Without it S3 says of what is merely not there that it is forbidden.
  const listing = action === "s3:GetObject" ? `, and s3:ListBucket on ${bucket}` : "";
  const other = access.endpoint === undefined ? "" : " (some servers say so of unknown keys, too)";
  return new CloisterError("FAILURE", `these credentials may not ${VERBS[action] ?? "use"} ${key ?? s3Url(access)}`, {
    why: `${said} to ${action}${other}`,
    next: `ask who administers the bucket to allow ${action} on ${resource}${listing}`,
    cause: error,
  });
}

function unfit({ said, asked, error }: Failed): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "this server cannot hold a store", {
    why: `${said} to ${asked.action}: it lacks what create-only objects need`,
    next: SERVERS,
    cause: error,
  });
}

function unavailable({ code, status, said, where, error }: Failed): CloisterError {
  const slow = code === "SlowDown" || status === 429;
  return new CloisterError(
    "UNAVAILABLE",
    slow ? "the store is asked for too much" : "the store does not answer properly",
    {
      why: `${said} from ${where}, several times`,
      next: slow ? "try again in a minute" : "try again; if it stays, check the network and the endpoint",
      cause: error,
    },
  );
}

function untrusted({ code, where, error }: Failed): CloisterError {
  return new CloisterError("FAILURE", "the server's certificate is not trusted", {
    why: `${code} from ${where}`,
    next: "add its authority with NODE_EXTRA_CA_CERTS=FILE, or correct the endpoint",
    cause: error,
  });
}

function unforeseen({ status, said, where, asked, error }: Failed): CloisterError {
  const why = status === undefined || status < 400 ? "it does not answer as S3 does" : "it refuses the request";
  return new CloisterError("FAILURE", "the store failed", {
    why: `${said} from ${where} to ${asked.action}: ${why}`,
    next: "check the endpoint and the bucket",
    cause: error,
  });
}

/** Servers that keep what `If-None-Match` promises. */
export const SERVERS = "use AWS S3, Ceph, MinIO or another server that honours If-None-Match, or a folder";

const VERBS: Readonly<Record<string, string>> = {
  "s3:GetObject": "read",
  "s3:PutObject": "write",
  "s3:DeleteObject": "delete",
  "s3:ListBucket": "list",
};

const REGION_NAME = /^[a-z0-9-]{1,40}$/;

function regionOf(error: unknown): string | undefined {
  const { Region, $response } = (error ?? {}) as {
    Region?: unknown;
    $response?: { headers?: Readonly<Record<string, unknown>> };
  };
  return [Region, $response?.headers?.["x-amz-bucket-region"]].find(
    (text): text is string => typeof text === "string" && REGION_NAME.test(text),
  );
}
