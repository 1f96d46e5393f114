// Runs a person's command in a workspace.
import { constants } from "node:os";
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import { checkCommand, checkFiles, checkInputs, commandEnvironment } from "../check-command.ts";
import { endOf, TIME_OVER } from "../command-end.ts";
import type { ExecResult, ExecSpec } from "../exec-spec.ts";
import { takePipes } from "../host/pipes.ts";
import { relay } from "../host/relay.ts";
import { keepSettings } from "../host/terminal.ts";
import { memoryKills } from "../limits/settings.ts";
import { type Held, type Launch, type Launched, launch, type Mount, pipePlaces } from "./launch.ts";
import { notWithPodman } from "./problem.ts";
import type { Runtime } from "./runtime.ts";
import { placeHosts, placeSecrets } from "./secret-files.ts";

/** What every command has of the volume. */
const FOLDERS: readonly Mount[] = (
  [
    ["work", "/workspace"],
    ["tmp", "/tmp"],
    ["vartmp", "/var/tmp"],
    ["home", "/home/user"],
    ["run", "/run/user"],
    ["shm", "/dev/shm"],
  ] as const
).map(([folder, path]) => ({ folder, path, access: "write" }));

/** Does what {@link Sandbox.exec} says, in a workspace that is known to be alive. */
export async function execute(runtime: Runtime, state: Held, spec: ExecSpec, streams: Streams): Promise<ExecResult> {
  if (spec.signal.aborted) return { exit: 128 + constants.signals.SIGTERM };
  if (spec.mounts?.length) throw notWithPodman("folders of the host", "--mount-ro");
  if (spec.devices?.length) throw notWithPodman("GPUs", "--gpu");
  if (spec.traced) throw notWithPodman("a trace of what is read", "--trace");
  const files = spec.files ?? [];
  checkFiles(files);
  const inputs = checkInputs(spec.inputs).map(
    ({ source, path }): Mount => ({ folder: `inputs/${source}`, path, access: "read" }),
  );
  const placed = await Promise.all([placeSecrets(runtime, state, files), placeHosts(runtime, state, spec.hosts ?? [])]);
  const start = {
    mounts: [...FOLDERS, ...inputs, ...placed.flatMap(({ mounts }) => mounts)],
    scratchBytes: undefined,
    cwd: "/workspace",
    env: commandEnvironment(spec.env),
    argv: checkCommand(spec.argv),
    sharesLoopback: spec.sharesLoopback === true,
  };
  try {
    return await run(runtime, state, start, spec, streams);
  } finally {
    await Promise.all(placed.map(({ remove }) => remove()));
  }
}

async function run(
  runtime: Runtime,
  state: Held,
  start: Omit<Launch, "stdio">,
  spec: ExecSpec,
  streams: Streams,
): Promise<ExecResult> {
  if (spec.tty) {
    return await finish(launch(runtime, state, { ...start, stdio: "tty" }), spec, state).finally(keepSettings());
  }
  const stdio = pipePlaces(streams.stdout === streams.stderr);
  const launched = launch(runtime, state, { ...start, stdio });
  const pipes = await takePipes(launched.child, stdio);
  const [result] = await Promise.all([finish(launched, spec, state), relay(pipes, streams, launched.ended)]);
  return result;
}

async function finish(launched: Launched, spec: ExecSpec, { limits, pid }: Held): Promise<ExecResult> {
  const killsBefore = memoryKills(pid);
  const { end, timeOver } = await endOf(launched, spec, limits.runMs);
  const { exit, started, message } = end;
  if (timeOver) return { exit: TIME_OVER, stoppedBy: "run-time" };
  if (started && exit !== 0 && memoryKills(pid) > killsBefore) return { exit, stoppedBy: "memory" };
  if (started || spec.signal.aborted) return { exit };
  throw new CloisterError("FAILURE", "the command was not started", { why: message, next: "cloister doctor" });
}
