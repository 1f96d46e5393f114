// Ends what is over. Every command that opens a project looks, so that nothing of a workspace outlives its time for long,
// whatever kept its holder from ending by itself; that it ended is logged by the next command that logs anything.
import { rm } from "node:fs/promises";
import { isAlive } from "../../base/process-alive.ts";
import { begin } from "../guard.ts";
import { releaseLock, takeLock } from "../process-lock.ts";
import type { Session } from "../session.ts";
import { besideRecord, filesThere } from "./folder.ts";
import { overBy } from "./over.ts";
import { endAsk, endOf, outcomeOf } from "./receipt.ts";
import { sandboxOf } from "./sandbox.ts";
import {
  allWorkspaces,
  changeWorkspace,
  type EndedBy,
  endingWorkspace,
  findWorkspace,
  isBeingMade,
  type WorkspaceState,
} from "./state.ts";

/**
 * Ends the workspaces that are over, with what they left behind.
 * @returns names of those whose end is not on record yet. Never throws: the command is about something else
 */
export async function reapWorkspaces(session: Session): Promise<readonly string[]> {
  const unlogged: string[] = [];
  for (const state of await allWorkspaces(session).catch(() => [])) {
    // One that belongs to another user, or that does not end, is tried again by the next command.
    const ended = state.ended ?? (await reap(session, state).catch(() => undefined));
    if (ended && ended.logEntry === undefined) unlogged.push(state.name);
  }
  return unlogged;
}

async function reap(session: Session, state: WorkspaceState): Promise<WorkspaceState["ended"]> {
  const sandbox = await sandboxOf(session.host);
  if (sandbox.alive(state.holder) || (await isBeingMade(session, state.name))) return undefined;
  await sandbox.stop(state.holder);
  const why = overBy(session, state);
  return (await changeWorkspace(session, state, (latest) => ({ ...latest, ended: latest.ended ?? { why } }))).ended;
}

/** Logs the ends that are not on record. Never throws: where one cannot be logged now, a later command will. */
export async function logEnds(session: Session, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await endingWorkspace(session, name, async () => {
      const state = await findWorkspace(session, name);
      if (state?.ended) await logEnd(session, state, state.ended.why);
    }).catch(() => undefined);
  }
}

/**
 * Logs once that a workspace is over; to be called where nobody else ends it.
 * @returns entry of the log
 */
export async function logEnd(session: Session, state: WorkspaceState, why: EndedBy): Promise<number> {
  if (state.ended?.logEntry !== undefined) return state.ended.logEntry;
  const operation = await begin(session, await endAsk(session, state));
  const end = await endOf(session, state, why, undefined);
  const { entry } = await operation.done(() => outcomeOf(session, state, end));
  await changeWorkspace(session, state, (latest) => ({ ...latest, ended: { why, logEntry: entry } }));
  return entry;
}

const LOCK = /\.(?:lock|making|ending|heir)$/;
const OWNED = /(?:-|\.)(\d+)-[0-9a-f]{12}(?:\.tmp)?$/;

/** Removes what commands left beside the records that were killed: their locks, and files they had not finished. */
export async function sweep(session: Session): Promise<void> {
  for (const file of filesThere(session)) {
    const path = besideRecord(session, file, "");
    if (LOCK.test(file)) {
      if (await takeLock(path)) await releaseLock(path);
      continue;
    }
    const owner = OWNED.exec(file)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(path, { force: true });
  }
}
