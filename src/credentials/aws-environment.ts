// How credentials of AWS reach a program: variables, the document of a credential process, the container endpoint.
import { devNull } from "node:os";
import type { AwsCredentials } from "../base/aws.ts";

/** Where AWS's own tools would look for other credentials, or for another place to get them from. */
export const AWS_CREDENTIAL_VARIABLES: readonly string[] = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  // Older names, which the Go and Java SDKs still read, and read first.
  "AWS_ACCESS_KEY",
  "AWS_SECRET_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_SECURITY_TOKEN",
  "AWS_BEARER_TOKEN_BEDROCK",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_CREDENTIAL_SCOPE",
  "AWS_ACCOUNT_ID",
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/**
 * Keeps a program from credentials other than those it was handed: a `default` profile comes before a container endpoint
 * in the order in which SDKs look, and the machine's own role after everything.
 */
export const NO_OTHER_CREDENTIALS: Readonly<Record<string, string>> = {
  AWS_SHARED_CREDENTIALS_FILE: devNull,
  AWS_CONFIG_FILE: devNull,
  AWS_EC2_METADATA_DISABLED: "true",
};

/** A session as variables. */
export function sessionEnvironment(
  session: Required<AwsCredentials>,
  region: string,
): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: session.accessKeyId,
    AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
    AWS_SESSION_TOKEN: session.sessionToken ?? "",
    AWS_CREDENTIAL_EXPIRATION: new Date(session.expiresAtMs ?? 0).toISOString(),
    ...regionEnvironment(region),
  };
}

/** Both spellings: the SDKs read the first, `aws` the second. */
export function regionEnvironment(region: string): Readonly<Record<string, string>> {
  return { AWS_REGION: region, AWS_DEFAULT_REGION: region };
}

/** The session that {@link sessionEnvironment} put into variables. */
export function sessionOf(environment: Readonly<Record<string, string>>, expiresAtMs: number): AwsCredentials {
  return {
    accessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    sessionToken: environment["AWS_SESSION_TOKEN"] ?? "",
    expiresAtMs,
  };
}

/** What a `credential_process` prints (AWS CLI user guide, "Sourcing credentials with an external process"). */
export function processDocument(
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string | number>> {
  return {
    Version: 1,
    AccessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
    SecretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    SessionToken: environment["AWS_SESSION_TOKEN"] ?? "",
    Expiration: environment["AWS_CREDENTIAL_EXPIRATION"] ?? "",
  };
}

/** What a container endpoint answers (Amazon ECS developer guide, "Task IAM role"). */
export function containerDocument(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return {
    AccessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
    SecretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    Token: environment["AWS_SESSION_TOKEN"] ?? "",
    Expiration: environment["AWS_CREDENTIAL_EXPIRATION"] ?? "",
  };
}
