// What `status` says to those whom requests wait for.
import { covers } from "../../policy/entitlements.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { wantedFor } from "./approvers.ts";
import { loggedRequests, positionNow } from "./find.ts";
import { standingOf, whyNoRequest } from "./standing.ts";

/** Requests that wait for the member's approval. Opens nothing that is sealed. */
export async function waitingWarnings(session: Session, policy: Policy, member: string): Promise<readonly string[]> {
  const requests = await countWaiting(session, policy, member);
  if (requests === 0) return [];
  const waits = requests === 1 ? "1 request waits" : `${String(requests)} requests wait`;
  return [`${waits} for you: cloister request list --to-approve`];
}

async function countWaiting(session: Session, policy: Policy, member: string): Promise<number> {
  const at = await positionNow(session);
  let count = 0;
  for (const request of loggedRequests(session)) {
    // Roles are looked at first: most members approve nothing, and most requests are over.
    if (at.now >= request.expiresMs || !covers(policy, member, "request.approve", request)) continue;
    if ((await whyNoRequest(session, request)) !== undefined) continue;
    const standing = await standingOf(session, request, at);
    if (standing.state !== "open") continue;
    if ((await wantedFor(session, standing, at)).some(({ members }) => members.includes(member))) count++;
  }
  return count;
}
