// Runs a person's command in a workspace.
import { constants } from "node:os";
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import { checkCommand, checkFiles, checkInputs, commandEnvironment } from "../check-command.ts";
import { endOf, TIME_OVER } from "../command-end.ts";
import type { ExecResult, ExecSpec } from "../exec-spec.ts";
import { childrenOf, sendSignal } from "../host/process.ts";
import { relay } from "../host/relay.ts";
import { keepSettings } from "../host/terminal.ts";
import { limitArguments } from "../limits/process-limits.ts";
import { memoryKills } from "../limits/settings.ts";
import type { HolderState } from "../sandbox.ts";
import { type Launch, type Launched, launch, launchOnPipes } from "./launch.ts";
import { openMounts } from "./mounts.ts";
import type { Runtime } from "./runtime.ts";
import { reachableTools } from "./tools.ts";
import { traceReader } from "./trace.ts";
import { commandFeeds, commandView, STARTER, TOOLS } from "./view.ts";

/** Does what {@link Sandbox.exec} says, in a workspace that is known to be alive. */
export async function execute(
  runtime: Runtime,
  state: HolderState,
  spec: ExecSpec,
  streams: Streams,
): Promise<ExecResult> {
  if (spec.signal.aborted) return { exit: 128 + constants.signals.SIGTERM };
  const opened = openMounts(spec.mounts ?? [], { uid: runtime.uid, secluded: [] });
  try {
    return await executeWith(opened.descriptors, runtime, state, spec, streams);
  } finally {
    opened.close();
  }
}

async function executeWith(
  handed: readonly number[],
  runtime: Runtime,
  state: HolderState,
  spec: ExecSpec,
  streams: Streams,
): Promise<ExecResult> {
  const start = startOf(handed, runtime, state, spec);
  if (spec.tty) {
    const restore = keepSettings();
    const launched = launch(runtime, state, start, ["inherit", "inherit", "inherit"], true);
    return await finish(launched, spec, state).finally(restore);
  }
  const { launched, pipes } = await launchOnPipes(runtime, state, start, streams.stdout === streams.stderr);
  const [result] = await Promise.all([finish(launched, spec, state), relay(pipes, streams, launched.ended)]);
  return result;
}

/** All that is started but its standard streams. @throws {@link CloisterError} USAGE */
function startOf(handed: readonly number[], runtime: Runtime, state: HolderState, spec: ExecSpec): Launch {
  const files = spec.files ?? [];
  return {
    view: commandView({
      tty: spec.tty,
      sharesLoopback: spec.sharesLoopback === true,
      env: environment(spec.env),
      inputs: checkInputs(spec.inputs),
      files: checkFiles(files),
      mounts: spec.mounts ?? [],
      devices: checkDevices(spec.devices ?? []),
      deviceFolder: runtime.devices,
      tools: reachableTools(spec.tools, runtime.uid),
      prlimit: runtime.programs.prlimit,
    }),
    command: [...limited(runtime, state, spec.tty), ...checkCommand(spec.argv)],
    feeds: [...commandFeeds(spec.hosts ?? []), ...files.map(({ bytes }) => bytes)],
    handed,
    traced: spec.traced && traceReader(spec.traced),
  };
}

/** The words before the command: signals that the way in ignores on a terminal work again, and limits on what it may use. */
function limited({ programs }: Runtime, state: HolderState, tty: boolean): string[] {
  const { limits, cgroup } = state;
  const memory = cgroup?.holds.includes("memory") === true ? undefined : limits.memoryBytes;
  const heard = tty ? [programs.env, "--default-signal=INT", "--default-signal=QUIT"] : [];
  return [...heard, STARTER, ...limitArguments(state, memory), "--"];
}

function environment(added: Readonly<Record<string, string>>): Record<string, string> {
  const path = added["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  return { ...commandEnvironment(added), PATH: `${TOOLS}:${path}` };
}

function checkDevices(devices: readonly string[]): readonly string[] {
  const wrong = devices.find((path) => !/^\/dev(?:\/[a-zA-Z0-9][a-zA-Z0-9-]*){1,2}$/.test(path));
  if (wrong !== undefined)
    throw new CloisterError("USAGE", `${JSON.stringify(wrong)} is no device node`, {
      next: "--gpu names those that can be shown",
    });
  return devices;
}

async function finish(launched: Launched, spec: ExecSpec, state: HolderState): Promise<ExecResult> {
  const killsBefore = memoryKills(state.pid);
  const first = () => firstProcess(launched, spec.tty);
  const running = { ended: launched.ended, first, kill: () => kill(launched, first()) };
  const { end, timeOver } = await endOf(running, spec, state.limits.runMs);
  const { exit, started } = end;
  if (timeOver) return { exit: TIME_OVER, stoppedBy: "run-time" };
  if (started && exit !== 0 && memoryKills(state.pid) > killsBefore) return { exit, stoppedBy: "memory" };
  if (started || spec.signal.aborted) return { exit };
  throw new CloisterError("FAILURE", "the command was not started", {
    why: "its sandbox could not be set up; bwrap or nsenter said why on standard error",
    next: "cloister doctor",
  });
}

/**
 * The first process of the sandbox: our child is the way in, its child bwrap, and that one's youngest child the first
 * inside; a tracer left bwrap an older one. On a terminal, our child is the one that relays it, and the way in its child.
 */
function firstProcess({ child }: Launched, tty: boolean): number | undefined {
  const way = tty ? childrenOf(child.pid ?? 0) : [child.pid ?? 0];
  return way.flatMap(childrenOf).flatMap(childrenOf).at(-1);
}

function kill({ child }: Launched, first: number | undefined): void {
  // With the first process of its namespace everything inside ends (pid_namespaces(7)).
  if (first !== undefined) sendSignal(first, "SIGKILL");
  child.kill("SIGKILL");
}
