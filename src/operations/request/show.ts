// A request as people read it: what is asked, about which digest and class, who approved, and exactly who still can.
import { unlessDamaged } from "../../base/errors.ts";
import { memberOf } from "../../policy/schema.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { readVersionAt, referenceTo, type Version } from "../artifact/versions.ts";
import { factsOf } from "../governance/facts.ts";
import type { Session } from "../session.ts";
import type { RequestDetail, RequestSummary } from "../types.ts";
import { wantedFor } from "./approvers.ts";
import { findRequest, positionNow, requestId } from "./find.ts";
import { actsOf } from "./kinds.ts";
import type { LoggedRequest } from "./logged.ts";
import type { RequestDetails } from "./record.ts";
import { readDetails } from "./shelf.ts";
import { type Position, type Standing, standingOf, whyNoRequest } from "./standing.ts";

/** Everything about a request. Nothing is logged. @throws CloisterError USAGE, NOT_FOUND */
export async function showRequest(session: Session, id: string): Promise<RequestDetail> {
  await session.sync();
  const request = findRequest(session, id);
  const at = await positionNow(session);
  const standing = await standingOf(session, request, at);
  const { details, problem } = await readDetails(session, request);
  const version = await readable(session, request);
  const { done, expiresMs, hash } = request;
  const logged = session.ledger.versionById(request.versionId);
  return {
    ...(await summaryOfRequest(session, standing, details, at)),
    ...{ sha256: hash, policyVersion: done.event.policy, logEntry: request.entry },
    ...{ justification: details?.justification, artifact: details?.artifact, digest: details?.digest },
    version: {
      number: logged?.number ?? 0,
      pushedBy: logged?.done.member ?? "",
      pushedAt: new Date(logged?.done.timeMs ?? 0).toISOString(),
      logEntry: logged?.done.entry ?? 0,
    },
    checked: version !== undefined && details !== undefined && isAsCalled(version, details),
    inputs: version && (await inputsOf(session, version)),
    evidence: await evidenceFor(session, request, at),
    scan: "not scanned",
    needs: standing.needs.map(({ rule, line, approvals }) => ({ rule, line, approvals: approvals.needs })),
    approvals: standing.approvals.map((approval) => ({
      member: approval.member,
      at: new Date(approval.done.timeMs).toISOString(),
      expiresAt: new Date(Math.min(approval.expiresMs, expiresMs)).toISOString(),
      logEntry: approval.entry,
    })),
    grantedUntil: grantedUntil(standing),
    ended: standing.ended && {
      by: standing.ended.member,
      at: new Date(standing.ended.done.timeMs).toISOString(),
      logEntry: standing.ended.entry,
    },
    usedBy: standing.used?.entry,
    ignored: standing.ignored.map(({ answer, why }) => {
      return { what: `${answer.verdict} of ${answer.member} (#${String(answer.entry)})`, why };
    }),
    problem: (await whyNoRequest(session, request)) ?? problem,
  };
}

/** The short form, for lists. */
export async function summaryOfRequest(
  session: Session,
  standing: Standing,
  details: RequestDetails | undefined,
  at: Position,
): Promise<RequestSummary> {
  const { request, state, approvals } = standing;
  const { kind, requester, done, expiresMs, domain, class: klass, versionId } = request;
  const wanted = state === "open" ? await wantedFor(session, standing, at) : [];
  const me = (await session.me()).id;
  return {
    ...{ id: requestId(request), kind, state, requestedBy: requester, domain, class: klass, versionId, wanted },
    requestedAt: new Date(done.timeMs).toISOString(),
    expiresAt: new Date(expiresMs).toISOString(),
    reference: details?.reference,
    purpose: details?.purpose,
    to: request.toStage ?? request.toClass ?? details?.destination,
    approvedBy: approvals.map(({ member }) => member),
    waitsForYou: wanted.some(({ members }) => members.includes(me)),
  };
}

/** The version itself, where this member has its keys. */
async function readable(session: Session, { versionId, domain }: LoggedRequest): Promise<Version | undefined> {
  const logged = session.ledger.versionById(versionId);
  const nameKey = logged && (await session.keys.nameKey(domain));
  const judged = nameKey && (await readVersionAt(session, logged, nameKey));
  return judged?.kind === "accepted" ? judged.version : undefined;
}

/** The requester wrote what it is called; whoever can read the version compares. */
function isAsCalled(version: Version, { reference, digest, artifact }: RequestDetails): boolean {
  const { header } = version;
  return referenceTo(version) === reference && header.dirHash === digest && header.kind === artifact;
}

/** What stands in its manifest, which its pusher signed; undefined where that is damaged. */
async function inputsOf(session: Session, version: Version): Promise<RequestDetail["inputs"]> {
  const read = await manifestOf(session, version).catch(unlessDamaged);
  return read?.manifest.inputs.map(({ uri, class: klass }) => {
    return { reference: uri.replace(/^cloister:\/\/[0-9a-f]{32}\//, "").replace(/@(v\d+)$/, ":$1"), class: klass };
  });
}

async function evidenceFor(session: Session, request: LoggedRequest, at: Position): Promise<RequestDetail["evidence"]> {
  const { policy } = at.compiled;
  const member = memberOf(policy, request.requester);
  const [action] = actsOf(request.kind);
  if (!member || action === undefined) return [];
  const { domain, class: klass, versionId, toStage, toClass } = request;
  const place = { action, domain, class: klass, kind: undefined, versionId, purpose: undefined };
  const said = { toStage, toClass };
  const facts = await factsOf({ session, policy, member, ...place, now: at.now, before: at.before, said });
  return facts.evidence ?? [];
}

function grantedUntil({ request, state, completeMs, needs }: Standing): string | undefined {
  if (request.kind !== "access" || state !== "approved" || completeMs === undefined) return undefined;
  const lives = Math.min(...needs.map(({ maxMs }) => maxMs ?? Number.POSITIVE_INFINITY));
  return new Date(Math.min(completeMs + lives, request.expiresMs)).toISOString();
}
