// What keeping, rotating and leasing secrets takes and gives. No value stands in any of these but a lease.
import type { Credential } from "../../credentials/provider.ts";
import type { Ignored } from "./artifact.ts";

export interface SetSecretOptions {
  /** `[domain/]name`. */
  readonly name: string;
  readonly domain?: string | undefined;
  /** Default: the most sensitive class that the member may write secrets of. */
  readonly class?: string | undefined;
  /** Asked for once the policy allows it. */
  readonly value: () => Promise<Uint8Array>;
  /** Environment variable that programs expect it in. */
  readonly env?: string | undefined;
  readonly note?: string | undefined;
  readonly rotateMs?: number | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface RotateSecretOptions {
  readonly name: string;
  readonly domain?: string | undefined;
  readonly value:
    | (() => Promise<Uint8Array>)
    /** A program on this host: it gets the old value on standard input and prints the new one. */
    | { readonly hook: readonly string[]; readonly timeoutMs: number }
    /** The value that an earlier hook gave and that never reached the store. */
    | "kept";
  readonly env?: string | undefined;
  readonly note?: string | undefined;
  readonly rotateMs?: number | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface RemoveSecretOptions {
  readonly name: string;
  readonly domain?: string | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface SecretSummary {
  /** `domain/name`. */
  readonly reference: string;
  readonly domain: string;
  readonly name: string;
  readonly class: string;
  /** Counts its values: 1, 2, … */
  readonly number: number;
  readonly env: string | undefined;
  readonly note: string | undefined;
  readonly setBy: string;
  readonly setAt: string;
  readonly ageMs: number;
  /** What it asks for itself; the policy may ask for less. */
  readonly rotateMs: number | undefined;
  /** When it is to have a new value; undefined where nothing asks for one. */
  readonly dueAt: string | undefined;
  readonly overdue: boolean;
  /** Why it is overdue. */
  readonly overdueWhy: string | undefined;
  readonly logEntry: number;
}

export interface SecretListing {
  readonly secrets: readonly SecretSummary[];
  /** Secrets this member has no key for, by `domain/class`. */
  readonly hidden: readonly { readonly where: string; readonly count: number }[];
  readonly ignored: readonly Ignored[];
}

export interface SecretChanged extends SecretSummary {
  readonly dryRun: boolean;
}

export interface SecretRemoved {
  readonly reference: string;
  readonly domain: string;
  readonly name: string;
  readonly class: string;
  readonly number: number;
  readonly dryRun: boolean;
  readonly logEntry: number;
}

export interface LeaseOptions {
  readonly name: string;
  readonly domain?: string | undefined;
  /** How long it is meant to be used. Default 1 hour. */
  readonly ttlMs?: number | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  /** For a program's environment: refused where its variable would decide which code runs, or its value is no text. */
  readonly asVariable?: boolean | undefined;
}

/** A secret that was handed out. It holds the value. */
export interface SecretLease {
  readonly reference: string;
  readonly domain: string;
  readonly name: string;
  readonly class: string;
  readonly number: number;
  readonly value: Uint8Array;
  /**
   * What a program is given: the value in its variable, unless it is no text. It expires when whoever uses it should ask
   * again: at the end of its time, or on the day the secret is due for rotation.
   */
  readonly credential: Credential;
  readonly logEntry: number;
}

/** A secret that one command in a workspace gets. */
export interface SecretUse {
  readonly name: string;
  /** Where it appears: a variable, a file below `/run/secrets`, or what the secret itself says. */
  readonly as: { readonly env: string } | { readonly path: string } | undefined;
}
