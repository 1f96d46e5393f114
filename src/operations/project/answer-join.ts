// Join requests, for those who may let people in: who asks, with which fingerprint, and letting them in or not.
import { CloisterError, integrity } from "../../base/errors.ts";
import { verifyEnvelope } from "../../keys/dsse.ts";
import { fingerprint, keyIdOf } from "../../keys/identity.ts";
import { memberOf } from "../../policy/schema.ts";
import { holderOf } from "../devices.ts";
import { mayI } from "../guard.ts";
import { addMemberDevice } from "../member/change.ts";
import { addMember } from "../policy/change.ts";
import type { Session } from "../session.ts";
import type { AnswerJoinOptions, JoinApproved, JoinRequestSummary } from "../types.ts";
import { readInvitation } from "./invitation.ts";
import { type JoinRequest, joinId, joinRequests, possessionOf, removeJoinRequest } from "./join-request.ts";

/** Those who ask to join, and how many objects in their place are junk. Empty for whoever may not add members. */
export async function listJoins(
  session: Session,
): Promise<{ readonly joins: readonly JoinRequestSummary[]; readonly junk: number }> {
  if (!(await mayI(session, { action: "member.add" }))) return { joins: [], junk: 0 };
  const { policy } = (await session.policy()).compiled;
  const { requests, junk } = await joinRequests(session);
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
async function invitationOf(
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

async function findJoin(session: Session, id: string): Promise<JoinRequest> {
  const prefix = /^j-([0-9a-f]{8,64})$/.exec(id.trim().toLowerCase())?.[1];
  const { requests } = prefix === undefined ? { requests: [] } : await joinRequests(session, prefix);
  const [only] = requests;
  if (only && requests.length === 1) return only;
  throw new CloisterError("NOT_FOUND", `there is no join request ${id}`, { next: "cloister request list" });
}

/**
 * Lets somebody in, or a further device of a member: as `member add` and `member add-device` with their line, and only who
 * proved to hold both keys.
 * @throws CloisterError NOT_FOUND, USAGE, INTEGRITY (a proof that is none), POLICY_DENIED
 */
export async function approveJoin(session: Session, options: AnswerJoinOptions): Promise<JoinApproved> {
  await session.sync();
  const request = await findJoin(session, options.id);
  await requirePossession(session, request);
  const approved = await letIn(session, request, options);
  // While other owners have still to sign, it stays: whoever looks at it sees who is to be let in.
  if ((approved.member ?? approved.device)?.logEntry !== undefined) await removeJoinRequest(session, request);
  return approved;
}

async function letIn(session: Session, request: JoinRequest, options: AnswerJoinOptions): Promise<JoinApproved> {
  const { line, deviceOf } = request;
  const { member: id, name, justification, dryRun } = options;
  if (deviceOf !== undefined) {
    if (options.roles.length > 0) throw new CloisterError("USAGE", "a further device has the roles of its member");
    const device = await addMemberDevice(session, { line, member: deviceOf, name, justification, dryRun });
    return { member: undefined, device };
  }
  const { roles: suggested } = await invitationOf(session, request);
  const roles = options.roles.length > 0 ? options.roles : suggested;
  return { member: await addMember(session, { line, id, name, roles, justification, dryRun }), device: undefined };
}

async function requirePossession(session: Session, request: JoinRequest): Promise<void> {
  const possession = await possessionOf(session, request);
  if (possession === "proven") return;
  if (possession === "forged") {
    throw integrity(`whoever filed ${joinId(request)} does not hold the reading key that it names`, {
      next: `cloister request deny ${joinId(request)}`,
    });
  }
  throw new CloisterError("USAGE", `${joinId(request)} does not prove its reading key to this device`, {
    why: "this device could not add members when it was filed",
    next: "ask them to run cloister join once more",
  });
}

/** Removes a join request; whoever filed it can file another. @throws CloisterError NOT_FOUND, POLICY_DENIED */
export async function denyJoin(session: Session, { id }: { readonly id: string }): Promise<{ readonly id: string }> {
  await session.sync();
  const request = await findJoin(session, id);
  if (!(await mayI(session, { action: "member.add" }))) {
    throw new CloisterError("POLICY_DENIED", `deny ${joinId(request)}`, { why: "that is for those who add members" });
  }
  await removeJoinRequest(session, request);
  return { id: joinId(request) };
}
