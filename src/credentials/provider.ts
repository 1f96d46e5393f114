// What every provider of short-lived credentials gives.

/** Who can issue a credential. */
export type ProviderName = "token" | "aws" | "secret";

/** A credential that ends by itself. Its secret never shows in logs, errors or `--json` that did not ask for it. */
export interface Credential {
  readonly provider: ProviderName;
  /** Ms since 1970. */
  readonly expiresAtMs: number;
  /** Environment variables that hand it to a program, e.g. `AWS_SESSION_TOKEN`. */
  readonly environment: Readonly<Record<string, string>>;
}
