// What this device knows of its workspaces. The log says who mounted what; these files only find the processes again.
import { mkdir, rm } from "node:fs/promises";
import { CloisterError } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import type { WorkspaceUse } from "../../policy/workspace-use.ts";
import type { GitState, ManifestInput, ManifestRun } from "../../provenance/manifest.ts";
import type { HolderState } from "../../sandbox/sandbox.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import { isHeld, releaseLock, takeLock, underLock } from "../process-lock.ts";
import type { Session } from "../session.ts";
import { isActivityOf } from "./activity.ts";
import { besideRecord, filesThere, recordsThere, workspaceFolder } from "./folder.ts";

export interface WorkspaceInput extends ManifestInput {
  /** `domain/name:label`. */
  readonly reference: string;
  /** Absolute, below `/inputs`. */
  readonly path: string;
}

export interface WorkspaceState {
  readonly v: 1;
  readonly id: string;
  /** Key of its owner: what others log under its id does not count. */
  readonly keyId: string;
  readonly name: string;
  readonly domain: string;
  readonly purpose: string | undefined;
  /** ms since 1970. */
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly diskBytes: number;
  readonly use: WorkspaceUse;
  /** CIDRs beyond public addresses that its hosts may resolve to. */
  readonly privateNetworks: readonly string[];
  readonly holder: HolderState;
  readonly inputs: readonly WorkspaceInput[];
  readonly code: { readonly folder: string; readonly files: number; readonly git: GitState | undefined } | undefined;
  readonly runs: readonly ManifestRun[];
  /** References of what was pushed from it. */
  readonly pushed: readonly string[];
  readonly logEntry: number;
  /** Set once a later command found it over; without `logEntry` until that is on record. */
  readonly ended?: { readonly why: EndedBy; readonly logEntry?: number | undefined } | undefined;
}

/** Its time was over, or its processes were gone before. */
export type EndedBy = "expired" | "gone";

const STATE_BYTES_MAX = 16 * 1024 * 1024;

function pathOf(session: Session, name: string): string {
  return besideRecord(session, name, ".json");
}

export async function saveWorkspace(session: Session, state: WorkspaceState): Promise<void> {
  await mkdir(workspaceFolder(session), { recursive: true, mode: 0o700 });
  await writeLocal(pathOf(session, state.name), JSON.stringify(state));
}

/**
 * Changes what is known of a workspace, as it is then: commands that end at the same moment each add what is theirs.
 * @throws CloisterError NOT_FOUND where it is gone, or another one has its name
 */
export async function changeWorkspace(
  session: Session,
  { name, id }: Pick<WorkspaceState, "name" | "id">,
  change: (state: WorkspaceState) => WorkspaceState,
): Promise<WorkspaceState> {
  return await changing(session, name, async () => {
    const state = await requireWorkspace(session, name);
    if (state.id !== id)
      throw new CloisterError("NOT_FOUND", `workspace ${name} is over`, { why: "another has its name" });
    const changed = change(state);
    await saveWorkspace(session, changed);
    return changed;
  });
}

async function changing<T>(session: Session, name: string, act: () => Promise<T>): Promise<T> {
  const patience = { waitMs: LOCK_MS, busy: () => beingChanged(name) };
  return await underLock(`${pathOf(session, name)}.lock`, patience, act);
}

/** Each holds it for one small file. */
const LOCK_MS = 20_000;

function beingChanged(name: string): CloisterError {
  return new CloisterError("UNAVAILABLE", `what this device knows of workspace ${name} is being changed`, {
    next: "try again",
  });
}

/** Whether another command is making a workspace of that name. */
export async function isBeingMade(session: Session, name: string): Promise<boolean> {
  return await isHeld(`${pathOf(session, name)}.making`);
}

/** Does something while no other command makes a workspace of that name. @throws CloisterError USAGE at once if one does */
export async function makingWorkspace<T>(session: Session, name: string, make: () => Promise<T>): Promise<T> {
  const lock = `${pathOf(session, name)}.making`;
  if (!(await takeLock(lock))) {
    throw beingMade(name);
  }
  try {
    return await make();
  } finally {
    await releaseLock(lock);
  }
}

export function beingMade(name: string): CloisterError {
  return new CloisterError("USAGE", `workspace ${name} is being created by another command`, {
    next: "choose another name, or wait for it: cloister workspace list",
  });
}

/** Ends or extends a workspace while no other command does. @throws CloisterError UNAVAILABLE where one takes too long */
export async function endingWorkspace<T>(session: Session, name: string, act: () => Promise<T>): Promise<T> {
  checkName(name, "workspace name");
  const { signal } = session.host;
  const busy = () =>
    new CloisterError("UNAVAILABLE", `another command is ending workspace ${name}`, { next: "try again" });
  return await underLock(`${pathOf(session, name)}.ending`, { waitMs: END_MS, signal, busy }, act);
}

/** An end looks through all that lies in the workspace. */
const END_MS = 120_000;

/** With all that stands beside its record; under the lock, so that no command that ends just now brings it back. */
export async function forgetWorkspace(session: Session, name: string): Promise<void> {
  await changing(session, name, async () => {
    await rm(pathOf(session, name), { force: true });
    for (const path of companions(session, name)) await rm(path, { force: true });
  });
}

/** What {@link ./known.ts}, {@link ./sent-code.ts} and {@link ./activity.ts} keep. */
function companions(session: Session, name: string): readonly string[] {
  const own = (file: string) => file === `${name}.known` || file === `${name}.sent` || isActivityOf(name, file);
  return filesThere(session)
    .filter(own)
    .map((file) => besideRecord(session, file, ""));
}

const NOTHING_MORE: Pick<WorkspaceState, "use" | "privateNetworks"> = { use: {}, privateNetworks: [] };

/** The workspace of that name, or undefined. @throws CloisterError USAGE for what cannot be a name */
export async function findWorkspace(session: Session, name: string): Promise<WorkspaceState | undefined> {
  const bytes = await readLocal(pathOf(session, checkName(name, "workspace name")), STATE_BYTES_MAX);
  if (!bytes) return undefined;
  try {
    const state = JSON.parse(bytes.toString("utf8")) as WorkspaceState;
    const whole = state.v === 1 && state.name === name && typeof state.id === "string" && Array.isArray(state.inputs);
    if (!whole || typeof state.holder !== "object" || !Array.isArray(state.runs)) return undefined;
    // Those that an earlier release made say nothing of these.
    return { ...NOTHING_MORE, ...state, holder: { ...{ limits: {} }, ...state.holder } };
  } catch {
    return undefined;
  }
}

/** {@link findWorkspace}. @throws CloisterError NOT_FOUND */
export async function requireWorkspace(session: Session, name: string): Promise<WorkspaceState> {
  const state = await findWorkspace(session, name);
  if (state) return state;
  const names = (await allWorkspaces(session)).map((workspace) => workspace.name);
  throw new CloisterError("NOT_FOUND", `there is no workspace ${name}`, {
    next: names.length > 0 ? `workspaces: ${names.join(", ")}` : `cloister workspace create ${name} --input REF`,
  });
}

/** All workspaces of this project on this device, oldest first. */
export async function allWorkspaces(session: Session): Promise<readonly WorkspaceState[]> {
  const states = await Promise.all(recordsThere(session).map((name) => findWorkspace(session, name)));
  return states.filter((state) => state !== undefined).sort((a, b) => a.createdMs - b.createdMs);
}
