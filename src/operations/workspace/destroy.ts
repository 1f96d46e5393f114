// Ending workspaces.
import { volumeWords } from "../../sandbox/volume/words.ts";
import { type Ask, begin } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Receipt } from "../types.ts";
import { summaryOf } from "./look.ts";
import { sandboxOf } from "./sandbox.ts";
import { forgetWorkspace, requireWorkspace } from "./state.ts";

/** Ends a workspace and says what was in it. @throws CloisterError NOT_FOUND */
export async function destroyWorkspace(session: Session, name: string): Promise<Receipt> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const state = await requireWorkspace(session, name);
  const summary = await summaryOf(session, sandbox, state);
  const ask: Ask = {
    ...{ title: `destroy workspace ${name}`, action: "workspace.destroy", ownWorkspace: true },
    ...{ domain: state.domain, class: summary.label, workspace: state.id },
    sealed: { workspace: name },
  };
  const operation = await begin(session, ask);
  const running = summary.state === "running";
  const lost = running ? await sandbox.measure(state.holder).catch(() => undefined) : undefined;
  await sandbox.stop(state.holder);
  const livedMs = Math.max(0, Math.min(session.host.now(), state.expiresMs) - state.createdMs);
  const done = await operation.done(() => ({
    facts: { livedMs, files: lost?.files, bytes: lost?.bytes, pushed: state.pushed.length },
    sealed: { workspace: name, pushed: state.pushed.length === 0 ? undefined : state.pushed.join(" ") },
  }));
  // Last: until it is on record, the same command can be given again.
  await forgetWorkspace(session, name);
  return {
    workspace: name,
    id: state.id,
    livedMs,
    label: summary.label,
    pushed: state.pushed,
    lost,
    erased: volumeWords(state.holder.volume).erased,
    logEntry: done.entry,
  };
}
