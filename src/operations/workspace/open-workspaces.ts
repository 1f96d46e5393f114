import type { Ledger } from "../ledger.ts";

/**
 * How many workspaces of a member are open, by the log: created, not destroyed, time to live (the longest that was given,
 * from the entry that gave it) not over.
 *
 * @param except id of one that does not count: the one that is asked about
 */
export function openWorkspaces(ledger: Ledger, member: string, now: number, except?: string): number {
  /** For each, when it ends by each operation that gave it time; one that failed gave none. */
  const open = new Map<string, Map<string, number>>();
  for (const { member: who, timeMs, event } of ledger.events) {
    const { workspace, action, phase, operation } = event;
    if (who !== member || workspace === undefined || workspace === except || phase === "refused") continue;
    const ends = open.get(workspace) ?? new Map<string, number>();
    const ttlMs = event.facts?.["ttlMs"];
    if (action === "workspace.create" && phase === "failed") ends.delete(operation);
    else if (action === "workspace.create" && typeof ttlMs === "number") ends.set(operation, timeMs + ttlMs);
    if (action === "workspace.destroy" && phase === "done") open.delete(workspace);
    else open.set(workspace, ends);
  }
  return [...open.values()].filter((ends) => Math.max(...ends.values()) > now).length;
}
