import type { AuditEvent } from "../audit/event.ts";

/** Whether a policy version takes force with this event: `member add` is a change of policy by another name. */
export function changesPolicy(event: Pick<AuditEvent, "phase" | "action">): boolean {
  return event.phase === "done" && (event.action === "policy.change" || event.action === "member.add");
}
