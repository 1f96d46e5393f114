// Asking: a signed request in the store, and its entry in the log, by which it counts.
import { randomBytes } from "node:crypto";
import { CloisterError } from "../../base/errors.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { memberOf } from "../../policy/schema.ts";
import { resolve } from "../artifact/resolve.ts";
import { summaryOf, type Version } from "../artifact/versions.ts";
import { AUDIT_PLACE } from "../class-keys.ts";
import { type Ask, decideNow } from "../decision.ts";
import { perform, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { RequestCreated, RequestOptions } from "../types.ts";
import { approversOf, wantedFor } from "./approvers.ts";
import { positionNow, requestId } from "./find.ts";
import { actsOf } from "./kinds.ts";
import { missingOf, needsOf, type OpenNeed, type Subject } from "./needs.ts";
import { destinationDigest, RECIPIENTS_MAX, requestName, sealDetails, signRequest } from "./record.ts";
import { lastsOf, type Terms, termsOf } from "./terms.ts";

/**
 * Asks for access, an export, a promotion or a declassification of one version.
 * @throws CloisterError USAGE (nothing to ask for, terms missing), NOT_FOUND, POLICY_DENIED
 */
export async function createRequest(session: Session, options: RequestOptions): Promise<RequestCreated> {
  await session.sync();
  const { kind, justification } = options;
  const version = await resolve(session, options.reference, { action: "artifact.read-metadata" });
  const { policy } = (await session.policy()).compiled;
  const { reference, domain, class: klass, versionId, kind: artifact, digest } = summaryOf(version);
  const terms = await termsOf(session, policy, options, klass);
  const lastsMs = lastsOf(options);
  const subject = { domain, class: klass, versionId, requester: (await session.me()).id, pushedBy: version.pusher };
  const needs = await checkAsking(session, options, version, { terms, subject });
  const { destination, purpose, toStage, toClass } = terms;
  const expiresMs = Math.floor(await session.clock()) + lastsMs;
  const ask: Ask = {
    title: `ask for ${kind} of ${reference}`,
    action: "request.create",
    ...{ domain, class: klass, versionId, purpose, justification, reference },
    facts: { kind, expiresMs, toStage, toClass },
    sealed: { artifact: reference, destination, purpose, justification },
  };
  const to = destination ?? toStage ?? toClass;
  const said = { kind, reference, versionId, class: klass, purpose, to, expiresAt: new Date(expiresMs).toISOString() };
  if (options.dryRun) {
    await wouldPermit(session, ask);
    const wanted = await wantedFor(session, { subject, approvals: [], needs }, await positionNow(session));
    return { id: undefined, sha256: undefined, ...said, wanted, logEntry: undefined, dryRun: true };
  }
  const recipients = await recipientsOf(session, subject);
  const { result: sha256, done } = await perform(session, ask, async ({ id, intent }) => {
    const salt = randomBytes(32).toString("hex");
    const details = { reference, artifact, digest, purpose, justification, destination, salt };
    const identity = await session.identity();
    const about = { project: session.config.project, kind, domain, class: klass, versionId, operation: id };
    const signer = { member: subject.requester, key: keyIdOf(identity.signs) };
    const at = { intent: intent.entry, policy: intent.event.policy, expiresMs };
    const bound = { toStage, toClass, destination: destinationDigest(details) };
    const sealed = await sealDetails(recipients, about, details);
    const { bytes, hash } = await signRequest({ ...about, ...signer, ...at, ...bound, sealed }, identity);
    // Named by its own hash: what is there already is this very object.
    await session.store.create(requestName(hash), [bytes]);
    return { result: hash, outcome: { facts: { request: hash, kind, expiresMs, ...bound } } };
  });
  const wanted = await wantedFor(session, { subject, approvals: [], needs }, await positionNow(session));
  return { id: requestId(done), sha256, ...said, wanted, logEntry: done.entry, dryRun: false };
}

/** The auditors, the requester's devices, and those of everybody who can approve now. */
async function recipientsOf(session: Session, subject: Subject): Promise<readonly string[]> {
  const { policy } = (await session.policy()).compiled;
  const approvers = await approversOf(session, subject, await positionNow(session));
  const devices = [subject.requester, ...approvers].flatMap((id) => memberOf(policy, id)?.devices ?? []);
  const { recipient } = await session.keys.newest(AUDIT_PLACE);
  const reads = [...new Set([recipient, ...devices.map((device) => device.reads)])];
  if (reads.length > RECIPIENTS_MAX) {
    session.host.notice(
      `more than ${String(RECIPIENTS_MAX)} devices could approve it: the last of them cannot read it`,
    );
  }
  return reads.slice(0, RECIPIENTS_MAX);
}

/** Nobody is bothered for nothing; and what their consent alone will not settle is said before they are asked. */
async function checkAsking(
  session: Session,
  options: RequestOptions,
  version: Version,
  { terms, subject }: { readonly terms: Terms; readonly subject: Subject },
): Promise<readonly OpenNeed[]> {
  const { kind, justification } = options;
  const { policy } = (await session.policy()).compiled;
  const { reference, domain, class: klass, versionId, kind: artifact } = summaryOf(version);
  const [act, shared] = actsOf(kind);
  const action = terms.destination?.startsWith("share:") ? shared : act;
  if (action === undefined) return [];
  const { toStage, toClass, destination, purpose } = terms;
  const ask: Ask = {
    ...{ title: `${kind} ${reference}`, action, domain, class: klass, kind: artifact, versionId, purpose },
    ...{ justification, reference, governance: { toStage, toClass, destination }, sealed: {} },
  };
  const needs = needsOf(policy, { kind, domain, class: klass, toStage, artifact });
  if (needs.length === 0) {
    const { decision } = await decideNow(session, ask);
    const { allow, refusals } = decision;
    throw new CloisterError(allow ? "USAGE" : "POLICY_DENIED", `nobody has to approve ${action} of ${reference}`, {
      why: allow ? "the policy lets you do it" : refusals[0]?.why,
      next: allow ? "cloister policy explain" : refusals[0]?.next,
      refusals,
      policyVersion: policy.version,
    });
  }
  const everybody = policy.members.map(({ id }) => id);
  const { decision } = await decideNow(session, ask, {
    approvals: everybody,
    grant: { approvals: everybody, ageMs: 0 },
  });
  for (const { rule, why } of decision.refusals) session.host.notice(`approvals alone will not do: ${rule}: ${why}`);
  return needs.map((need) => ({ ...need, missing: missingOf(policy, need, subject, []) }));
}
