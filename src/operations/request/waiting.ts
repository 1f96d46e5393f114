// What `status` says to those whom others wait for.
import { covers } from "../../policy/entitlements.ts";
import type { Policy } from "../../policy/schema.ts";
import { listJoins } from "../project/answer-join.ts";
import type { Session } from "../session.ts";
import { wantedFor } from "./approvers.ts";
import { loggedRequests, positionNow } from "./find.ts";
import { standingOf, whyNoRequest } from "./standing.ts";

/** Requests that wait for the member's approval, and people who ask to join. Opens nothing that is sealed. */
export async function waitingWarnings(session: Session, policy: Policy, member: string): Promise<readonly string[]> {
  const requests = await countWaiting(session, policy, member);
  const { joins } = mayAdd(policy, member) ? await listJoins(session) : { joins: [] };
  return [
    ...(requests === 0
      ? []
      : [`${requests === 1 ? "1 request waits" : `${String(requests)} requests wait`} for you: ${LIST}`]),
    ...(joins.length === 0 ? [] : [`${people(joins.length)} to join: cloister request list`]),
  ];
}

const LIST = "cloister request list --to-approve";

function people(count: number): string {
  return count === 1 ? "1 person or device asks" : `${String(count)} people or devices ask`;
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

/** Asked before the store is: a listing is a journey to a bucket. */
function mayAdd({ members, roles }: Policy, id: string): boolean {
  const held = members.find((member) => member.id === id)?.roles.map(({ role }) => role) ?? [];
  return roles.some((role) => held.includes(role.id) && role.can.includes("member.add"));
}
