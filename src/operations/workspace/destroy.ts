// Ending workspaces, with a receipt.
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { begin, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { DestroyOptions, LostFiles, Receipt } from "../types.ts";
import { overBy } from "./over.ts";
import { logEnd } from "./reap.ts";
import { endAsk, outcomeOf, receiptOf } from "./receipt.ts";
import { sandboxOf } from "./sandbox.ts";
import {
  beingMade,
  endingWorkspace,
  findWorkspace,
  forgetWorkspace,
  isBeingMade,
  requireWorkspace,
  type WorkspaceState,
} from "./state.ts";
import { unpushedIn } from "./unpushed.ts";

/**
 * Ends a workspace and says what was in it. What was not pushed is lost with it only where `discard` says so.
 * @throws CloisterError NOT_FOUND, USAGE (it holds what was not pushed), POLICY_DENIED (logged), UNAVAILABLE
 */
export async function destroyWorkspace(session: Session, name: string, options: DestroyOptions = {}): Promise<Receipt> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  return await endingWorkspace(session, name, async () => {
    const state = await requireWorkspace(session, name);
    if (await isBeingMade(session, name)) throw beingMade(name);
    return await (options.dryRun ? previewEnd : end)(session, sandbox, state, options.discard === true);
  });
}

async function previewEnd(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<Receipt> {
  await wouldPermit(session, await endAsk(session, state));
  const alive = sandbox.alive(state.holder);
  const lost = alive ? await lookedThrough(session, sandbox, state, false) : undefined;
  return await receiptOf(session, state, { why: alive ? "destroyed" : overBy(session, state), lost }, undefined);
}

/** {@link end}, unless another command was faster; undefined then. */
export async function endSame(
  session: Session,
  sandbox: Sandbox,
  { name, id }: WorkspaceState,
  discard: boolean,
): Promise<Receipt | undefined> {
  return await endingWorkspace(session, name, async () => {
    const state = await findWorkspace(session, name);
    return state?.id === id ? await end(session, sandbox, state, discard) : undefined;
  });
}

/** Ends it, or logs that it was over, and forgets it. Nobody else does so meanwhile: see {@link endingWorkspace}. */
async function end(session: Session, sandbox: Sandbox, state: WorkspaceState, discard: boolean): Promise<Receipt> {
  const { name, holder } = state;
  if (!sandbox.alive(holder)) {
    await sandbox.stop(holder);
    const why = overBy(session, state);
    const logEntry = await logEnd(session, state, why);
    await forgetWorkspace(session, name);
    return await receiptOf(session, state, { why, lost: undefined }, logEntry);
  }
  const lost = await lookedThrough(session, sandbox, state, discard);
  if (lost && !discard) refuseLoss(name, lost);
  if (session.host.signal.aborted) throw new CloisterError("INTERRUPTED", "interrupted", { why: "nothing was erased" });
  const operation = await begin(session, await endAsk(session, state));
  await sandbox.stop(holder).catch(async (error: unknown) => {
    await operation.failed(error);
    throw error;
  });
  const ended = { why: "destroyed", lost } as const;
  const { entry } = await operation.done(() => outcomeOf(session, state, ended));
  // Last: until it is on record, the same command can be given again.
  await forgetWorkspace(session, name);
  return await receiptOf(session, state, ended, entry);
}

/** A workspace whose code took all processes that there may be lets nobody look, and has to be erasable all the same. */
async function lookedThrough(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  discard: boolean,
): Promise<LostFiles | undefined> {
  try {
    return await unpushedIn(session, sandbox, state);
  } catch (cause) {
    if (discard) return undefined;
    const why = cause instanceof CloisterError ? (cause.why ?? cause.message) : String(cause);
    throw new CloisterError("FAILURE", `nobody can tell what workspace ${state.name} holds`, {
      why,
      next: `cloister workspace destroy ${state.name} --yes   (whatever it is)`,
      cause,
    });
  }
}

const NAMED_MAX = 5;

/** @throws CloisterError USAGE where something would be lost, naming it */
export function refuseLoss(name: string, { files, named }: LostFiles): void {
  if (files === 0) return;
  const some = named.slice(0, NAMED_MAX).map(({ path }) => printable(path));
  const more = files > some.length ? ` and ${String(files - some.length)} more` : "";
  throw new CloisterError("USAGE", `workspace ${name} holds what was not pushed`, {
    why: `it would be lost: ${some.join(", ")}${more}`,
    next: `cloister push PATH --from ${name}, or cloister workspace destroy ${name} --yes`,
  });
}
