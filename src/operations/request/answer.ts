// Answering: approve, deny, revoke, withdraw. An answer is an entry of the log; what it counts for, every reader judges.
import { CloisterError } from "../../base/errors.ts";
import { type Ask, perform, wouldPermit } from "../guard.ts";
import type { ReleasedHalf } from "../release/release-half.ts";
import type { Session } from "../session.ts";
import type { AnswerOptions, RequestAnswered } from "../types.ts";
import { wantedFor } from "./approvers.ts";
import { findRequest, positionNow, requestId } from "./find.ts";
import type { Answer, LoggedRequest, Verdict } from "./logged.ts";
import type { RequestDetails } from "./record.ts";
import { readDetails } from "./shelf.ts";
import { type Standing, standingOf, whyNoRequest } from "./standing.ts";

/** A request that somebody is about to answer. */
export interface Answerable {
  readonly request: LoggedRequest;
  readonly standing: Standing;
  readonly details: RequestDetails | undefined;
  /** Why the object in the store cannot be trusted. */
  readonly problem: string | undefined;
}

/** @throws CloisterError NOT_FOUND, USAGE, INTEGRITY where what was logged is no request */
export async function answerable(session: Session, id: string): Promise<Answerable> {
  await session.sync();
  const request = findRequest(session, id);
  const why = await whyNoRequest(session, request);
  if (why !== undefined) throw new CloisterError("INTEGRITY", `${requestId(request)} is no request`, { why });
  const standing = await standingOf(session, request, await positionNow(session));
  return { request, standing, ...(await readDetails(session, request)) };
}

const TITLES: Readonly<Record<Verdict, string>> = {
  approve: "approve",
  deny: "deny",
  revoke: "revoke",
  withdraw: "withdraw",
};

/** Decides, logs and says how the request stands then. `effect` is what happens between the intent and its end. */
export async function answer(
  session: Session,
  { request, details }: Answerable,
  {
    verdict,
    expiresMs,
    justification,
    dryRun,
  }: Pick<AnswerOptions, "justification" | "dryRun"> &
    Partial<Pick<Answer, "expiresMs">> & { readonly verdict: Verdict },
  effect: () => Promise<ReleasedHalf | undefined> = async () => undefined,
): Promise<RequestAnswered> {
  const id = requestId(request);
  const { entry, hash, domain, class: klass, versionId } = request;
  const facts = { request: hash, requestEntry: entry, verdict, expiresMs };
  const ask: Ask = {
    title: `${TITLES[verdict]} ${id}`,
    action: verdict === "withdraw" ? "request.create" : "request.approve",
    ...{ domain, class: klass, versionId, justification, facts },
    sealed: { artifact: details?.reference, justification },
  };
  if (dryRun) {
    await wouldPermit(session, ask);
    const stands = await answered(session, request, verdict);
    return { ...stands, released: undefined, logEntry: undefined, again: false, dryRun: true };
  }
  const { result: released, done } = await perform(session, ask, async () => {
    const given = await effect();
    return { result: given, outcome: { facts: { ...given, ...facts } } };
  });
  const stands = await answered(session, request, verdict);
  return { ...stands, released, logEntry: done.entry, again: false, dryRun: false };
}

/** How a request stands, for the one who answered it. */
export async function answered(
  session: Session,
  request: LoggedRequest,
  verdict: Verdict,
): Promise<Omit<RequestAnswered, "released" | "logEntry" | "again" | "dryRun">> {
  const at = await positionNow(session);
  const standing = await standingOf(session, request, at);
  const wanted = standing.state === "open" ? await wantedFor(session, standing, at) : [];
  const { details } = await readDetails(session, request);
  return { id: requestId(request), verdict, state: standing.state, reference: details?.reference, wanted };
}

/** Says no; from then on no approval counts. @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED */
export async function denyRequest(session: Session, options: AnswerOptions): Promise<RequestAnswered> {
  const open = await answerable(session, options.id);
  if (open.standing.state === "approved") {
    throw over(open, "it is approved already", `cloister request revoke ${requestId(open.request)}`);
  }
  requireState(open, ["open"]);
  return answer(session, open, { ...options, verdict: "deny" });
}

/**
 * Takes an approved request back, whoever approved it. What was read or sent stays so.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED
 */
export async function revokeRequest(session: Session, options: AnswerOptions): Promise<RequestAnswered> {
  const approved = await answerable(session, options.id);
  // What only began has not happened yet, and does not count once its consent is taken back.
  const { used } = approved.standing;
  const began = used !== undefined && session.ledger.operation(used.keyId, used.event.operation)?.done === undefined;
  requireState(approved, ["open", "approved", ...(began ? (["consumed"] as const) : [])]);
  return answer(session, approved, { ...options, verdict: "revoke" });
}

/** Takes one's own request back. @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED */
export async function withdrawRequest(session: Session, options: AnswerOptions): Promise<RequestAnswered> {
  const own = await answerable(session, options.id);
  if (own.request.requester !== (await session.me()).id) {
    throw over(own, `it is a request of ${own.request.requester}`, `cloister request deny ${requestId(own.request)}`);
  }
  requireState(own, ["open", "approved"]);
  return answer(session, own, { ...options, verdict: "withdraw" });
}

/** @throws CloisterError USAGE where the request stands otherwise */
export function requireState(request: Answerable, states: readonly Standing["state"][]): void {
  const { state } = request.standing;
  if (!states.includes(state)) {
    throw over(request, `it is ${state}`, `cloister request show ${requestId(request.request)}`);
  }
}

function over({ request }: Answerable, why: string, next: string): CloisterError {
  return new CloisterError("USAGE", `${requestId(request)} cannot be answered so`, { why, next });
}
