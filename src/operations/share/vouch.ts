// What a project on this device knows of a share: whether its sharer is a member, and whether it was logged and stands.
import { resolve } from "node:path";
import { CloisterError, integrity } from "../../base/errors.ts";
import { keyIdOf } from "../../keys/identity.ts";
import { findConfig } from "../config.ts";
import { judge, refusalText } from "../governance/judge.ts";
import type { Host } from "../host.ts";
import { openSession, type Session } from "../session.ts";
import { sharesIn } from "./shares.ts";
import { type ShareStatement, sharerKey } from "./statement.ts";

/**
 * Whether the folder's project vouches for the share; false where it is another project's, or none.
 * @param kind of artifact, as its pusher signed it
 * @throws CloisterError INTEGRITY where the project says otherwise than the share; POLICY_DENIED where it was revoked
 */
export async function vouch(host: Host, folder: string, statement: ShareStatement, kind: string): Promise<boolean> {
  const config = await findConfig(resolve(host.cwd, folder));
  if (config?.project !== statement.project) return false;
  try {
    const session = await openSession(host, folder);
    await session.sync();
    await check(session, statement, kind);
    return true;
  } catch (error) {
    if (!(error instanceof CloisterError) || error.code !== "UNAVAILABLE") throw error;
    host.notice(`the project's store does not answer, so that it cannot vouch for the share: ${error.message}`);
    return false;
  }
}

async function check(session: Session, statement: ShareStatement, kind: string): Promise<void> {
  const { sharer, pusher, operation, versionId, recipient } = statement;
  const keyId = sharerKey(statement);
  const signer = await session.ledger.signerOf(keyId);
  if (signer?.member !== sharer.member) {
    throw integrity("this share is by nobody of the project that it names", {
      why: `${sharer.member} has another key`,
    });
  }
  const share = (await sharesIn(session)).find(({ id, intent }) => id === operation && intent.keyId === keyId);
  if (share?.versionId !== versionId || share.expiresMs !== statement.expiresMs) {
    throw integrity("this share is not in the project's log as it says", { why: `it is to go to ${recipient}` });
  }
  if (session.ledger.versionById(versionId)?.done.keyId !== keyIdOf(pusher.signs)) {
    throw integrity("this share names another pusher than the project's log");
  }
  const refusal = await judge(session, share.intent, { kind, destination: `share:${recipient}` });
  if (refusal) throw integrity("this share was not allowed", { why: refusalText(share.intent, refusal) });
  if (!share.revoked) return;
  throw new CloisterError("POLICY_DENIED", "this share was revoked", {
    why: `by ${share.revoked.member} (log #${String(share.revoked.entry)}); this program keeps to that, and no mathematics does`,
    next: `ask ${sharer.member} for a new one`,
  });
}
