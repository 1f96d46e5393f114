// Looking at workspaces.
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { runSummary } from "../run-summary.ts";
import type { Session } from "../session.ts";
import type { WorkspaceDetail, WorkspaceSummary } from "../types.ts";
import { activityOf } from "./activity.ts";
import { MOUNTS_WEAKEN } from "./mounts.ts";
import { overBy, workspaceOver } from "./over.ts";
import { shelvedRuns } from "./run-shelf.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import {
  allWorkspaces,
  beingMade,
  damagedRecords,
  isBeingMade,
  requireWorkspace,
  type WorkspaceState,
} from "./state.ts";

export async function listWorkspaces(session: Session): Promise<readonly WorkspaceSummary[]> {
  await session.sync();
  const workspaces = await workspacesHere(session);
  for (const name of await damagedRecords(session)) {
    session.host.notice(`what this device knows of workspace ${name} is damaged: cloister workspace prune forgets it`);
  }
  return workspaces;
}

/** {@link listWorkspaces} by the log as far as it was read. */
export async function workspacesHere(session: Session): Promise<readonly WorkspaceSummary[]> {
  const states = await allWorkspaces(session);
  if (states.length === 0) return [];
  const sandbox = await sandboxOf(session.host);
  return Promise.all(states.map((state) => summaryOf(session, sandbox, state)));
}

/** @throws CloisterError NOT_FOUND */
export async function showWorkspace(session: Session, name: string): Promise<WorkspaceDetail> {
  await session.sync();
  return detailOf(session, await sandboxOf(session.host), await requireWorkspace(session, name));
}

export async function summaryOf(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<WorkspaceSummary> {
  const { classifications } = (await session.policy()).compiled.policy;
  const now = session.host.now();
  const alive = sandbox.alive(state.holder);
  const creating = state.logEntry === 0 && (await isBeingMade(session, state.name));
  const { active, lastMs = 0 } = activityOf(session, state.name);
  const idleMs = active ? 0 : Math.max(0, Math.round(now - Math.max(lastMs, state.createdMs)));
  return {
    name: state.name,
    id: state.id,
    state: creating ? "creating" : alive ? "running" : overBy(session, state),
    domain: state.domain,
    label: labelWithSource(session, state, classifications)?.class,
    createdAt: new Date(state.createdMs).toISOString(),
    expiresAt: new Date(state.expiresMs).toISOString(),
    leftMs: alive ? Math.max(0, state.expiresMs - now) : 0,
    active: alive && active,
    idleMs,
    inputs: state.inputs.map(({ reference, class: klass, path }) => ({ reference, class: klass, path })),
  };
}

/** Everything there is to say about a workspace. */
export async function detailOf(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<WorkspaceDetail> {
  const { classifications } = (await session.policy()).compiled.policy;
  const { driver, enforced, notEnforced } = sandbox.describe(state.holder);
  const { code, environment } = state;
  return {
    ...(await summaryOf(session, sandbox, state)),
    labelFrom: labelWithSource(session, state, classifications)?.from,
    purpose: state.purpose,
    diskBytes: state.diskBytes,
    volume: state.holder.volume ?? "memory",
    network: state.use.network ?? [],
    code: code && { folder: code.folder, commit: code.git?.commit, files: code.files },
    driver,
    image: state.holder.image,
    template: environment.template?.name,
    mounts: environment.mounts.map(({ source, path, identity }) => ({ source, path, identity })),
    gpu: environment.devices,
    limits: sandbox.held(state.holder),
    enforced,
    notEnforced: [
      ...notEnforced,
      ...(environment.mounts.length === 0 ? [] : [MOUNTS_WEAKEN]),
      ...(environment.devices.length === 0 ? [] : sandbox.gpu().weakens),
    ],
    runs: (await shelvedRuns(session, state)).map(runSummary),
    logEntry: state.logEntry,
  };
}

/** @throws CloisterError NOT_FOUND where there is none of that name, or it is over */
export async function requireRunning(session: Session, sandbox: Sandbox, name: string): Promise<WorkspaceState> {
  const state = await requireWorkspace(session, name);
  if (state.logEntry === 0 && (await isBeingMade(session, name))) {
    throw beingMade(name);
  }
  if (sandbox.alive(state.holder)) return state;
  throw workspaceOver(state);
}
