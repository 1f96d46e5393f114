// Emergencies as the log has them: who broke the glass for which version, who consented, who reviewed it.
import type { LoggedEvent } from "../../audit/taken.ts";
import { isInstant, SHA256 } from "../../base/record.ts";
import type { LoggedRequest } from "../request/logged.ts";

/** What a review came to. */
export const OUTCOMES = ["justified", "unjustified"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** An invocation, as the request that it is: its object in the store is held to the log as any request's. */
export type Invocation = LoggedRequest & { readonly kind: "break-glass" };

/** What somebody else said to an invocation. */
export interface Said {
  /** Entry of the invocation. */
  readonly invocation: number;
  /** Hash of its request. */
  readonly hash: string;
  readonly member: string;
  readonly done: LoggedEvent;
}

export interface Review extends Said {
  readonly outcome: Outcome;
}

/** The invocation that an entry makes; undefined where it does not say it rightly. */
export function invocationIn(done: LoggedEvent): Invocation | undefined {
  const { action, phase, domain, class: klass, versionId, facts = {} } = done.event;
  const { request: hash, expiresMs } = facts as { readonly [name: string]: unknown };
  if (action !== "break-glass.invoke" || phase !== "done") return undefined;
  if (domain === undefined || klass === undefined || versionId === undefined) return undefined;
  if (typeof hash !== "string" || !SHA256.test(hash) || !isInstant(expiresMs)) return undefined;
  const about = { domain, class: klass, versionId, expiresMs };
  const terms = { toStage: undefined, toClass: undefined, destination: undefined };
  return { entry: done.entry, hash, kind: "break-glass", requester: done.member, ...about, ...terms, done };
}

export function consentIn(done: LoggedEvent): Said | undefined {
  return done.event.action === "break-glass.consent" ? saidIn(done) : undefined;
}

export function reviewIn(done: LoggedEvent): Review | undefined {
  const outcome = OUTCOMES.find((each) => each === done.event.facts?.["outcome"]);
  const said = done.event.action === "break-glass.review" ? saidIn(done) : undefined;
  return said && outcome && { ...said, outcome };
}

function saidIn(done: LoggedEvent): Said | undefined {
  const { phase, facts = {} } = done.event;
  const { request: hash, invocation } = facts as { readonly [name: string]: unknown };
  if (phase !== "done" || typeof hash !== "string" || !isCount(invocation)) return undefined;
  return { invocation, hash, member: done.member, done };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
