// How a request stands at a position of the log: what was said to it, what of that counts, and whether it was used.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { CompiledPolicy } from "../../policy/compiled.ts";
import { isBroughtOver, isGivenUp } from "../artifact/crossing.ts";
import type { Ledger } from "../ledger.ts";
import type { Session } from "../session.ts";
import { whyNotEntitled, whyNotEntitledThen } from "./entitled.ts";
import { actsOf, isUsedUp } from "./kinds.ts";
import { type Answer, answerIn, type LoggedRequest, requestIn, requestUsed } from "./logged.ts";
import { missingOf, type Need, needsOf, type OpenNeed, type Subject } from "./needs.ts";

export type RequestState = "open" | "approved" | "denied" | "withdrawn" | "revoked" | "expired" | "consumed";

/** Where one looks from. */
export interface Position {
  /** The policy in force there: a new version judges open requests anew. */
  readonly compiled: CompiledPolicy;
  /** ms since 1970, by the store's clock. */
  readonly now: number;
  /** Entries of the log before this one count. */
  readonly before: number;
  /** Intent of the act that is judged: what it used itself is not used for it. */
  readonly by?: LoggedEvent | undefined;
}

export interface Standing {
  readonly request: LoggedRequest;
  readonly subject: Subject;
  readonly state: RequestState;
  /** Approvals that count, one of each person, in the order of the log. */
  readonly approvals: readonly Answer[];
  /** What the policy asks for, with what is missing of it. */
  readonly needs: readonly OpenNeed[];
  /** Time at which nothing was missing any more. */
  readonly completeMs: number | undefined;
  /** What ended it: a denial, a revocation, a withdrawal. */
  readonly ended: Answer | undefined;
  /** Intent of the act that used it up. */
  readonly used: LoggedEvent | undefined;
  /** Answers that do not count, and why. */
  readonly ignored: readonly { readonly answer: Answer; readonly why: string }[];
}

/** Requests about a version that were logged before an entry. */
export function requestsAbout(ledger: Ledger, versionId: string, before: number): readonly LoggedRequest[] {
  return ledger.index.about(versionId).flatMap((logged) => (logged.entry < before ? (requestIn(logged) ?? []) : []));
}

/** Why a logged request is none; undefined where it is one. Nothing that comes later changes the answer. */
export async function whyNoRequest(session: Session, request: LoggedRequest): Promise<string | undefined> {
  const version = session.ledger.versionById(request.versionId);
  if (!version || version.done.entry > request.entry) return "it is about a version that was not there";
  if (version.domain !== request.domain || version.done.event.class !== request.class) {
    return "the version that it is about has another class or domain";
  }
  return whyNotEntitledThen(session, request.done);
}

/** Judges a request that {@link whyNoRequest} has nothing to say about. */
export async function standingOf(session: Session, request: LoggedRequest, now: Position): Promise<Standing> {
  const used = isUsedUp(request.kind) ? useOf(session.ledger, request, now) : undefined;
  // What was used up stands for ever as it stood then.
  const at = used ? await positionOf(session, used) : now;
  const said = await weigh(session, request, at);
  const { policy } = at.compiled;
  const needs = needsOf(policy, request);
  const { domain, class: klass, versionId, requester } = request;
  const pushedBy = session.ledger.versionById(versionId)?.done.member;
  const subject = { domain, class: klass, versionId, requester, pushedBy };
  const missing = (people: readonly Answer[]) => (need: Need) =>
    missingOf(
      policy,
      need,
      subject,
      people.map(({ member }) => member),
    );
  const met = (people: readonly Answer[]) => needs.every((need) => missing(people)(need).length === 0);
  const last = said.approvals.find((_, at) => met(said.approvals.slice(0, at + 1)));
  const isComplete = met(said.approvals);
  const completeMs = isComplete ? (last?.done.timeMs ?? request.done.timeMs) : undefined;
  const lives = Math.min(...needs.map(({ maxMs }) => maxMs ?? Number.POSITIVE_INFINITY));
  const isOver = at.now >= request.expiresMs || (completeMs !== undefined && at.now >= completeMs + lives);
  const open = isOver ? "expired" : isComplete ? "approved" : "open";
  const state = stateOf(said.ended) ?? (used ? "consumed" : open);
  return {
    ...{ request, subject, state, completeMs, used, ...said },
    needs: needs.map((need) => ({ ...need, missing: missing(said.approvals)(need) })),
  };
}

async function positionOf(session: Session, { event, timeMs, entry }: LoggedEvent): Promise<Position> {
  return { compiled: (await session.ledger.policy(event.policy)).compiled, now: timeMs, before: entry };
}

function stateOf(ended: Answer | undefined): RequestState | undefined {
  const states = { approve: undefined, deny: "denied", revoke: "revoked", withdraw: "withdrawn" } as const;
  return ended && states[ended.verdict];
}

/** What was said to a request, and what of it counts. The first denial, revocation or withdrawal that counts ends it. */
async function weigh(
  session: Session,
  request: LoggedRequest,
  at: Position,
): Promise<Pick<Standing, "approvals" | "ended" | "ignored">> {
  const approvals: Answer[] = [];
  const ignored: { answer: Answer; why: string }[] = [];
  const seen = new Map<string, number>();
  for (const answer of answersTo(session.ledger, request, at.before)) {
    const { member, verdict } = answer;
    // People are counted, not devices, and nobody twice.
    if (verdict === "approve" && approvals.some((approval) => approval.member === member)) continue;
    seen.set(member, (seen.get(member) ?? 0) + 1);
    if ((seen.get(member) ?? 0) > ANSWERS_MAX) continue;
    const why = await whyItDoesNotCount(session, request, answer, at);
    if (why !== undefined) ignored.push({ answer, why });
    else if (verdict !== "approve") return { approvals, ended: answer, ignored };
    else approvals.push(answer);
  }
  return { approvals, ended: undefined, ignored };
}

/** Answers of one person that are judged: anybody can log any number of them, and each is a decision for every reader. */
const ANSWERS_MAX = 16;

function answersTo(ledger: Ledger, request: LoggedRequest, before: number): readonly Answer[] {
  return ledger.index.about(request.versionId).flatMap((logged) => {
    if (logged.entry <= request.entry || logged.entry >= before) return [];
    const answer = answerIn(logged);
    return answer && answer.request === request.entry && answer.hash === request.hash ? [answer] : [];
  });
}

async function whyItDoesNotCount(
  session: Session,
  request: LoggedRequest,
  { verdict, member, done, expiresMs }: Answer,
  { compiled, now }: Position,
): Promise<string | undefined> {
  if (verdict === "withdraw") return member === request.requester ? undefined : "only who asked can withdraw it";
  if (done.event.domain !== request.domain || done.event.class !== request.class)
    return "it names another class or domain";
  const then = await whyNotEntitledThen(session, done);
  if (then !== undefined || verdict !== "approve") return then;
  if (now >= Math.min(expiresMs, request.expiresMs)) return "it expired";
  if (done.timeMs >= request.expiresMs) return "the request had expired";
  if (done.event.policy === compiled.policy.version) return undefined;
  const today = await whyNotEntitled(session, compiled, done, now);
  return today && `policy v${String(compiled.policy.version)} does not let ${member} approve it: ${today}`;
}

/** The first act that rests on the request and was not given up. */
function useOf(ledger: Ledger, request: LoggedRequest, { before, by }: Position): LoggedEvent | undefined {
  const acts: readonly string[] = actsOf(request.kind);
  return ledger.index.about(request.versionId).find((logged) => {
    const { entry, member, event } = logged;
    if (entry >= before || entry === by?.entry || event.phase !== "intent" || !acts.includes(event.action))
      return false;
    if (member !== request.requester || requestUsed(logged) !== request.entry) return false;
    return !isGivenUp(ledger, logged, before) || isBroughtOver(ledger, logged, before);
  });
}
