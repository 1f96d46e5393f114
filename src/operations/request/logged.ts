// Requests and what people said to them, as the log has them. What an entry does not say rightly is nothing.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Json } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { isInstant, SHA256 } from "../../base/record.ts";
import { isRequestKind, type RequestKind } from "./kinds.ts";

/** A request from the entry that finished its making. Everything it is bound to stands there in clear or as a digest. */
export interface LoggedRequest {
  /** Names it: approvals name the entry beside the hash, since anybody can log the hash of somebody else's request. */
  readonly entry: number;
  /** SHA-256 of the payload of `requests/<hash>`. */
  readonly hash: string;
  readonly kind: RequestKind;
  /** Member who asks. */
  readonly requester: string;
  readonly domain: string;
  readonly class: string;
  readonly versionId: string;
  /** ms since 1970, by the store's clock. */
  readonly expiresMs: number;
  readonly toStage: string | undefined;
  readonly toClass: string | undefined;
  /** Salted SHA-256 of the destination. */
  readonly destination: string | undefined;
  readonly done: LoggedEvent;
}

/** `withdraw` by the requester; the others by those who may approve. */
export type Verdict = "approve" | "deny" | "revoke" | "withdraw";

/** What somebody said to a request. */
export interface Answer {
  readonly verdict: Verdict;
  readonly member: string;
  readonly entry: number;
  /** Entry and hash of the request. */
  readonly request: number;
  readonly hash: string;
  /** End of an approval, ms since 1970. */
  readonly expiresMs: number;
  readonly done: LoggedEvent;
}

type Facts = { readonly [name: string]: Json | undefined };

/** The request that an entry makes. */
export function requestIn(done: LoggedEvent): LoggedRequest | undefined {
  const { action, phase, domain, class: klass, versionId, facts = {} } = done.event;
  const { request: hash, kind, expiresMs, toStage, toClass, destination, verdict } = facts as Facts;
  if (action !== "request.create" || phase !== "done" || verdict !== undefined) return undefined;
  if (domain === undefined || klass === undefined || versionId === undefined) return undefined;
  if (!isHash(hash) || !isRequestKind(kind) || !isInstant(expiresMs)) return undefined;
  if (!isOptional(toStage, NAME) || !isOptional(toClass, NAME) || !isOptional(destination, SHA256)) return undefined;
  const terms = { export: destination, promote: toStage, declassify: toClass, access: "", "break-glass": "" };
  if (terms[kind] === undefined) return undefined;
  const about = { domain, class: klass, versionId, expiresMs, toStage, toClass, destination };
  return { entry: done.entry, hash, kind, requester: done.member, ...about, done };
}

/** The answer that an entry gives. */
export function answerIn(done: LoggedEvent): Answer | undefined {
  const { action, phase, facts = {} } = done.event;
  const { request: hash, requestEntry, verdict, expiresMs = 0 } = facts as Facts;
  if (phase !== "done" || !isHash(hash) || !isCount(requestEntry) || !isInstant(expiresMs)) return undefined;
  const { entry, member } = done;
  const answer = { member, entry, request: requestEntry, hash, expiresMs, done };
  if (action === "request.create") return verdict === "withdraw" ? { verdict, ...answer } : undefined;
  if (action !== "request.approve") return undefined;
  return verdict === "approve" || verdict === "deny" || verdict === "revoke" ? { verdict, ...answer } : undefined;
}

/** The request that an act says it rests on: the entry that made it. */
export function requestUsed({ event }: LoggedEvent): number | undefined {
  const entry = event.facts?.["requestEntry"];
  return isCount(entry) ? entry : undefined;
}

function isHash(value: Json | undefined): value is string {
  return typeof value === "string" && SHA256.test(value);
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isOptional(value: Json | undefined, pattern: RegExp): value is string | undefined {
  return value === undefined || (typeof value === "string" && pattern.test(value));
}
