// Approving: only what one has read, as it was signed.
import { CloisterError } from "../../base/errors.ts";
import { memberOf } from "../../policy/schema.ts";
import { type ReleasedHalf, releaseHalf } from "../release/release-half.ts";
import type { Session } from "../session.ts";
import type { AnswerOptions, RequestAnswered } from "../types.ts";
import { type Answerable, answer, answerable, answered, requireState } from "./answer.ts";
import { positionNow, requestId } from "./find.ts";
import type { LoggedRequest } from "./logged.ts";
import { standingOf } from "./standing.ts";

/**
 * Approves a request. Approving twice is approving once, and is logged once.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED, INTEGRITY (the request was tampered with), NOT_AUTHENTICATED (it
 * is sealed to others)
 */
export async function approveRequest(session: Session, options: AnswerOptions): Promise<RequestAnswered> {
  const open = await answerable(session, options.id);
  const { request, standing } = open;
  const me = (await session.me()).id;
  const mine = standing.approvals.find(({ member }) => member === me);
  if (mine && (standing.state === "open" || standing.state === "approved")) {
    // Whoever writes to the store can lose what was given, and the approval stands all the same.
    const released = options.dryRun ? undefined : await give(session, request);
    const now = await answered(session, request, "approve");
    return { ...now, released, logEntry: mine.entry, again: true, dryRun: options.dryRun === true };
  }
  requireState(open, ["open"]);
  // Who may not approve hears that first.
  if (!open.details && open.problem === undefined) await answer(session, open, { verdict: "approve", dryRun: true });
  requireRead(open);
  const untilMs = Math.floor(await session.clock()) + (options.lastsMs ?? Number.MAX_SAFE_INTEGER / 2);
  const expiresMs = Math.min(untilMs, request.expiresMs);
  return answer(session, open, { ...options, verdict: "approve", expiresMs }, async () => {
    await requireStillOpen(session, open);
    return give(session, request);
  });
}

/** Somebody may have ended it before this approval came to stand in the log, and what is given is given for good. */
async function requireStillOpen(session: Session, open: Answerable): Promise<void> {
  const standing = await standingOf(session, open.request, await positionNow(session));
  requireState({ ...open, standing }, ["open", "approved"]);
}

/** Nobody approves what they cannot read, nor what was changed after it was signed. */
function requireRead({ request, details, problem }: Answerable): void {
  const id = requestId(request);
  if (problem !== undefined) throw new CloisterError("INTEGRITY", `${id} cannot be trusted`, { why: problem });
  if (details) return;
  throw new CloisterError("NOT_AUTHENTICATED", `you cannot read what ${id} asks for`, {
    why: "it was sealed before you could approve it",
    next: `ask ${request.requester} to ask again: cloister request create ${request.kind}`,
  });
}

/**
 * What an approver gives with their consent, between its intent and its end: of a version whose key is in two halves, the
 * half that they hold, to the devices of whoever asked. What was given goes into the log.
 */
async function give(
  session: Session,
  { kind, requester, hash, versionId, expiresMs }: LoggedRequest,
): Promise<ReleasedHalf | undefined> {
  if (kind !== "access") return undefined;
  const { policy } = (await session.policy()).compiled;
  const devices = memberOf(policy, requester)?.devices.map(({ reads }) => reads) ?? [];
  return releaseHalf(session, { hash, versionId, devices, expiresMs });
}
