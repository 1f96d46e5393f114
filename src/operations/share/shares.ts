// The shares that the log tells of, and which of them were revoked by somebody whose revocation counts.
import type { LoggedEvent } from "../../audit/taken.ts";
import { isInstant } from "../../base/record.ts";
import { covers } from "../../policy/entitlements.ts";
import type { Session } from "../session.ts";

export interface LoggedShare {
  /** Id of its operation. */
  readonly id: string;
  readonly intent: LoggedEvent;
  readonly done: LoggedEvent | undefined;
  readonly versionId: string;
  /** ms since 1970. */
  readonly expiresMs: number;
  readonly revoked: LoggedEvent | undefined;
}

/** Everything that was handed out, or may have been: an intent without an end counts, too. In the log's order. */
export async function sharesIn(session: Session): Promise<readonly LoggedShare[]> {
  const { ledger } = session;
  const shares: LoggedShare[] = [];
  for (const intent of ledger.index.of("share.create")) {
    const { event, keyId } = intent;
    const operation = ledger.operation(keyId, event.operation);
    const { versionId, facts } = event;
    const expiresMs = facts?.["expiresMs"];
    if (event.phase !== "intent" || operation?.failed || versionId === undefined) continue;
    if (!isInstant(expiresMs)) continue;
    const share = { id: event.operation, intent, done: operation?.done, versionId, expiresMs };
    shares.push({ ...share, revoked: await revocationOf(session, share) });
  }
  return shares;
}

async function revocationOf(
  session: Session,
  { id, intent }: Pick<LoggedShare, "id" | "intent">,
): Promise<LoggedEvent | undefined> {
  for (const entry of session.ledger.index.of("share.revoke")) {
    const { event } = entry;
    if (event.phase !== "done" || event.facts?.["share"] !== id || entry.entry < intent.entry) continue;
    if (await mayRevoke(session, intent, entry.member, event.policy)) return entry;
  }
  return undefined;
}

/** The sharer may, and whoever could retire what was shared. */
export async function mayRevoke(
  { ledger }: Session,
  { member, event }: LoggedEvent,
  revoker: string,
  policyVersion: number,
): Promise<boolean> {
  if (revoker === member) return true;
  const { policy } = (await ledger.policy(policyVersion)).compiled;
  const { domain = "", class: klass = "" } = event;
  return covers(policy, revoker, "artifact.retire", { domain, class: klass });
}
