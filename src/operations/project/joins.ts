// Who asks to join, for those who may let people in: with which fingerprint, and on whose invitation.
import { CloisterError } from "../../base/errors.ts";
import { verifyEnvelope } from "../../keys/dsse.ts";
import { fingerprint, keyIdOf } from "../../keys/identity.ts";
import { memberOf } from "../../policy/schema.ts";
import { holderOf } from "../devices.ts";
import { mayI } from "../guard.ts";
import type { Session } from "../session.ts";
import type { JoinRequestSummary } from "../types.ts";
import { readInvitation } from "./invitation.ts";
import { type JoinRequest, joinId, joinRequests, possessionOf } from "./join-request.ts";

/** Those who ask to join, and how many objects in their place are junk. Empty for whoever may not add members. */
export async function listJoins(
  session: Session,
): Promise<{ readonly joins: readonly JoinRequestSummary[]; readonly junk: number }> {
  const { requests, junk } = await joinRequests(session);
  // Looked at first: mostly nobody asks, and to decide takes longer than to look.
  const isEmpty = requests.length + junk === 0;
  if (isEmpty || !(await mayI(session, { action: "member.add" }))) return { joins: [], junk: 0 };
  const { policy } = (await session.policy()).compiled;
  const waiting = requests.filter(({ claim }) => holderOf(policy, keyIdOf(claim.signs)) === undefined);
  return { joins: await Promise.all(waiting.map((request) => summaryOf(session, request))), junk };
}

async function summaryOf(session: Session, request: JoinRequest): Promise<JoinRequestSummary> {
  const { claim, deviceOf } = request;
  return {
    ...{ id: joinId(request), member: claim.member, name: claim.name, fingerprint: fingerprint(claim), deviceOf },
    ...(await invitationOf(session, request)),
    readingKey: await possessionOf(session, request),
  };
}

/** Who invited them; nobody where the invitation is not signed by somebody who is a member now. */
export async function invitationOf(
  session: Session,
  { invitation }: JoinRequest,
): Promise<Pick<JoinRequestSummary, "invitedBy" | "roles">> {
  const nobody = { invitedBy: undefined, roles: [] };
  if (invitation === undefined) return nobody;
  const { policy } = (await session.policy()).compiled;
  try {
    const { member, roles, project, envelope } = readInvitation(invitation);
    const inviter = memberOf(policy, member);
    const isGood =
      project === session.config.project &&
      inviter?.suspended === undefined &&
      inviter?.devices.some(({ signs }) => verifyEnvelope(envelope, signs));
    return isGood ? { invitedBy: member, roles } : nobody;
  } catch (error) {
    if (error instanceof CloisterError) return nobody;
    throw error;
  }
}

/** One of those who ask to join. @throws CloisterError NOT_FOUND */
export async function showJoin(session: Session, id: string): Promise<JoinRequestSummary> {
  await session.sync();
  return summaryOf(session, await findJoin(session, id));
}

/** @throws CloisterError NOT_FOUND */
export async function findJoin(session: Session, id: string): Promise<JoinRequest> {
  const prefix = /^j-([0-9a-f]{8,64})$/.exec(id.trim().toLowerCase())?.[1];
  const { requests } = prefix === undefined ? { requests: [] } : await joinRequests(session, prefix);
  const [only] = requests;
  if (only && requests.length === 1) return only;
  throw new CloisterError("NOT_FOUND", `there is no join request ${id}`, { next: "cloister request list" });
}
