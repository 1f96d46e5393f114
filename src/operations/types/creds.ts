// What issuing, keeping and revoking credentials takes and gives.

/** What a credential is for. Every member only narrows what the policy allows. */
export interface CredentialOptions {
  /** Default: `aws` where the policy has an AWS side, else `token`. */
  readonly provider?: "token" | "aws" | undefined;
  /** Default: the only role in which this member can be issued one. */
  readonly role?: string | undefined;
  /** Default: every domain of the role. */
  readonly domain?: string | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  /** Default: the role's longest. */
  readonly ttlMs?: number | undefined;
  /** A kept credential with less than this left is issued anew. Default: 5 minutes, or half its life. */
  readonly minLeftMs?: number | undefined;
  readonly readOnly?: boolean | undefined;
  /** Who a token is for. Default: the project. */
  readonly audience?: string | undefined;
  readonly aws?: AwsOptions | undefined;
}

/** Options whose provider is settled. */
export type SettledOptions = CredentialOptions & { readonly provider: "token" | "aws" };

/** How AWS is asked. */
export interface AwsOptions {
  /** Profile whose keys ask for the session. */
  readonly profile?: string | undefined;
  /** File with an OpenID token to ask with instead. */
  readonly tokenFile?: string | undefined;
  /** Code of a second factor. */
  readonly mfaCode?: string | undefined;
}

/** A credential. `environment` is the secret. */
export interface IssuedCredential extends CredentialSummary {
  readonly environment: Readonly<Record<string, string>>;
  /** Whether it was kept from earlier. */
  readonly reused: boolean;
}

/** A credential without its secret. */
export interface CredentialSummary {
  readonly provider: string;
  /** Id of the operation in the log; a token's `jti`. */
  readonly id: string;
  readonly member: string;
  readonly role: string;
  /** `domain/class`. */
  readonly places: readonly string[];
  readonly purpose: string | undefined;
  readonly audience: string | undefined;
  readonly readOnly: boolean;
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly leftMs: number;
  /** Where it is kept; undefined where nowhere. */
  readonly kept: string | undefined;
  /** Undefined for this device's own session with the store, which opens the log. */
  readonly logEntry: number | undefined;
}

/** A running endpoint. */
export interface ServeSummary {
  readonly pid: number;
  readonly provider: string;
  readonly role: string | undefined;
  /** URL or socket. */
  readonly at: string;
  readonly since: string;
}

export interface CredentialListing {
  readonly credentials: readonly CredentialSummary[];
  readonly serves: readonly ServeSummary[];
}

export interface CredentialsRevoked {
  readonly credentials: number;
  readonly serves: number;
  /** What to put on the role, so that AWS refuses sessions issued so far; undefined where not asked for. */
  readonly serverPolicy: object | undefined;
  readonly serverRoles: readonly string[];
}

/** What a session may do, and why. */
export interface CredentialExplained {
  readonly provider: string;
  readonly member: string;
  readonly role: string;
  readonly roleArn: string | undefined;
  readonly ttlMs: number;
  readonly purpose: string | undefined;
  readonly places: readonly string[];
  /** `domain/class` that the policy refuses, with the first reason. */
  readonly refused: readonly { readonly place: string; readonly why: string }[];
  /** The session policy, as it is sent. */
  readonly document: object | undefined;
  readonly chars: number | undefined;
  readonly charsMax: number | undefined;
  readonly statements: readonly { readonly what: string; readonly lines: readonly number[] }[];
}

/** Where an endpoint listens. */
export interface ServeOptions {
  /** Path of a unix socket; default: a random port on loopback. */
  readonly socket?: string | undefined;
  /** Whether the process does nothing else, so that a revocation ends it. */
  readonly endsWithIt: boolean;
}

/** How a program's environment is changed. */
export interface CredentialVariables {
  readonly set: Readonly<Record<string, string>>;
  /** Would lead to other credentials. */
  readonly unset: readonly string[];
  /** Not for any program that we start: they open the identity of this device, or are tokens of ours. */
  readonly secrets: readonly string[];
}

/** The role in which this device works with a store in a bucket. */
export interface OwnRole {
  readonly roleArn: string;
  /** Id of the role in the policy. */
  readonly role: string;
  readonly member: string;
  readonly region: string;
  readonly purpose: string | undefined;
}
