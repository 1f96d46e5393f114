// What is recorded of a command in a workspace, whichever way it was started.
import type { Facts, ManifestRun } from "../../provenance/manifest.ts";
import type { Session } from "../session.ts";
import { changeWorkspace, type WorkspaceState } from "./state.ts";

/** What is known of a run before it starts. */
export interface RunStart {
  /** Id of its operation, the same as in the log. */
  readonly id: string;
  /** As the person gave it. */
  readonly argv: readonly string[];
  readonly seeds: Facts;
}

/**
 * Runs a command and records it.
 * @param execute runs it in the workspace
 */
export async function recordRun(
  session: Session,
  state: WorkspaceState,
  { id, argv, seeds }: RunStart,
  execute: () => Promise<{ readonly exit: number }>,
): Promise<{ readonly exit: number; readonly seconds: number }> {
  const { host } = session;
  const started = host.now();
  const { exit } = await execute();
  const finished = host.now();
  const times = { startedOn: new Date(started).toISOString(), finishedOn: new Date(finished).toISOString() };
  const record: ManifestRun = { id, argv, cwd: "/workspace", seeds, ...times, exitCode: exit };
  await changeWorkspace(session, state, (latest) => ({ ...latest, runs: [...latest.runs, record] }));
  return { exit, seconds: (finished - started) / 1000 };
}
