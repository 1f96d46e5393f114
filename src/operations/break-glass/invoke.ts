// Breaking the glass: an officer says what for, on record, and an escrow holder has to agree before anything opens.
import { randomBytes } from "node:crypto";
import { CloisterError } from "../../base/errors.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { covers } from "../../policy/entitlements.ts";
import type { BreakGlass } from "../../policy/governance.ts";
import { halvesFor } from "../../policy/key-halves.ts";
import { memberOf } from "../../policy/schema.ts";
import { refusedByKms } from "../artifact/versions.ts";
import { AUDIT_PLACE } from "../class-keys.ts";
import { type Ask, deny, type Operation, perform, wouldPermit } from "../guard.ts";
import { releaseHalf } from "../release/release-half.ts";
import { RECIPIENTS_MAX, requestName, sealDetails, signRequest } from "../request/record.ts";
import type { Session } from "../session.ts";
import type { BreakGlassOptions, BreakGlassSaid } from "../types.ts";
import { emergencyAt } from "./list.ts";
import { type Located, locate } from "./locate.ts";

/**
 * Invokes break-glass for one version. Nothing opens by it alone.
 * @throws CloisterError NOT_FOUND, USAGE, POLICY_DENIED (logged), FAILURE where there is nothing to be broken
 */
export async function invokeBreakGlass(
  session: Session,
  options: BreakGlassOptions,
): Promise<BreakGlassSaid | undefined> {
  await session.sync();
  const { justification, purpose, dryRun = false } = options;
  if (justification.trim() === "") {
    throw new CloisterError("USAGE", "an emergency needs a reason", { next: "--why 'what happened'" });
  }
  const located = await locate(session, options.reference);
  const { record, reference, versionId } = located;
  const { domain, class: klass } = record;
  const ask: Ask = {
    ...{ title: `break the glass for ${reference}`, action: "break-glass.invoke", reference },
    ...{ domain, class: klass, versionId, purpose, justification },
    sealed: { artifact: reference, purpose, justification },
  };
  const glass = await checkReach(session, ask, { domain, class: klass }, dryRun);
  await checkKey(session, located);
  if (dryRun) {
    await wouldPermit(session, ask);
    return undefined;
  }
  const { done } = await perform(session, ask, async (operation) => {
    const expiresMs = operation.intent.timeMs + glass.maxMs;
    const request = await storeRequest(session, operation, located, { justification, purpose, expiresMs, glass });
    const devices = (await session.me()).devices.map(({ reads }) => reads);
    await releaseHalf(session, { hash: request, versionId, devices, expiresMs, purpose: "glass" });
    return { result: undefined, outcome: { facts: { request, expiresMs } } };
  });
  return { ...(await emergencyAt(session, done.entry)), logEntry: done.entry, dryRun };
}

/** The guard knows the action, which is of the whole project; what an officer's role reaches is asked here. */
async function checkReach(
  session: Session,
  ask: Ask,
  place: { readonly domain: string; readonly class: string },
  dryRun: boolean,
): Promise<BreakGlass> {
  const { policy } = (await session.policy()).compiled;
  const rule = "builtin:break-glass";
  const enforcement = "refused by every reader";
  if (!policy.breakGlass) {
    const why = "the policy has no break-glass";
    return deny(session, ask, { rule, enforcement, why, next: "cloister policy show" }, dryRun);
  }
  const { id } = await session.me();
  if (covers(policy, id, "break-glass.invoke", place)) return policy.breakGlass;
  const why = `no role of yours breaks the glass of ${place.domain}/${place.class}`;
  const who = policy.members.filter((member) => covers(policy, member.id, "break-glass.invoke", place));
  const next = "cloister policy show";
  return deny(session, ask, { rule, enforcement, why, who: who.map((each) => each.id).join(", "), next }, dryRun);
}

/** Nobody is to be called for a key that no consent will give. */
async function checkKey(session: Session, { record, reference }: Located): Promise<void> {
  if (halvesFor(record.halves, "glass")) return;
  const secret = await session.keys.secret(record, record.epoch).catch(refusedByKms);
  if (typeof secret === "string") return;
  throw new CloisterError("FAILURE", `${reference} has no glass to be broken`, {
    why: `policy v${String(record.policy)}, under which it was pushed, foresaw no emergency for it: no half of its key is with you`,
    next: `ask a reader of ${record.domain}/${record.class}`,
  });
}

async function storeRequest(
  session: Session,
  { id, intent }: Operation,
  { record, versionId, reference }: Located,
  said: {
    readonly justification: string;
    readonly purpose: string | undefined;
    readonly expiresMs: number;
    readonly glass: BreakGlass;
  },
): Promise<string> {
  const { justification, purpose, expiresMs, glass } = said;
  const identity = await session.identity();
  const me = (await session.me()).id;
  const { domain, class: klass, project } = record;
  const about = { project, kind: "break-glass", domain, class: klass, versionId, operation: id } as const;
  // Who invokes it has not seen the version: its id is all that there is to go by.
  const details = {
    ...{ reference, artifact: "unseen", digest: versionId, purpose, justification },
    ...{ destination: undefined, salt: randomBytes(32).toString("hex") },
  };
  const { policy } = (await session.policy()).compiled;
  const told = [me, ...glass.escrow, ...glass.notify, ...policy.owners.members];
  const devices = told.flatMap((member) => memberOf(policy, member)?.devices.map(({ reads }) => reads) ?? []);
  const { recipient } = await session.keys.newest(AUDIT_PLACE);
  // Those who are to consent come first.
  const reads = [...new Set([recipient, ...devices])].slice(0, RECIPIENTS_MAX);
  const sealed = await sealDetails(reads, about, details);
  const signer = { member: me, key: keyIdOf(identity.signs) };
  const at = { intent: intent.entry, policy: intent.event.policy, expiresMs };
  const nowhere = { toStage: undefined, toClass: undefined, destination: undefined };
  const { bytes, hash } = await signRequest({ ...about, ...signer, ...at, ...nowhere, sealed }, identity);
  // Named by its own hash: what is there already is this very object.
  await session.store.create(requestName(hash), [bytes]);
  return hash;
}
