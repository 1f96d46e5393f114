// What is recorded of a command in a workspace, whichever way it was started.
import { CloisterError } from "../../base/errors.ts";
import type { Facts, ManifestRun, RunNetwork } from "../../provenance/manifest.ts";
import { isKeptLog, type RunDetails, type RunOutputs, type RunReads } from "../../provenance/run-details.ts";
import type { Snapshot } from "../../sandbox/files/snapshot.ts";
import type { ExecResult, ExecSpec, Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import { changesOf } from "./run-changes.ts";
import { shelveRun, unshelveRun } from "./run-shelf.ts";
import { softwareOf } from "./run-software.ts";
import { changeWorkspace, type WorkspaceState } from "./state.ts";

/** What is known of a run before it starts. */
export interface RunStart {
  /** Id of its operation, the same as in the log. */
  readonly id: string;
  /** As the person gave it. */
  readonly argv: readonly string[];
  readonly seeds: Facts;
  /** What lies in the workspace before it. */
  readonly before: Promise<Snapshot>;
}

/** What is known of a run once its command has ended. */
export interface RunEnd extends ExecResult {
  readonly network: RunNetwork | undefined;
  readonly reads?: RunReads | undefined;
}

/**
 * Runs a command and records it: what it left, what it could load, what it might use.
 * @param spec what the command gets; the sandbox is looked at the same way
 * @param execute runs it in the workspace
 */
export async function recordRun(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  { start: { before: looking, ...start }, spec }: { readonly start: RunStart; readonly spec: ExecSpec },
  execute: () => Promise<RunEnd>,
): Promise<RunEnd & { readonly seconds: number }> {
  const { host } = session;
  const { holder } = state;
  const before = await looking;
  const started = host.now();
  const begun = { ...start, cwd: "/workspace", startedOn: new Date(started).toISOString() };
  await shelveRun(session, state, begun);
  const end = await execute().catch(async (error: unknown) => {
    if (neverBegan(error)) await unshelveRun(session, state, start.id);
    throw error;
  });
  const finished = host.now();
  const ended = { ...begun, finishedOn: new Date(finished).toISOString(), exitCode: end.exit, network: end.network };
  // The run is over, whatever can be said of it: the workspace may be, too.
  const comparing = sandbox
    .snapshot(holder)
    .then((after) => changesOf(sandbox, holder, before, after))
    .catch(() => undefined);
  const run: ManifestRun = ended;
  // First, since it fails where the workspace was destroyed meanwhile: nothing of it may be left on the device.
  await changeWorkspace(session, state, (latest) => ({ ...latest, runs: [...latest.runs, run] }));
  const left = await comparing;
  const details: RunDetails = {
    ...left,
    software: left && onlyLooked(left.outputs) ? undefined : await softwareOf(sandbox, state, spec),
    limits: limitsOf(state),
    code: state.code?.git && { commit: state.code.git.commit, patchSha256: state.code.git.patchSha256 },
    reads: end.reads,
  };
  await shelveRun(session, state, { ...ended, details });
  return { ...end, seconds: (finished - started) / 1000 };
}

/** What is refused before anything runs leaves no run. */
function neverBegan(error: unknown): boolean {
  return error instanceof CloisterError && ["UNSUPPORTED_HOST", "USAGE", "NOT_FOUND"].includes(error.code);
}

/** Whether it left nothing, so that no push will ever name it. */
function onlyLooked({ known, count, elsewhere, files }: RunOutputs): boolean {
  return known && elsewhere === 0 && count === files.filter(({ path }) => isKeptLog(path)).length;
}

function limitsOf({ diskBytes, use }: WorkspaceState): Facts {
  const { cpus, memoryBytes, processes, openFiles, runMs, network, gpu } = use;
  const numbers = { diskBytes, cpus, memoryBytes, processes, openFiles, runMs };
  const set = Object.entries(numbers).filter((fact): fact is [string, number] => fact[1] !== undefined);
  const hosts = network === undefined || network.length === 0 ? "none" : network.join(" ");
  return { ...Object.fromEntries(set), network: hosts, ...(gpu === true ? { gpu: "shown" } : {}) };
}
