// What logging in takes and gives. Tokens are in none of it, but for the one type that hands one over.

/** Where a person goes to log in. */
export type LoginPlace =
  | { readonly way: "browser"; readonly url: string }
  | {
      readonly way: "device";
      readonly url: string;
      /** What to type there. */
      readonly code: string;
      /** Address with the code in it. */
      readonly completeUrl: string | undefined;
    };

export interface LoginOptions {
  readonly way: "browser" | "device" | "token-file";
  /** File that holds an ID token, for `token-file`. */
  readonly tokenFile?: string | undefined;
  /** Asks for the second factor now, and refuses a login without one. */
  readonly secondFactor?: boolean | undefined;
  /** Called once, when there is somewhere to go. */
  readonly show: (place: LoginPlace) => void;
}

/** A login as this device remembers it. Times are ISO 8601. */
export interface LoginSummary {
  readonly issuer: string;
  /** Who the member is to the issuer. */
  readonly sub: string;
  readonly loggedInAt: string;
  /** End of the present token. */
  readonly expiresAt: string;
  /** Whether a new token can be had without the person. */
  readonly renewable: boolean;
  /** Whether it took two factors. */
  readonly secondFactor: boolean;
  /** When the person proved who they are; undefined where the provider does not say. */
  readonly authenticatedAt: string | undefined;
  /** How, in the provider's words (RFC 8176). */
  readonly amr: readonly string[];
  readonly acr: string | undefined;
}

export interface LoggedIn extends LoginSummary {
  readonly project: string;
  readonly member: string;
  /** Whom the token is for. */
  readonly audience: readonly string[];
  /** Where the tokens are kept, in words. */
  readonly storage: string;
}

export interface LoggedOut {
  /** False where there was no login. */
  readonly forgotten: boolean;
  /** Whether the provider was told, too. */
  readonly revoked: boolean;
}

/** How a member stands with the provider of their project; `none` and `expired` need `cloister login`. */
export type LoginState =
  | { readonly state: "none"; readonly issuer: string }
  | (LoginSummary & { readonly state: "valid" | "renewable" | "expired" });

/** A token to hand to somebody who trusts the issuer. Secret. */
export interface IdToken {
  readonly token: string;
  readonly issuer: string;
  readonly sub: string;
  readonly audience: readonly string[];
  /** ms since 1970. */
  readonly expiresAtMs: number;
}
