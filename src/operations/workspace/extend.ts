// Giving a workspace more time. It prolongs everything that was decided when it was made, so all of that is decided anew:
// its whole life, what it uses, and each of its inputs.
import { CloisterError } from "../../base/errors.ts";
import { formatDuration } from "../../base/units.ts";
import type { Policy } from "../../policy/schema.ts";
import { type Ask, begin, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { ExtendOptions, WorkspaceExtended } from "../types.ts";
import { requireRunning } from "./look.ts";
import { sandboxOf } from "./sandbox.ts";
import { changeWorkspace, endingWorkspace, type WorkspaceState } from "./state.ts";
import { longestLife, planUse } from "./use.ts";

/**
 * Moves the end of a workspace to `ttlMs` from now. The role's longest time counts from its creation.
 * @throws CloisterError NOT_FOUND, USAGE (it has more time already), POLICY_DENIED (logged), UNSUPPORTED_HOST
 */
export async function extendWorkspace(session: Session, options: ExtendOptions): Promise<WorkspaceExtended> {
  await session.sync();
  return await endingWorkspace(session, options.name, async () => await extend(session, options));
}

async function extend(
  session: Session,
  { name, ttlMs, justification, dryRun }: ExtendOptions,
): Promise<WorkspaceExtended> {
  const sandbox = await sandboxOf(session.host);
  const state = await requireRunning(session, sandbox, name);
  const leftMs = state.expiresMs - session.host.now();
  if (ttlMs <= leftMs) {
    throw new CloisterError("USAGE", `workspace ${name} has ${formatDuration(leftMs)} left already`, {
      why: `--ttl is the time from now, and ${formatDuration(ttlMs)} is no more than that`,
      next: `a longer --ttl; or end it: cloister workspace destroy ${name}`,
    });
  }
  const ask = await extendAsk(session, state, ttlMs, justification);
  for (const each of [ask, ...mountAsks(state, ask)]) await (dryRun ? wouldPermit : permit)(session, each);
  const was = { workspace: name, expiredAt: new Date(state.expiresMs).toISOString() };
  if (dryRun) {
    const expiresAt = new Date(session.host.now() + ttlMs).toISOString();
    return { ...was, expiresAt, leftMs: ttlMs, livesMs: ask.ttlMs, logEntry: undefined };
  }
  const operation = await begin(session, ask);
  try {
    const holder = await sandbox.extend(state.holder, ttlMs);
    const { expiresMs } = holder;
    await changeWorkspace(session, state, (latest) => ({ ...latest, holder, expiresMs }));
    const { entry } = await operation.done();
    const now = session.host.now();
    const expiresAt = new Date(expiresMs).toISOString();
    return { ...was, expiresAt, leftMs: Math.max(0, expiresMs - now), livesMs: ask.ttlMs, logEntry: entry };
  } catch (error) {
    await operation.failed(error);
    throw error;
  }
}

/** Decided as if it were created now, to live as long as it will have lived. */
async function extendAsk(
  session: Session,
  state: WorkspaceState,
  ttlMs: number,
  justification: string | undefined,
): Promise<Ask & { readonly ttlMs: number }> {
  const { policy } = (await session.policy()).compiled;
  const { name, domain, diskBytes, purpose, id } = state;
  const livedMs = Math.max(0, session.host.now() - createdBy(session, state));
  const wholeMs = Math.ceil(livedMs + ttlMs);
  const { asked } = await planUse(session, policy, { ...state.use, ttlMs: wholeMs, diskBytes });
  return {
    ...{ title: `extend workspace ${name}`, action: "workspace.create" },
    ...{ domain, purpose, justification, ttlMs: wholeMs, diskBytes, use: asked, workspace: id },
    next: await wayForward(session, policy, state, { livedMs, wholeMs }),
    // From this entry on, as for one that is new.
    facts: { ttlMs: Math.ceil(ttlMs), extends: true },
    sealed: { workspace: name, purpose, justification },
  };
}

/** When it was created, by the log: the record on this device can be edited. Not logged is before everything. */
function createdBy({ ledger }: Session, { id, keyId, createdMs }: WorkspaceState): number {
  const logged = ledger
    .inWorkspace(id)
    .find(({ keyId: by, event }) => by === keyId && event.action === "workspace.create" && event.phase === "intent");
  return Math.min(createdMs, logged?.timeMs ?? 0);
}

async function wayForward(
  session: Session,
  policy: Policy,
  { name }: WorkspaceState,
  { livedMs, wholeMs }: { readonly livedMs: number; readonly wholeMs: number },
): Promise<string | undefined> {
  const longestMs = await longestLife(session, policy);
  if (longestMs === undefined || wholeMs <= longestMs) return undefined;
  const minutes = Math.floor((longestMs - livedMs) / 60_000);
  const all = `its ${formatDuration(longestMs)} count from its creation`;
  if (minutes < 1) return `push what you need and create another: ${all}`;
  const most = minutes < 120 ? `${String(minutes)}m` : `${String(Math.floor(minutes / 60))}h`;
  return `cloister workspace extend ${name} --ttl ${most}   (${all})`;
}

function mountAsks(state: WorkspaceState, { purpose, justification }: Ask): readonly Ask[] {
  return state.inputs.map(({ reference, class: klass, kind, versionId }) => ({
    ...{ title: `keep ${reference} in workspace ${state.name}`, action: "workspace.mount", reference },
    ...{ domain: state.domain, class: klass, kind, versionId, workspace: state.id, purpose, justification },
    sealed: { artifact: reference, workspace: state.name, purpose },
  }));
}
