// Runs a person's command in a workspace.
import { accessSync, constants as files, realpathSync, statSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import { checkCommand, checkFiles, checkInputs, checkNames } from "../command.ts";
import { openPipes } from "../host/pipes.ts";
import { childrenOf, sendSignal } from "../host/process.ts";
import { relay } from "../host/relay.ts";
import { keepSettings } from "../host/terminal.ts";
import { limitArguments } from "../limits/process-limits.ts";
import { startTime } from "../limits/run-time.ts";
import { memoryKills } from "../limits/settings.ts";
import type { ExecResult, ExecSpec, HolderState } from "../sandbox.ts";
import { type Launched, launch } from "./launch.ts";
import { openMounts } from "./mounts.ts";
import { HOLDER_FOLDER, type Runtime } from "./runtime.ts";
import { traceReader } from "./trace.ts";
import { commandFeeds, commandView, STARTER, TOOLS } from "./view.ts";

/** As timeout(1) has it. */
const TIME_OVER = 124;
/** How long a command may take to end after SIGTERM. */
const KILL_AFTER_MS = 5000;
const ASK_AGAIN_MS = 5;

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
  const files = spec.files ?? [];
  const start = {
    view: commandView({
      tty: spec.tty,
      sharesLoopback: spec.sharesLoopback === true,
      env: environment(spec.env),
      inputs: checkInputs(spec.inputs),
      files: checkFiles(files),
      mounts: spec.mounts ?? [],
      devices: checkDevices(spec.devices ?? []),
      deviceFolder: runtime.devices,
      tools: reachableTools(runtime, spec.tools),
      prlimit: runtime.programs.prlimit,
    }),
    command: [...limited(runtime, state, spec.tty), ...checkCommand(spec.argv)],
    feeds: [...commandFeeds(spec.hosts ?? []), ...files.map(({ bytes }) => bytes)],
    handed,
    traced: spec.traced && traceReader(spec.traced),
  };
  if (spec.tty) {
    const restore = keepSettings();
    const stdio = ["inherit", "inherit", "inherit"] as const;
    return await finish(launch(runtime, state, { ...start, stdio, terminal: true }), spec, state).finally(restore);
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

/** The words before the command: signals that the way in ignores on a terminal work again, and limits on what it may use. */
function limited({ programs }: Runtime, state: HolderState, tty: boolean): string[] {
  const { limits, cgroup } = state;
  const memory = cgroup?.holds.includes("memory") === true ? undefined : limits.memoryBytes;
  const heard = tty ? [programs.env, "--default-signal=INT", "--default-signal=QUIT"] : [];
  return [...heard, STARTER, ...limitArguments(state, memory), "--"];
}

function environment(added: Readonly<Record<string, string>>): Record<string, string> {
  checkNames(added);
  return {
    HOME: "/home/user",
    USER: "user",
    LOGNAME: "user",
    SHELL: "/bin/sh",
    LANG: "C.UTF-8",
    TMPDIR: "/tmp",
    ...added,
    PATH: `${TOOLS}:${added["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"}`,
  };
}

function checkDevices(devices: readonly string[]): readonly string[] {
  const wrong = devices.find((path) => !/^\/dev(?:\/[a-zA-Z0-9][a-zA-Z0-9-]*){1,2}$/.test(path));
  if (wrong !== undefined) throw new CloisterError("USAGE", `${JSON.stringify(wrong)} is no device node`);
  return devices;
}

/** Tools are a convenience: what the workspace's user cannot reach is left out. */
function reachableTools(runtime: Runtime, tools: readonly string[]): { path: string; name: string }[] {
  const shown = new Map<string, { path: string; name: string }>();
  for (const tool of tools) {
    const path = reachable(runtime, tool);
    if (path !== undefined) shown.set(basename(tool), { path, name: basename(tool) });
  }
  return [...shown.values()];
}

function reachable(runtime: Runtime, tool: string): string | undefined {
  try {
    const path = realpathSync(tool);
    // The holder hides what the host has there.
    if (path.startsWith(`${HOLDER_FOLDER}/`) || !statSync(path).isFile()) return undefined;
    accessSync(path, files.X_OK);
    // Root reaches everything; the user it hands over to has only the rights of others.
    for (let part = path; runtime.uid === 0 && part !== "/"; part = dirname(part)) {
      if ((statSync(part).mode & 0o001) === 0) return undefined;
    }
    return path;
  } catch {
    return undefined;
  }
}

/** Waits for the command, ending it where the signal says so or its time is over. */
async function finish(launched: Launched, spec: ExecSpec, state: HolderState): Promise<ExecResult> {
  const killsBefore = memoryKills(state.pid);
  const timers: NodeJS.Timeout[] = [];
  const end = () => {
    if (timers.length > 0) return;
    // A sandbox that is still being set up is asked again until there is a command to hear it.
    const asking = setInterval(() => {
      if (terminate(launched, spec)) clearInterval(asking);
    }, ASK_AGAIN_MS);
    timers.push(
      asking,
      setTimeout(() => kill(launched, spec.tty), KILL_AFTER_MS),
    );
  };
  if (spec.signal.aborted) end();
  else spec.signal.addEventListener("abort", end, { once: true });
  const time = startTime(
    Math.min(spec.runMs ?? Number.POSITIVE_INFINITY, state.limits.runMs ?? Number.POSITIVE_INFINITY),
    end,
  );
  try {
    const { exit, started } = await launched.ended;
    if (time.isOver()) return { exit: TIME_OVER, stoppedBy: "run-time" };
    if (started && exit !== 0 && memoryKills(state.pid) > killsBefore) return { exit, stoppedBy: "memory" };
    if (started || spec.signal.aborted) return { exit };
    throw new CloisterError("FAILURE", "the command was not started", {
      why: "its sandbox could not be set up; bwrap or nsenter said why on standard error",
      next: "cloister doctor",
    });
  } finally {
    time.stop();
    for (const timer of timers) clearTimeout(timer);
    spec.signal.removeEventListener("abort", end);
  }
}

/**
 * The first process of the sandbox: our child is the way in, its child bwrap, and that one's youngest child the first
 * inside; a tracer left bwrap an older one. On a terminal, our child is the one that relays it, and the way in its child.
 */
function firstProcess({ child }: Launched, tty: boolean): number | undefined {
  const way = tty ? childrenOf(child.pid ?? 0) : [child.pid ?? 0];
  return way.flatMap(childrenOf).flatMap(childrenOf).at(-1);
}

/**
 * SIGTERM or SIGHUP for the command; the processes around it would only die and take it along at once.
 *
 * @returns false where there is no command yet
 */
function terminate(launched: Launched, { tty, endsBy = "SIGTERM" }: ExecSpec): boolean {
  const first = firstProcess(launched, tty);
  const command = first === undefined ? [] : childrenOf(first);
  if (first === undefined || command.length === 0) return false;
  // Off a terminal the sandbox is a session, and its first process leads the command's group.
  for (const target of tty ? command : [-first]) sendSignal(target, endsBy);
  return true;
}

function kill(launched: Launched, tty: boolean): void {
  const first = firstProcess(launched, tty);
  // With the first process of its namespace everything inside ends (pid_namespaces(7)).
  if (first !== undefined) sendSignal(first, "SIGKILL");
  launched.child.kill("SIGKILL");
}
