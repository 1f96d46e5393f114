// Asks STS for a session that can do no more than its session policy says. The SDK is loaded here and nowhere else.
import type { STSClient, STSServiceException } from "@aws-sdk/client-sts";
import { type AwsAccess, type AwsCredentials, sdkCredentials } from "../base/aws.ts";
import { boundAnswers } from "../base/aws-answers.ts";
import { CloisterError } from "../base/errors.ts";
import { untilAborted } from "../base/until-aborted.ts";

/** Shortest session that STS gives. */
export const SESSION_MS_MIN = 15 * 60_000;
/** Longest. Where the caller's own keys are of an assumed role, STS gives no more than an hour. */
export const SESSION_MS_MAX = 12 * 60 * 60_000;
/** STS's limit for an inline session policy, in characters. */
export const SESSION_POLICY_CHARS_MAX = 2048;

const CONNECT_MS = 3000;
const ANSWER_MS = 10_000;
const ATTEMPTS_MAX = 3;
/** For everything: a profile's program that gives the keys may have to ask a person, and may never end. */
const ALL_MS = 120_000;

export interface SessionRequest {
  readonly roleArn: string;
  /** 2 to 64 letters, digits and `=,.@-_`; CloudTrail shows it. */
  readonly sessionName: string;
  /** Who asks; stays the same through role chaining. Not sent with a web identity, whose token says it. */
  readonly sourceIdentity: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Inline session policy, JSON; undefined leaves all that the role may. */
  readonly policy: string | undefined;
  readonly durationMs: number;
  /** An OpenID token to assume the role with, instead of the caller's own keys. */
  readonly webIdentityToken?: string | undefined;
  readonly mfa?: { readonly serial: string; readonly code: string } | undefined;
}

/**
 * AssumeRole, or AssumeRoleWithWebIdentity where there is a token.
 *
 * @param cancel stops waiting
 * @throws {@link CloisterError} NOT_AUTHENTICATED where there are no keys, they have expired or are not accepted;
 * POLICY_DENIED where AWS refuses the role; USAGE where AWS refuses the request itself; UNAVAILABLE, INTERRUPTED
 */
export async function assumeRole(
  access: AwsAccess,
  request: SessionRequest,
  cancel: AbortSignal,
  allMs = ALL_MS,
): Promise<Required<AwsCredentials>> {
  const sts = await import("@aws-sdk/client-sts");
  const { credentials } = access;
  const client = new sts.STSClient({
    ...(access.region === undefined ? {} : { region: access.region }),
    ...(access.profile === undefined ? {} : { profile: access.profile }),
    ...(credentials && { credentials: async () => sdkCredentials(await credentials()) }),
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
    maxAttempts: ATTEMPTS_MAX,
  });
  boundAnswers(client);
  const late = AbortSignal.timeout(allMs);
  try {
    return sessionOf(await untilAborted(AbortSignal.any([late, cancel]), () => ask(sts, client, request)));
  } catch (error) {
    if (cancel.aborted) throw new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
    if (late.aborted) throw tooLate(access, allMs);
    throw error instanceof CloisterError ? error : failure(error, request);
  } finally {
    client.destroy();
  }
}

async function ask(sts: typeof import("@aws-sdk/client-sts"), client: STSClient, request: SessionRequest) {
  const common = {
    RoleArn: request.roleArn,
    RoleSessionName: request.sessionName,
    DurationSeconds: Math.floor(request.durationMs / 1000),
    ...(request.policy === undefined ? {} : { Policy: request.policy }),
  };
  if (request.webIdentityToken !== undefined) {
    const WebIdentityToken = request.webIdentityToken;
    return client.send(new sts.AssumeRoleWithWebIdentityCommand({ ...common, WebIdentityToken }));
  }
  return client.send(
    new sts.AssumeRoleCommand({
      ...common,
      SourceIdentity: request.sourceIdentity,
      Tags: Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })),
      ...(request.mfa === undefined ? {} : { SerialNumber: request.mfa.serial, TokenCode: request.mfa.code }),
    }),
  );
}

function sessionOf({ Credentials: given }: Awaited<ReturnType<typeof ask>>): Required<AwsCredentials> {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !(Expiration instanceof Date)) {
    throw new CloisterError("UNAVAILABLE", "STS gave an answer without credentials", {
      next: "check AWS_ENDPOINT_URL_STS",
    });
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiresAtMs: Expiration.getTime(),
  };
}

/** Errors of the SDK, by name: what they mean to the person. AWS's own words stay, without request ids. */
function failure(error: unknown, { roleArn, webIdentityToken }: SessionRequest): CloisterError {
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const why = firstLine(message);
  if (NO_KEYS.has(name)) {
    return new CloisterError("NOT_AUTHENTICATED", "there are no AWS keys to ask for a session with", {
      why,
      next: "cloister login, aws login or aws sso login; or name a profile that has keys: --profile NAME",
    });
  }
  const status = (error as Partial<STSServiceException>).$metadata?.httpStatusCode;
  // Servers other than AWS refuse without a word of why.
  const refused = status === 401 || status === 403;
  if (NOT_ACCEPTED.has(name) || (refused && webIdentityToken !== undefined)) {
    const what = webIdentityToken === undefined ? "AWS does not accept these keys" : "AWS does not accept this token";
    const next = webIdentityToken === undefined ? "aws sso login, or other keys: --profile NAME" : "cloister login";
    return new CloisterError("NOT_AUTHENTICATED", what, { why, next });
  }
  if (refused) {
    return new CloisterError("POLICY_DENIED", `AWS does not let you take the role ${roleArn}`, {
      why,
      next: "ask who runs the AWS account: the role's trust policy must name you (cloister policy export aws)",
    });
  }
  if (REFUSED.has(name)) return new CloisterError("USAGE", "AWS refuses the request for a session", { why });
  return new CloisterError("UNAVAILABLE", "STS does not answer", {
    why: status === undefined ? why : `${why} (HTTP ${String(status)})`,
    next: "try again; AWS_ENDPOINT_URL_STS and the region say where it is looked for",
  });
}

function tooLate({ profile }: AwsAccess, waitedMs: number): CloisterError {
  return new CloisterError("UNAVAILABLE", "there is no session of AWS", {
    why: `neither keys to ask with nor an answer within ${String(waitedMs / 1000)} s`,
    next: `aws sts get-caller-identity${profile === undefined ? "" : ` --profile ${profile}`}   (waits for the same)`,
  });
}

const NO_KEYS = new Set(["CredentialsProviderError", "ProviderError", "TokenProviderError"]);
const NOT_ACCEPTED = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "IDPRejectedClaim",
  "IDPRejectedClaimException",
  "InvalidClientTokenId",
  "InvalidIdentityToken",
  "InvalidIdentityTokenException",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);
const REFUSED = new Set([
  "MalformedPolicyDocument",
  "MalformedPolicyDocumentException",
  "PackedPolicyTooLarge",
  "PackedPolicyTooLargeException",
  "RegionDisabledException",
  "ValidationError",
]);

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").slice(0, 300) || "no reason given";
}
