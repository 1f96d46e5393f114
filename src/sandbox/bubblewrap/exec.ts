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
import type { ExecSpec, HolderState } from "../sandbox.ts";
import { type Launched, launch } from "./launch.ts";
import { limitArguments } from "./limits.ts";
import { type Runtime, VOLUME } from "./runtime.ts";
import { COMMAND_FEEDS, commandView, STARTER, TOOLS } from "./view.ts";

/** How long a command may take to end after SIGTERM. */
const KILL_AFTER_MS = 5000;
const ASK_AGAIN_MS = 5;

/** Does what {@link Sandbox.exec} says, in a workspace that is known to be alive. */
export async function execute(
  runtime: Runtime,
  state: HolderState,
  spec: ExecSpec,
  streams: Streams,
): Promise<{ exit: number }> {
  if (spec.signal.aborted) return { exit: 128 + constants.signals.SIGTERM };
  const files = spec.files ?? [];
  const start = {
    view: commandView({
      tty: spec.tty,
      sharesLoopback: spec.sharesLoopback === true,
      env: environment(spec.env),
      inputs: checkInputs(spec.inputs),
      files: checkFiles(files),
      tools: reachableTools(runtime, spec.tools),
      prlimit: runtime.programs.prlimit,
    }),
    command: [...limited(runtime, state), ...checkCommand(spec.argv)],
    feeds: [...COMMAND_FEEDS, ...files.map(({ bytes }) => bytes)],
  };
  if (spec.tty) {
    return finish(launch(runtime, state, { ...start, stdio: ["inherit", "inherit", "inherit"] }), spec);
  }
  const pipes = await openPipes(runtime);
  let launched: Launched;
  try {
    launched = launch(runtime, state, { ...start, stdio: pipes.theirs });
  } catch (error) {
    for (const pipe of [pipes.stdin, pipes.stdout, pipes.stderr]) pipe.destroy();
    throw error;
  } finally {
    pipes.handedOver();
  }
  const [result] = await Promise.all([finish(launched, spec), relay(pipes, streams, launched.ended)]);
  return result;
}

/** The words before the command: signals that the way in ignores work again, and limits on what it may use. */
function limited({ programs }: Runtime, state: HolderState): string[] {
  const signals = ["--default-signal=INT", "--default-signal=QUIT"];
  return [programs.env, ...signals, STARTER, ...limitArguments(state.diskBytes), "--"];
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
    // The volume hides what the host has there.
    if (path.startsWith(`${VOLUME}/`) || !statSync(path).isFile()) return undefined;
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

/** Waits for the command, ending it where the signal says so. */
async function finish(launched: Launched, spec: ExecSpec): Promise<{ exit: number }> {
  const timers: NodeJS.Timeout[] = [];
  const onAbort = () => {
    // A sandbox that is still being set up is asked again until there is a command to hear it.
    const asking = setInterval(() => {
      if (terminate(launched, spec.tty)) clearInterval(asking);
    }, ASK_AGAIN_MS);
    timers.push(
      asking,
      setTimeout(() => kill(launched), KILL_AFTER_MS),
    );
  };
  if (spec.signal.aborted) onAbort();
  else spec.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const { exit, started } = await launched.ended;
    if (started || spec.signal.aborted) return { exit };
    throw new CloisterError("FAILURE", "the command was not started", {
      why: "its sandbox could not be set up; bwrap or nsenter said why on standard error",
      next: "cloister doctor",
    });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    spec.signal.removeEventListener("abort", onAbort);
  }
}

/** The first process of the sandbox: our child is the way in, its child bwrap, and that one's child the first inside. */
function firstProcess({ child }: Launched): number | undefined {
  return [child.pid ?? 0].flatMap(childrenOf).flatMap(childrenOf)[0];
}

/**
 * SIGTERM for the command; the processes around it would only die and take it along at once.
 *
 * @returns false where there is no command yet
 */
function terminate(launched: Launched, tty: boolean): boolean {
  const first = firstProcess(launched);
  const command = first === undefined ? [] : childrenOf(first);
  if (first === undefined || command.length === 0) return false;
  // Off a terminal the sandbox is a session, and its first process leads the command's group.
  for (const target of tty ? command : [-first]) sendSignal(target, "SIGTERM");
  return true;
}

function kill(launched: Launched): void {
  const first = firstProcess(launched);
  // With the first process of its namespace everything inside ends (pid_namespaces(7)).
  if (first !== undefined) sendSignal(first, "SIGKILL");
  launched.child.kill("SIGKILL");
}
