// What others approved of an act, for its decision. A request serves only the act, the version and the terms it names.
import type { LoggedEvent } from "../../audit/taken.ts";
import { unlessDamaged } from "../../base/errors.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import { factText } from "../governance/fact-text.ts";
import type { Act } from "../governance/facts.ts";
import { kindFor, type RequestKind } from "./kinds.ts";
import { type LoggedRequest, requestUsed } from "./logged.ts";
import { destinationDigest } from "./record.ts";
import { detailsOf } from "./shelf.ts";
import { requestsAbout, type Standing, standingOf, whyNoRequest } from "./standing.ts";

/** Approvals and grants that count for an act. */
export async function approvalsOf(act: Act): Promise<GovernanceFacts> {
  const standing = act.action === "creds.issue" ? await requestForClass(act) : await requestFor(act);
  if (!standing) return {};
  const { request, approvals, completeMs } = standing;
  const people = approvals.map(({ member }) => member);
  const { entry, hash, destination } = request;
  const facts = { approvals: people, request: { entry, hash, destination, salt: await saltFor(act, request) } };
  if (request.kind !== "access" || completeMs === undefined) return facts;
  return { ...facts, grant: { approvals: people, ageMs: Math.max(0, act.now - completeMs) } };
}

/** What the digest of a destination is salted with, for an act whose destination everybody may see. */
async function saltFor({ session, said, intent }: Act, request: LoggedRequest): Promise<string | undefined> {
  if (intent || request.kind !== "export" || !said.destination?.startsWith("domain:")) return undefined;
  return (await detailsOf(session, request).catch(() => undefined))?.salt;
}

/**
 * A credential opens a whole class: it rests on a grant for each version there is in it. Of those grants, the oldest.
 */
async function requestForClass(act: Act): Promise<Standing | undefined> {
  const { ledger } = act.session;
  const { domain, before } = act;
  if (domain === undefined || !asksOthers(act)) return undefined;
  let oldest: Standing | undefined;
  for (const nameId of ledger.artifactsIn(domain)) {
    for (const { versionId, done } of ledger.versionsOf(domain, nameId)) {
      if (done.entry >= before || done.event.class !== act.class) continue;
      const standing = await requestFor({ ...act, versionId });
      if (standing?.state !== "approved") return undefined;
      if (!oldest || (standing.completeMs ?? 0) < (oldest.completeMs ?? 0)) oldest = standing;
    }
  }
  return oldest;
}

/** Whether the policy asks for others' consent to such an act at all. */
function asksOthers({ policy, action }: Act): boolean {
  if (action === "artifact.promote" && policy.gates.some(({ approvals }) => approvals)) return true;
  return policy.rules.some((rule) => (rule.on as readonly string[]).includes(action) && (rule.approvals ?? rule.grant));
}

/** The request of the member that fits an act and is approved; else the open one with the most approvals. */
export async function requestFor(act: Act): Promise<Standing | undefined> {
  const { session, policy, now, before, versionId } = act;
  const kind = kindFor(act.action);
  if (kind === undefined || versionId === undefined || !asksOthers(act)) return undefined;
  const { compiled } = await session.ledger.policy(policy.version);
  let best: Standing | undefined;
  for (const request of requestsAbout(session.ledger, versionId, before)) {
    if (!isFor(request, kind, act) || !(await hasTermsOf(request, act))) continue;
    if ((await whyNoRequest(session, request)) !== undefined) continue;
    const standing = await standingOf(session, request, { compiled, now, before, by: act.intent });
    if (standing.state === "approved") return standing;
    const isBetter = !best || standing.approvals.length > best.approvals.length;
    if (standing.state === "open" && isBetter) best = standing;
  }
  return best;
}

function isFor(request: LoggedRequest, kind: RequestKind, { member, domain, class: klass, said }: Act): boolean {
  if (request.kind !== kind || request.requester !== member.id) return false;
  if (request.domain !== domain || request.class !== klass) return false;
  return kind === "promote"
    ? request.toStage === said.toStage
    : kind !== "declassify" || request.toClass === said.toClass;
}

/**
 * Purpose and destination are sealed: who acts compares them before acting; who reads later sees which request the act
 * was logged with. That a version crosses into another domain of the project is no secret: there everybody compares.
 */
async function hasTermsOf(request: LoggedRequest, act: Act): Promise<boolean> {
  const { session, before, purpose, said } = act;
  const logged = act.intent ?? session.ledger.events[before];
  if (logged) return requestUsed(logged) === request.entry && isForDomain(request, logged, said.destination);
  // A promotion is for no purpose.
  if (request.kind === "promote") return true;
  // A request that was tampered with allows nothing; `request show` says what is wrong with it.
  const details = await detailsOf(session, request).catch(unlessDamaged);
  if (!details || details.purpose !== purpose) return false;
  return request.kind !== "export" || details.destination === said.destination;
}

/** With the salt that the act discloses, a request for another destination is told by its digest. */
function isForDomain(request: LoggedRequest, { event }: LoggedEvent, destination: string | undefined): boolean {
  if (request.kind !== "export" || !destination?.startsWith("domain:")) return true;
  const salt = factText(event, "salt");
  return salt !== undefined && destinationDigest({ salt, destination }) === request.destination;
}
