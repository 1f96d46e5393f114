// Tidying up: what is over is logged and forgotten, and what nobody used for long is ended.
import { rm } from "node:fs/promises";
import { wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Pruned, PruneOptions, Receipt } from "../types.ts";
import { activityOf } from "./activity.ts";
import { destroyWorkspace, endSame } from "./destroy.ts";
import { besideRecord, recordsThere } from "./folder.ts";
import { sweep } from "./reap.ts";
import { endAsk } from "./receipt.ts";
import { sandboxOf } from "./sandbox.ts";
import { allWorkspaces, isBeingMade, type WorkspaceState } from "./state.ts";

/**
 * Ends and forgets workspaces that are over or were idle too long, each with its receipt, and records that are damaged.
 * @throws CloisterError USAGE where an idle one holds what was not pushed, and `discard` does not say to lose it
 */
export async function pruneWorkspaces(session: Session, options: PruneOptions): Promise<Pruned> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const states = await allWorkspaces(session);
  const made = await Promise.all(states.map(({ name }) => isBeingMade(session, name)));
  const there = states.filter((_, index) => made[index] !== true);
  const over = there.filter(({ holder }) => !sandbox.alive(holder));
  const idle = there.filter((state) => !over.includes(state) && isIdle(session, state, options.idleMs));
  const receipts: Receipt[] = [];
  // Before anything is ended: a refusal then leaves everything as it was.
  const previews: Receipt[] = [];
  for (const { name } of idle) previews.push(await destroyWorkspace(session, name, { dryRun: true }));
  if (options.dryRun) {
    for (const state of over) await wouldPermit(session, await endAsk(session, state));
    for (const { name } of over) previews.push(await destroyWorkspace(session, name, { dryRun: true }));
    return { pruned: previews, damaged: damaged(session, states), kept: states.length - previews.length };
  }
  for (const state of [...over, ...idle]) {
    const receipt = await endSame(session, sandbox, state, options.discard === true);
    if (receipt) receipts.push(receipt);
  }
  const unreadable = damaged(session, states);
  for (const name of unreadable) await rm(besideRecord(session, name, ".json"), { force: true });
  await sweep(session);
  return { pruned: receipts, damaged: unreadable, kept: states.length - receipts.length };
}

function isIdle(session: Session, { name, createdMs }: WorkspaceState, idleMs: number | undefined): boolean {
  if (idleMs === undefined) return false;
  const { active, lastMs = createdMs } = activityOf(session, name);
  return !active && session.host.now() - Math.max(createdMs, lastMs) >= idleMs;
}

/** Records that say nothing: what they told of ends at its deadline all the same. */
function damaged(session: Session, states: readonly WorkspaceState[]): readonly string[] {
  return recordsThere(session).filter((name) => !states.some((state) => state.name === name));
}
