// What is recorded of a command in a workspace, whichever way it was started.
import { CloisterError } from "../../base/errors.ts";
import type { Facts, ManifestRun, RunNetwork } from "../../provenance/manifest.ts";
import {
  isKeptLog,
  type RunDetails,
  type RunOutputs,
  type RunReads,
  type StoppedBy,
} from "../../provenance/run-details.ts";
import type { ExecSpec } from "../../sandbox/exec-spec.ts";
import type { Listing } from "../../sandbox/files/listing.ts";
import type { HeldLimit, LimitName } from "../../sandbox/limits/limits.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import { signalName } from "../signal-name.ts";
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
  readonly before: Promise<Listing>;
}

/** What is known of a run once its command has ended. */
export interface RunEnd {
  readonly exit: number;
  readonly stoppedBy?: StoppedBy | undefined;
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
  const limits = limitsOf(state, sandbox.held(holder), spec.runMs);
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
    .list(holder, "kept")
    .then((after) => changesOf(sandbox, holder, before, after))
    .catch(() => undefined);
  const result = { ...end, seconds: (finished - started) / 1000 };
  if (!(await noteRun(session, state, ended))) return result;
  const left = await comparing;
  const details: RunDetails = {
    ...left,
    stoppedBy: end.stoppedBy,
    signal: end.stoppedBy?.limit === "run-time" ? undefined : signalName(end.exit),
    software: left && onlyLooked(left.outputs) ? undefined : await softwareOf(sandbox, state, spec),
    limits,
    code: state.code?.git && { commit: state.code.git.commit, patchSha256: state.code.git.patchSha256 },
    reads: end.reads,
  };
  await shelveRun(session, state, { ...ended, details });
  return result;
}

/** False where the workspace was destroyed meanwhile: nothing of it is to be left on the device, and the log has the end. */
async function noteRun(session: Session, state: WorkspaceState, run: ManifestRun): Promise<boolean> {
  try {
    await changeWorkspace(session, state, (latest) => ({ ...latest, runs: [...latest.runs, run] }));
    return true;
  } catch (error) {
    if (error instanceof CloisterError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}

/** What is refused before anything runs leaves no run. */
function neverBegan(error: unknown): boolean {
  return error instanceof CloisterError && ["UNSUPPORTED_HOST", "USAGE", "NOT_FOUND"].includes(error.code);
}

/** Whether it left nothing, so that no push will ever name it. */
function onlyLooked({ known, count, elsewhere, files }: RunOutputs): boolean {
  return known && elsewhere === 0 && count === files.filter(({ path }) => isKeptLog(path)).length;
}

/** Names that numbers of the record have. */
const FACTS: Readonly<Record<LimitName, string>> = {
  ...{ cpus: "cpus", memory: "memoryBytes", processes: "processes", disk: "diskBytes" },
  ...{ "open-files": "openFiles", "run-time": "runMs" },
};

/** What it was held to, and what was only asked for. */
function limitsOf({ use }: WorkspaceState, limits: readonly HeldLimit[], runMs: number | undefined): Facts {
  const facts: Record<string, string | number> = {};
  for (const { limit, value } of limits) if (value !== undefined) facts[FACTS[limit]] = value;
  if (runMs !== undefined) facts["runMs"] = Math.min(runMs, use.runMs ?? runMs);
  const notHeld = limits.filter(({ held, value }) => !held && value !== undefined).map(({ limit }) => limit);
  if (notHeld.length > 0) facts["notHeld"] = notHeld.join(" ");
  if (use.gpu === true) facts["gpu"] = "shown";
  return { ...facts, network: use.network?.join(" ") || "none" };
}
