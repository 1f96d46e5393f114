// Which shares there are, and taking one back as far as that can be done.
import { CloisterError } from "../../base/errors.ts";
import { versionNamed } from "../artifact/named.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import { judge, refusalText } from "../governance/judge.ts";
import { type Ask, mayI, perform } from "../guard.ts";
import { auditSecrets, unseal } from "../sealed-part.ts";
import type { Session } from "../session.ts";
import type { ShareListing, ShareRevoked, ShareSummary } from "../types.ts";
import { type LoggedShare, mayRevoke, sharesIn } from "./shares.ts";

/** All shares in the log. Names and recipients for those who can read them. */
export async function listShares(session: Session): Promise<ShareListing> {
  await session.sync();
  await session.me();
  const now = await session.clock();
  const shares: ShareSummary[] = [];
  const ignored: string[] = [];
  const secrets = (await mayI(session, { action: "audit.read" })) ? await auditSecrets(session) : [];
  for (const share of await sharesIn(session)) {
    const destination = (await unseal(share.intent.event.sealed, secrets))?.["destination"];
    const version = await versionNamed(session, share.versionId);
    shares.push(summaryOf(share, version, now, destination?.replace(/^share:/, "")));
    // Who does not see to whom cannot tell whether that was allowed.
    if (destination === undefined) continue;
    const kind = version?.header.kind;
    const refusal = await judge(session, share.intent, { kind, effect: share.done, destination });
    if (refusal) ignored.push(refusalText(share.intent, refusal));
  }
  return { shares, ignored };
}

function summaryOf(
  share: LoggedShare,
  version: Version | undefined,
  now: number,
  recipient: string | undefined,
): ShareSummary {
  const { id, intent, versionId, expiresMs, revoked } = share;
  const { domain = "", class: klass = "" } = intent.event;
  return {
    ...{ id, versionId, domain, class: klass, sharedBy: intent.member, logEntry: intent.entry },
    reference: version && referenceTo(version),
    sharedAt: new Date(intent.timeMs).toISOString(),
    expiresAt: new Date(expiresMs).toISOString(),
    recipient,
    state: revoked ? "revoked" : now >= expiresMs ? "expired" : "open",
  };
}

/**
 * Records that a share is not to be opened any more. What was handed out cannot be taken back: who has the file and the
 * key reads it.
 * @param given id of the share, or its beginning
 * @throws CloisterError NOT_FOUND, USAGE, POLICY_DENIED where it is not this member's to revoke
 */
export async function revokeShare(session: Session, given: string, justification?: string): Promise<ShareRevoked> {
  await session.sync();
  const me = await session.me();
  const share = await find(session, given);
  const { id, intent, versionId } = share;
  const version = await versionNamed(session, versionId);
  const reference = version && referenceTo(version);
  if (!(await mayRevoke(session, intent, me.id, session.ledger.inForce.version))) {
    throw new CloisterError("POLICY_DENIED", `revoke share ${id.slice(0, 12)}`, {
      why: "a share is revoked by its sharer, or by somebody who may retire what was shared",
      next: `ask ${intent.member}`,
    });
  }
  const ask: Ask = {
    ...{ title: `revoke share ${id.slice(0, 12)}`, action: "share.revoke", versionId, justification },
    facts: { share: id },
    sealed: { artifact: reference, justification },
  };
  const { done } = await perform(session, ask, async () => ({
    result: undefined,
    outcome: { facts: { share: id } },
  }));
  return { id, reference, logEntry: done.entry };
}

const ID_CHARS_MIN = 6;

async function find(session: Session, given: string): Promise<LoggedShare> {
  const all = await sharesIn(session);
  const found = given.length < ID_CHARS_MIN ? [] : all.filter(({ id }) => id.startsWith(given));
  const [only] = found;
  if (!only || found.length > 1) {
    throw new CloisterError(only ? "USAGE" : "NOT_FOUND", `there is no one share ${given}`, {
      why: only ? "several begin like that" : undefined,
      next: "cloister share list",
    });
  }
  if (!only.revoked) return only;
  throw new CloisterError("USAGE", `share ${given} was revoked by ${only.revoked.member}`, {
    why: `log #${String(only.revoked.entry)}`,
  });
}
