// What every client of AWS in this program is given. The SDK itself is loaded only by the drivers that speak to it.

/** Keys of an AWS principal; temporary ones carry a token and an end. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** Ms since 1970; undefined for keys without an end. */
  readonly expiresAtMs?: number | undefined;
}

/** How to reach AWS, or something that speaks as it does. What is left out, the SDK finds as the `aws` program does. */
export interface AwsAccess {
  readonly region?: string | undefined;
  /** A profile of `~/.aws/config`. */
  readonly profile?: string | undefined;
  /** Asked before every use; it refreshes what is about to expire. Undefined: the SDK's own chain of providers. */
  readonly credentials?: (() => Promise<AwsCredentials>) | undefined;
}

/** The same keys as the SDK wants them. */
export function sdkCredentials({ accessKeyId, secretAccessKey, sessionToken, expiresAtMs }: AwsCredentials): {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
} {
  return {
    ...{ accessKeyId, secretAccessKey },
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs) }),
  };
}
