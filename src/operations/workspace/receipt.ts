// The last thing there is to say about a workspace: what it was, what was kept of it, what was lost, how it was erased.
import { volumeWords } from "../../sandbox/volume/words.ts";
import type { Ask, Outcome } from "../guard.ts";
import type { Session } from "../session.ts";
import type { LostFiles, Receipt } from "../types.ts";
import { shelvedRuns } from "./run-shelf.ts";
import { labelWithSource } from "./source.ts";
import type { WorkspaceState } from "./state.ts";

/** How it came to its end, and what was lost with it, where anybody could still look. */
export interface End {
  readonly why: Receipt["why"];
  readonly lost: LostFiles | undefined;
  /** Commands that ran in it, those included that its end cuts off. */
  readonly runs: number;
}

/** To be asked before the workspace is forgotten. */
export async function endOf(
  session: Session,
  state: WorkspaceState,
  why: Receipt["why"],
  lost: LostFiles | undefined,
): Promise<End> {
  return { why, lost, runs: (await shelvedRuns(session, state)).length };
}

/** What is asked of the policy when a workspace of one's own ends. */
export async function endAsk(session: Session, state: WorkspaceState): Promise<Ask> {
  const { classifications } = (await session.policy()).compiled.policy;
  return {
    ...{ title: `destroy workspace ${state.name}`, action: "workspace.destroy", ownWorkspace: true },
    ...{ domain: state.domain, workspace: state.id, class: labelWithSource(session, state, classifications)?.class },
    sealed: { workspace: state.name },
  };
}

/** @param logEntry undefined for what would be, and for what could not be logged */
export async function receiptOf(
  session: Session,
  state: WorkspaceState,
  { why, lost, runs }: End,
  logEntry: number | undefined,
): Promise<Receipt> {
  const { classifications } = (await session.policy()).compiled.policy;
  return {
    workspace: state.name,
    id: state.id,
    why,
    livedMs: livedMs(session, state),
    label: labelWithSource(session, state, classifications)?.class,
    inputs: state.inputs.map(({ reference }) => reference),
    runs,
    pushed: state.pushed,
    lost,
    erased: volumeWords(state.holder.volume).erased,
    logEntry,
  };
}

/** The same for the log: numbers for everybody, names and digests for those who may read them. */
export function outcomeOf(session: Session, state: WorkspaceState, { why, lost, runs }: End): Outcome {
  const { inputs, pushed } = state;
  const counts = { inputs: inputs.length, runs, pushed: pushed.length };
  return {
    facts: { why, livedMs: livedMs(session, state), ...counts, files: lost?.files, bytes: lost?.bytes },
    sealed: {
      workspace: state.name,
      pushed: pushed.length === 0 ? undefined : pushed.join(" "),
      lost: lost === undefined || lost.files === 0 ? undefined : lostText(lost),
    },
  };
}

/** One line for each file that fits; an event has 16 KiB, and its sealed texts share what is left of that. */
const LOST_CHARS_MAX = 1900;

function lostText({ named, files }: LostFiles): string {
  const lines: string[] = [];
  let chars = 0;
  for (const { path, bytes, sha256 } of named) {
    const line = `${sha256 ?? "unread"} ${String(bytes)} ${path}`;
    chars += line.length + 1;
    if (chars > LOST_CHARS_MAX) break;
    lines.push(line);
  }
  return [...lines, ...(files > lines.length ? [`and ${String(files - lines.length)} more`] : [])].join("\n");
}

function livedMs(session: Session, state: WorkspaceState): number {
  return Math.max(0, Math.round(Math.min(session.host.now(), state.expiresMs) - state.createdMs));
}
