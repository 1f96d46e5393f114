import type { AuditEvent } from "../../audit/event.ts";
import type { Ledger } from "../ledger.ts";

function isOver({ action, phase }: AuditEvent): boolean {
  return (action === "workspace.destroy" && phase === "done") || (action === "workspace.create" && phase === "failed");
}

/** How many workspaces of a member are open, by the log: created, not destroyed, time to live not over. */
export function openWorkspaces(ledger: Ledger, member: string, now: number): number {
  const open = new Set<string>();
  for (const { member: who, timeMs, event } of ledger.events) {
    if (who !== member || event.workspace === undefined || event.phase === "refused") continue;
    const ttlMs = event.facts?.["ttlMs"];
    if (event.action === "workspace.create" && typeof ttlMs === "number" && timeMs + ttlMs > now) {
      open.add(event.workspace);
    }
    if (isOver(event)) open.delete(event.workspace);
  }
  return open.size;
}
