// What the thread that asks and the threads that work say to one another.
import { CloisterError } from "../base/errors.ts";
import type { CrewName } from "./crew.ts";

export interface ThreadData {
  readonly crew: CrewName;
  readonly setup: unknown;
  readonly itemsAhead: number;
  /** [0]: items handed over and not yet taken; [1]: 1 once the thread is to stop. */
  readonly gate: Int32Array;
}

export type FromThread = { readonly id: number } & (
  | { readonly item: unknown }
  | { readonly result: unknown }
  | { readonly error: SentError }
);

/** An error as it crosses from one thread to another: a structured clone would keep nothing but the message. */
export interface SentError {
  readonly cloister: boolean;
  readonly code: string;
  readonly message: string;
  readonly why: string | undefined;
  readonly next: string | undefined;
}

export function sendable(error: unknown): SentError {
  const { message, code, why, next } = error as Partial<CloisterError>;
  const cloister = error instanceof CloisterError;
  return { cloister, code: String(code ?? ""), message: message ?? String(error), why, next };
}

/** A system error keeps its `code`, by which it is told what it means for a person. */
export function revive({ cloister, code, message, why, next }: SentError): Error {
  if (cloister) return new CloisterError(code as CloisterError["code"], message, { why, next });
  return Object.assign(new Error(message), code === "" ? {} : { code });
}
