// A workspace as the source of a push: its label by the log, its files collected without trusting it.
import type { FileEntry } from "../../base/file-entry.ts";
import type { RecordedRun } from "../../provenance/made-by.ts";
import { labelOf, ranIn } from "../artifact/label.ts";
import type { Session } from "../session.ts";
import { whileActive } from "./activity.ts";
import { noting, remember } from "./known.ts";
import { workspaceOver } from "./over.ts";
import { shelvedRuns } from "./run-shelf.ts";
import { sandboxOf } from "./sandbox.ts";
import { changeWorkspace, requireWorkspace, type WorkspaceState } from "./state.ts";

export interface PushedFrom {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly purpose: string | undefined;
  /** The highest class mounted, and the input it comes from. */
  readonly label: { readonly class: string; readonly from: string } | undefined;
  readonly ran: boolean;
  readonly state: WorkspaceState;
  /** Everything that ran in it, as it is known when the push begins. */
  readonly runs: readonly RecordedRun[];
  /** What {@link remember} has to keep of the files that were collected. */
  readonly taken: readonly string[];
  collect(path: string): AsyncIterable<FileEntry>;
}

/** @throws CloisterError NOT_FOUND where there is no such workspace or it is over */
export async function pushedFrom(session: Session, name: string): Promise<PushedFrom> {
  const state = await requireWorkspace(session, name);
  const sandbox = await sandboxOf(session.host);
  if (!sandbox.alive(state.holder)) throw workspaceOver(state);
  const { classifications } = (await session.policy()).compiled.policy;
  const taken: string[] = [];
  return {
    id: state.id,
    name,
    domain: state.domain,
    purpose: state.purpose,
    label: labelWithSource(session, state, classifications),
    ran: ranIn(session.ledger, { workspace: state.id, keyId: state.keyId }),
    state,
    runs: await shelvedRuns(session, state),
    taken,
    collect: (path) => noting(sandbox.collect(state.holder, path), taken),
  };
}

/** The label by the log, with the reference of the input it comes from where this device knows it. */
export function labelWithSource(
  session: Session,
  state: WorkspaceState,
  classifications: readonly string[],
): { readonly class: string; readonly from: string } | undefined {
  const label = labelOf(session.ledger, { workspace: state.id, keyId: state.keyId }, classifications);
  if (!label) return undefined;
  const input = state.inputs.find(({ versionId }) => versionId === label.versionId);
  return { class: label.class, from: input?.reference ?? `version ${label.versionId.slice(0, 12)}` };
}

/** Remembers that something of the workspace was saved, for the receipt at its end. */
export async function notePushed(
  session: Session,
  { state, taken }: Pick<PushedFrom, "state" | "taken">,
  reference: string,
): Promise<void> {
  await whileActive(session, state.name, async () => {
    await changeWorkspace(session, state, (latest) => ({ ...latest, pushed: [...latest.pushed, reference] }));
    await remember(session, state.name, taken);
  });
}
