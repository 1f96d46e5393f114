// Who is suspended loses running sessions, too.
import type { Policy } from "../schema.ts";
import type { Statement } from "./document.ts";
import { sessionsOf } from "./sessions-of.ts";

/** None where nobody is suspended. */
export function suspendedStatements(
  policy: Policy,
  action: string,
  resource: string | readonly string[],
): readonly Statement[] {
  const members = policy.members.filter(({ suspended }) => suspended !== undefined).map(({ id }) => id);
  if (members.length === 0) return [];
  return sessionsOf(members).map((condition, at) => ({
    Sid: at === 0 ? "Suspended" : "SuspendedByName",
    Effect: "Deny",
    Principal: "*",
    Action: action,
    Resource: resource,
    Condition: condition,
  }));
}
