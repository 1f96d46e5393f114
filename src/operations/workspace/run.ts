// Running commands in a workspace.
import type { Streams } from "../../base/streams.ts";
import { ReadLog } from "../../provenance/reads.ts";
import type { ExecResult, ExecSpec } from "../../sandbox/exec-spec.ts";
import type { Listing } from "../../sandbox/files/listing.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { type Ask, type Operation, perform, permit } from "../guard.ts";
import { type RunSecrets, secretsFor } from "../secret/run.ts";
import type { Session } from "../session.ts";
import type { RunOptions, RunResult } from "../types.ts";
import { whileActive } from "./activity.ts";
import { type HandedIn, handCredentials } from "./credentials.ts";
import { environmentInForce, surroundings } from "./environment.ts";
import { requireRunning } from "./look.ts";
import { openWayOut, type WayOut } from "./network.ts";
import { recordRun } from "./run-record.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import type { WorkspaceState } from "./state.ts";
import { terminalVariables } from "./terminal-variables.ts";

/** How a command runs that Cloister starts for its own ends. */
export interface RunWay {
  /** `released`: it leaves, whatever the streams are; `withheld`: nobody sees it. */
  readonly output?: "released" | "withheld" | undefined;
  /** What to do instead, where its output may not leave. */
  readonly next?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The command as records name it: a shell is one, whatever it takes to start it. */
  readonly recordedAs?: readonly string[] | undefined;
  readonly endsBy?: ExecSpec["endsBy"];
  readonly files?: ExecSpec["files"];
  readonly sharesLoopback?: boolean | undefined;
  /** The workspace that this command is making, and that others do not find yet. */
  readonly making?: WorkspaceState | undefined;
  /** Told when everything is decided and on record, before it starts. */
  readonly begun?: (() => void) | undefined;
  /** Ends it; default: the host's. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a command in a workspace. Output that does not go to a terminal leaves the workspace, so it is governed like a
 * pull of every input; `keepOutput` keeps it inside instead.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), INTERRUPTED
 */
export async function run(
  session: Session,
  options: RunOptions,
  streams: Streams,
  way: RunWay = {},
): Promise<RunResult> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const state = way.making ?? (await requireRunning(session, sandbox, options.workspace));
  const shown = streams.stdout.isTTY === true && streams.stderr.isTTY === true;
  const released = way.output === "released" || (!shown && options.keepOutput !== true && way.output === undefined);
  if (released)
    for (const input of state.inputs) await permit(session, outputAsk(state, input, way.next ?? keepIt(state)));
  const label = labelWithSource(session, state, (await session.policy()).compiled.policy.classifications);
  const ask: Ask = {
    ...{ title: `run in workspace ${state.name}`, action: "workspace.run" },
    ...{ domain: state.domain, class: label?.class, purpose: state.purpose, workspace: state.id },
    facts: { output: released ? "released" : shown ? "terminal" : "kept" },
    sealed: { workspace: state.name, command: (way.recordedAs ?? options.argv).join(" ") },
  };
  const uses = options.secrets ?? [];
  // Before a secret is opened for a command that may not run.
  if (uses.length > 0) await permit(session, ask);
  const secrets = await secretsFor(session, state, uses);
  let before: Promise<Listing> | undefined;
  const work = async (operation: Operation, released: () => void) => {
    const handed = await handCredentials(session, sandbox, state, { label: label?.class, provider: options.creds });
    const wayOut = await openWayOut(session, sandbox, state, options.network).catch(async (error: unknown) => {
      await handed.close();
      throw error;
    });
    released();
    way.begun?.();
    const given = { id: operation.id, kept: options.keepOutput === true, secrets, handed, wayOut, way, before };
    const ran = await whileActive(session, state.name, () =>
      execute(session, sandbox, state, options, streams, given),
    ).finally(() => {
      wayOut.close();
      return handed.close();
    });
    const { exit, seconds, stoppedBy } = ran;
    const over = ran.over ? true : undefined;
    const facts = { exit, ms: Math.max(0, Math.round(seconds * 1000)), stoppedBy: stoppedBy?.limit, over };
    return { result: ran, outcome: { facts } };
  };
  const { result, done } = await perform(session, ask, work, () => {
    before = sandbox.list(state.holder, "kept");
    // Where nothing is begun, nobody waits for it.
    before.catch(() => undefined);
  });
  return { ...result, workspace: state.name, logEntry: done.entry };
}

function keepIt({ name }: WorkspaceState): string {
  return `cloister run ${name} --keep-output -- CMD   (the output stays in the workspace)`;
}

/** Whether what is made of an input may leave the workspace: governed as pulling the input is. */
export function outputAsk(state: WorkspaceState, input: WorkspaceState["inputs"][number], next?: string): Ask {
  return {
    ...{ title: `take output of workspace ${state.name} out, which holds ${input.reference}`, action: "artifact.pull" },
    ...{ domain: state.domain, class: input.class, kind: input.kind, versionId: input.versionId, workspace: state.id },
    ...{ purpose: state.purpose, reference: input.reference },
    facts: { output: "released" },
    next,
    sealed: { artifact: input.reference, workspace: state.name, purpose: state.purpose },
  };
}

async function execute(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  options: RunOptions,
  streams: Streams,
  given: {
    readonly id: string;
    readonly kept: boolean;
    readonly secrets: RunSecrets;
    readonly handed: HandedIn;
    readonly wayOut: WayOut;
    readonly way: RunWay;
    readonly before: Promise<Listing> | undefined;
  },
): Promise<Omit<RunResult, "workspace" | "logEntry">> {
  const { host } = session;
  const { id, kept, secrets, handed, wayOut, way, before } = given;
  const around = surroundings(await environmentInForce(session, state.environment));
  const output = kept ? `.cloister/run-${id.slice(0, 8)}.log` : undefined;
  const seeds =
    options.seed === undefined ? {} : { PYTHONHASHSEED: String(options.seed), CLOISTER_SEED: String(options.seed) };
  const tty = [streams.stdin, streams.stdout, streams.stderr].every((stream) => stream.isTTY === true);
  const reads = options.trace === true ? new ReadLog(state.inputs) : undefined;
  const spec: ExecSpec = {
    argv: output === undefined ? options.argv : keepingOutput(output, options.argv),
    ...around,
    env: {
      ...(tty ? terminalVariables(host) : {}),
      ...{ ...around.env, ...secrets.env, ...seeds, ...wayOut.environment, ...handed.environment, ...way.env },
    },
    files: [...secrets.files, ...(way.files ?? [])],
    sharesLoopback: handed.sharesLoopback || wayOut.sharesLoopback || way.sharesLoopback === true,
    hosts: wayOut.hosts,
    inputs: state.inputs.map(({ name, path }) => ({ source: name, path })),
    tty,
    endsBy: way.endsBy,
    signal: way.signal ?? host.signal,
    tools: [process.execPath],
    runMs: options.runMs,
    traced: reads && ((path) => reads.add(path)),
  };
  const start = { id, argv: way.recordedAs ?? options.argv, seeds, before };
  const { seconds, ...end } = await recordRun(session, sandbox, state, { start, spec }, async () => {
    const ended = await sandbox.exec(state.holder, spec, streams);
    const stoppedBy = stopped(ended.stoppedBy, state, options);
    return { exit: ended.exit, stoppedBy, network: wayOut.close(), reads: reads?.sum() };
  });
  return {
    exit: end.exit,
    stoppedBy: end.stoppedBy,
    seconds,
    output: output && `/workspace/${output}`,
    over: !sandbox.alive(state.holder),
    network: end.network,
  };
}

function stopped(limit: ExecResult["stoppedBy"], state: WorkspaceState, { runMs }: RunOptions): RunResult["stoppedBy"] {
  const { limits } = state.holder;
  if (limit === "memory") return { limit, value: limits.memoryBytes ?? 0 };
  return limit && { limit, value: Math.min(runMs ?? limits.runMs ?? 0, limits.runMs ?? runMs ?? 0) };
}

/** A shell inside the sandbox sends the output to a file there; the command itself is passed on untouched. */
function keepingOutput(file: string, argv: readonly string[]): readonly string[] {
  return ["/bin/sh", "-c", `mkdir -p .cloister && exec "$@" > ${file} 2>&1`, "sh", ...argv];
}
