// Running commands in a workspace.
import type { Streams } from "../../base/streams.ts";
import { ReadLog } from "../../provenance/reads.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { type Ask, perform, permit } from "../guard.ts";
import { type RunSecrets, secretsFor } from "../secret/run.ts";
import type { Session } from "../session.ts";
import type { RunOptions, RunResult } from "../types.ts";
import { type HandedIn, handCredentials } from "./credentials.ts";
import { requireRunning } from "./look.ts";
import { recordRun } from "./run-record.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import type { WorkspaceState } from "./state.ts";

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
  const { id, kept, secrets, handed } = given;
  const output = kept ? `.cloister/run-${id.slice(0, 8)}.log` : undefined;
  const seeds =
    options.seed === undefined ? {} : { PYTHONHASHSEED: String(options.seed), CLOISTER_SEED: String(options.seed) };
  const spec = {
    argv: output === undefined ? options.argv : keepingOutput(output, options.argv),
    env: { ...secrets.env, ...seeds, ...handed.environment },
    files: secrets.files,
    sharesLoopback: handed.sharesLoopback,
    inputs: state.inputs.map(({ name, path }) => ({ source: name, path })),
    tty: streams.stdin.isTTY === true && streams.stdout.isTTY === true && streams.stderr.isTTY === true,
    signal: session.host.signal,
    tools: [process.execPath],
  };
  const start = { id, argv: options.argv, seeds };
  const reads =
    options.trace === true ? new ReadLog(spec.inputs.map(({ source, path }) => ({ name: source, path }))) : undefined;
  const traced = reads && ((path: string) => reads.add(path));
  const execute = async () => {
    const { exit } = await sandbox.exec(state.holder, { ...spec, traced }, streams);
    return { exit, reads: reads?.sum() };
  };
  const ran = await recordRun(session, sandbox, state, { start, spec }, execute);
  return { ...ran, output: output && `/workspace/${output}` };
}

/** A shell inside the sandbox sends the output to a file there; the command itself is passed on untouched. */
function keepingOutput(file: string, argv: readonly string[]): readonly string[] {
  return ["/bin/sh", "-c", `mkdir -p .cloister && exec "$@" > ${file} 2>&1`, "sh", ...argv];
}
