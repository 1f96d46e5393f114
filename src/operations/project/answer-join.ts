// Answering those who ask to join: letting them in, or not.
import { CloisterError, integrity } from "../../base/errors.ts";
import { mayI } from "../guard.ts";
import { addMemberDevice } from "../member/change.ts";
import { addMember } from "../policy/change.ts";
import type { Session } from "../session.ts";
import type { AnswerJoinOptions, JoinApproved } from "../types.ts";
import { type JoinRequest, joinId, possessionOf, removeJoinRequest } from "./join-request.ts";
import { findJoin, invitationOf } from "./joins.ts";

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
