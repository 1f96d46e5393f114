// Runs a person's command in a workspace.
import { constants } from "node:os";
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import { checkCommand, checkFiles, checkInputs, checkNames } from "../command.ts";
import { openPipes } from "../host/pipes.ts";
import { childrenOf, sendSignal } from "../host/process.ts";
import { relay } from "../host/relay.ts";
import { keepSettings } from "../host/terminal.ts";
import { startTime } from "../limits/run-time.ts";
import { memoryKills } from "../limits/settings.ts";
import type { ExecResult, ExecSpec } from "../sandbox.ts";
import { type Held, type Launch, type Launched, launch, type Mount } from "./launch.ts";
import { notWithPodman } from "./problem.ts";
import type { Runtime } from "./runtime.ts";
import { placeHosts, placeSecrets } from "./secret-files.ts";

/** As timeout(1) has it. */
const TIME_OVER = 124;
/** How long a command may take to end after SIGTERM. */
const KILL_AFTER_MS = 5000;
const ASK_AGAIN_MS = 50;

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
  checkNames(spec.env);
  const inputs = checkInputs(spec.inputs).map(
    ({ source, path }): Mount => ({ folder: `inputs/${source}`, path, access: "read" }),
  );
  const placed = await Promise.all([placeSecrets(runtime, state, files), placeHosts(runtime, state, spec.hosts ?? [])]);
  const start = {
    mounts: [...FOLDERS, ...inputs, ...placed.flatMap(({ mounts }) => mounts)],
    scratchBytes: undefined,
    cwd: "/workspace",
    env: environment(spec.env),
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
  const pipes = await openPipes(runtime, streams.stdout === streams.stderr);
  let launched: Launched;
  try {
    launched = launch(runtime, state, { ...start, stdio: pipes.theirs });
  } catch (error) {
    for (const pipe of [pipes.stdin, pipes.stdout, pipes.stderr]) pipe?.destroy();
    throw error;
  } finally {
    pipes.handedOver();
  }
  const [result] = await Promise.all([finish(launched, spec, state), relay(pipes, streams, launched.ended)]);
  return result;
}

/** Beside what the image says, whose PATH leads to what it was made for. */
function environment(added: Readonly<Record<string, string>>): Record<string, string> {
  const own = { HOME: "/home/user", USER: "user", LOGNAME: "user", SHELL: "/bin/sh", LANG: "C.UTF-8", TMPDIR: "/tmp" };
  return { ...own, ...added };
}

/** Waits for the command, ending it where the signal says so or its time is over. */
async function finish(launched: Launched, spec: ExecSpec, { limits, pid }: Held): Promise<ExecResult> {
  const killsBefore = memoryKills(pid);
  const timers: NodeJS.Timeout[] = [];
  let over = false;
  const end = async () => {
    if (timers.length > 0) return;
    timers.push(setTimeout(() => void launched.kill(), KILL_AFTER_MS));
    // A container that is still being set up is asked again until there is a command to hear it.
    while (!over && !(await terminate(launched, spec))) {
      await new Promise((resolve) => timers.push(setTimeout(resolve, ASK_AGAIN_MS)));
    }
  };
  const abort = () => void end();
  if (spec.signal.aborted) abort();
  else spec.signal.addEventListener("abort", abort, { once: true });
  const { POSITIVE_INFINITY: forever } = Number;
  const time = startTime(Math.min(spec.runMs ?? forever, limits.runMs ?? forever), abort);
  try {
    const { exit, started, message } = await launched.ended;
    if (time.isOver()) return { exit: TIME_OVER, stoppedBy: "run-time" };
    if (started && exit !== 0 && memoryKills(pid) > killsBefore) return { exit, stoppedBy: "memory" };
    if (started || spec.signal.aborted) return { exit };
    throw new CloisterError("FAILURE", "the command was not started", { why: message, next: "cloister doctor" });
  } finally {
    over = true;
    time.stop();
    for (const timer of timers) clearTimeout(timer);
    spec.signal.removeEventListener("abort", abort);
  }
}

/**
 * SIGTERM or SIGHUP for the command. The first process of a container does not hear it.
 *
 * @returns false where there is no command yet
 */
async function terminate(launched: Launched, { tty, endsBy = "SIGTERM" }: ExecSpec): Promise<boolean> {
  const first = await launched.first();
  const command = first === undefined ? [] : childrenOf(first);
  if (first === undefined || command.length === 0) return false;
  // Off a terminal the first process leads the command's group.
  for (const target of tty ? command : [-first]) sendSignal(target, endsBy);
  return true;
}
