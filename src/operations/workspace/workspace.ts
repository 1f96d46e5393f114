// Looking at workspaces, running in them, ending them.
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { type Ask, begin, perform, permit } from "../guard.ts";
import { type RunSecrets, secretsFor } from "../secret/run.ts";
import type { Session } from "../session.ts";
import type { Receipt, RunOptions, RunResult, WorkspaceDetail, WorkspaceSummary } from "../types.ts";
import { type HandedIn, handCredentials } from "./credentials.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import { allWorkspaces, changeWorkspace, forgetWorkspace, requireWorkspace, type WorkspaceState } from "./state.ts";

export async function listWorkspaces(session: Session): Promise<readonly WorkspaceSummary[]> {
  await session.sync();
  return workspacesHere(session);
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

async function summaryOf(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<WorkspaceSummary> {
  const { classifications } = (await session.policy()).compiled.policy;
  const now = session.host.now();
  const alive = sandbox.alive(state.holder);
  return {
    name: state.name,
    id: state.id,
    state: alive ? "running" : now >= state.expiresMs ? "expired" : "gone",
    domain: state.domain,
    label: labelWithSource(session, state, classifications)?.class,
    createdAt: new Date(state.createdMs).toISOString(),
    expiresAt: new Date(state.expiresMs).toISOString(),
    leftMs: alive ? Math.max(0, state.expiresMs - now) : 0,
    inputs: state.inputs.map(({ reference, class: klass, path }) => ({ reference, class: klass, path })),
  };
}

/** Everything there is to say about a workspace. */
export async function detailOf(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<WorkspaceDetail> {
  const { classifications } = (await session.policy()).compiled.policy;
  const { driver, enforced, notEnforced } = sandbox.describe();
  const { code } = state;
  return {
    ...(await summaryOf(session, sandbox, state)),
    labelFrom: labelWithSource(session, state, classifications)?.from,
    purpose: state.purpose,
    diskBytes: state.diskBytes,
    code: code && { folder: code.folder, commit: code.git?.commit, files: code.files },
    driver,
    enforced,
    notEnforced,
    runs: state.runs.map(({ argv, exitCode, startedOn, finishedOn }) => ({
      argv,
      exit: exitCode,
      startedAt: startedOn,
      seconds: (Date.parse(finishedOn) - Date.parse(startedOn)) / 1000,
    })),
    logEntry: state.logEntry,
  };
}

async function requireRunning(session: Session, sandbox: Sandbox, name: string): Promise<WorkspaceState> {
  const state = await requireWorkspace(session, name);
  if (sandbox.alive(state.holder)) return state;
  throw new CloisterError("NOT_FOUND", `workspace ${name} is over`, {
    why: "its time to live ended, or the machine was restarted; what was in it is erased",
    next: `cloister workspace destroy ${name}, then create it again`,
  });
}

/**
 * Runs a command in a workspace. Output that does not go to a terminal leaves the workspace, so it is governed like a
 * pull of every input; `keepOutput` keeps it inside instead.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), INTERRUPTED
 */
export async function run(session: Session, options: RunOptions, streams: Streams): Promise<RunResult> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const state = await requireRunning(session, sandbox, options.workspace);
  const shown = streams.stdout.isTTY === true && streams.stderr.isTTY === true;
  const released = !shown && options.keepOutput !== true;
  if (released) for (const input of state.inputs) await permit(session, outputAsk(state, input));
  const label = labelWithSource(session, state, (await session.policy()).compiled.policy.classifications);
  const ask: Ask = {
    ...{ title: `run in workspace ${state.name}`, action: "workspace.run" },
    ...{ domain: state.domain, class: label?.class, purpose: state.purpose, workspace: state.id },
    facts: { output: shown ? "terminal" : released ? "released" : "kept" },
    sealed: { workspace: state.name, command: options.argv.join(" ") },
  };
  const uses = options.secrets ?? [];
  // Before a secret is opened for a command that may not run.
  if (uses.length > 0) await permit(session, ask);
  const secrets = await secretsFor(session, state, uses);
  const { result, done } = await perform(session, ask, async (operation, released) => {
    const handed = await handCredentials(session, sandbox, state, { label: label?.class, provider: options.creds });
    released();
    const ran = await execute(session, sandbox, state, options, streams, {
      id: operation.id,
      kept: options.keepOutput === true,
      secrets,
      handed,
    }).finally(handed.close);
    return { result: ran, outcome: { facts: { exit: ran.exit, ms: Math.max(0, Math.round(ran.seconds * 1000)) } } };
  });
  return { ...result, workspace: state.name, logEntry: done.entry };
}

function outputAsk(state: WorkspaceState, input: WorkspaceState["inputs"][number]): Ask {
  return {
    ...{ title: `take output of workspace ${state.name} out, which holds ${input.reference}`, action: "artifact.pull" },
    ...{ domain: state.domain, class: input.class, kind: input.kind, versionId: input.versionId, workspace: state.id },
    ...{ purpose: state.purpose, reference: input.reference },
    facts: { output: "released" },
    next: `cloister run ${state.name} --keep-output -- CMD   (the output stays in the workspace)`,
    sealed: { artifact: input.reference, workspace: state.name, purpose: state.purpose },
  };
}

async function execute(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  options: RunOptions,
  streams: Streams,
  given: { readonly id: string; readonly kept: boolean; readonly secrets: RunSecrets; readonly handed: HandedIn },
): Promise<Omit<RunResult, "workspace" | "logEntry">> {
  const { host } = session;
  const { id, kept, secrets, handed } = given;
  const output = kept ? `.cloister/run-${id.slice(0, 8)}.log` : undefined;
  const seeds =
    options.seed === undefined ? {} : { PYTHONHASHSEED: String(options.seed), CLOISTER_SEED: String(options.seed) };
  const started = host.now();
  const { exit } = await sandbox.exec(
    state.holder,
    {
      argv: output === undefined ? options.argv : keepingOutput(output, options.argv),
      env: { ...secrets.env, ...seeds, ...handed.environment },
      files: secrets.files,
      sharesLoopback: handed.sharesLoopback,
      inputs: state.inputs.map(({ name, path }) => ({ source: name, path })),
      tty: streams.stdin.isTTY === true && streams.stdout.isTTY === true && streams.stderr.isTTY === true,
      signal: host.signal,
      tools: [process.execPath],
    },
    streams,
  );
  const finished = host.now();
  const times = { startedOn: new Date(started).toISOString(), finishedOn: new Date(finished).toISOString() };
  const record = { id, argv: options.argv, cwd: "/workspace", seeds, ...times, exitCode: exit };
  await changeWorkspace(session, state, (latest) => ({ ...latest, runs: [...latest.runs, record] }));
  return { exit, seconds: (finished - started) / 1000, output: output && `/workspace/${output}` };
}

/** A shell inside the sandbox sends the output to a file there; the command itself is passed on untouched. */
function keepingOutput(file: string, argv: readonly string[]): readonly string[] {
  return ["/bin/sh", "-c", `mkdir -p .cloister && exec "$@" > ${file} 2>&1`, "sh", ...argv];
}

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
    erased: "the volume was memory of this machine and is gone; nothing was written to its disk (swap excepted)",
    logEntry: done.entry,
  };
}
