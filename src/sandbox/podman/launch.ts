// Starts one command in a container of its own, which shares nothing with the holder's but folders of the volume. It is
// the container's second process: the first, a shell of ours, gets what to run by pipe, so that no variable and no
// argument stands in podman's records.
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import type { Duplex } from "node:stream";
import { CloisterError } from "../../base/errors.ts";
import { nulInside } from "../check-command.ts";
import type { Stdio } from "../host/descriptors.ts";
import { type PipePlaces, pipeWords } from "../host/pipes.ts";
import { sendSignal } from "../host/process.ts";
import { beginningOf, startSealed } from "../host/spawn.ts";
import type { HolderState } from "../sandbox.ts";
import { isolation, openProfile } from "./container.ts";
import { enterGroup } from "./group.ts";
import { ask, engine, engineInside, lastWords, type Runtime } from "./runtime.ts";
import { watchOver } from "./watch.ts";

const FEED_FD = 3;
const STATUS_FD = 4;
/** The command's standard streams, where they are not a terminal. */
export const STREAMS_FD = 5;
/** Where its pipes are taken; podman does not get it. */
const LINE_FD = 9;

const MESSAGE_CHARS_MAX = 16 * 1024;

/** Standard error of the command, while the shell's own, where it would say that a signal ended the command, is shut. */
const KEPT = "9";

/**
 * The first process: opens the working folder, which a command may have shut, reads variables and words, and says how
 * the command ended. `exec` finds programs only, no built-in of the shell; some shells take a leading dash for its option.
 */
const FIRST = `echo here >&${String(STATUS_FD)}
eval "$(cat <&${String(FEED_FD)})" && [ $# -gt 0 ] || exit
exec ${String(FEED_FD)}<&-
echo started >&${String(STATUS_FD)}
exec ${KEPT}>&2 2>/dev/null
(exec 2>&${KEPT} ${KEPT}>&- ${String(STATUS_FD)}>&-
case $1 in -*) echo "$0: $1: not found" >&2; exit 127 ;; esac
exec "$@")
echo $? >&${String(STATUS_FD)}`;

/** The same with pipes as standard streams, which podman would put its own in front of. */
const [IN, OUT, ERROR] = [STREAMS_FD, STREAMS_FD + 1, STREAMS_FD + 2].map(String);
const FIRST_ON_PIPES = `exec <&${IN} >&${OUT} 2>&${ERROR} ${IN}<&- ${OUT}>&- ${ERROR}>&-
${FIRST}`;

export interface Mount {
  /** Folder in the volume. */
  readonly folder: string;
  readonly path: string;
  readonly access: "read" | "write";
}

export interface Launch {
  /** Folders of the volume, each at its path. */
  readonly mounts: readonly Mount[];
  /** Memory at /tmp for this command alone, in bytes; undefined where /tmp is a mount. */
  readonly scratchBytes: number | undefined;
  /** Where the command starts; it is one of the mounts, and made accessible where it is not. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  /** `tty` is the process's own terminal; places are of pipes of its own (see {@link pipePlaces}), which wait to be taken. */
  readonly stdio: readonly [Stdio, Stdio, Stdio] | PipePlaces | "tty";
  /** The holder's loopback instead of one of its own. */
  readonly sharesLoopback: boolean;
}

/** Where a command gets standard streams of its own. @param joined output and errors through one pipe */
export function pipePlaces(joined: boolean): PipePlaces {
  return { first: STREAMS_FD, line: LINE_FD, keepsLine: false, joined };
}

export interface Launched {
  /** Name of the container. */
  readonly container: string;
  readonly child: ChildProcess;
  /** `started` is false where there was no command; `message` is then podman's reason. */
  readonly ended: Promise<{ readonly exit: number; readonly started: boolean; readonly message: string }>;
  /** Pid on the host of the first process in the container; undefined where it is not there, or starts nothing yet. */
  first(): Promise<number | undefined>;
  kill(): void;
}

/** @throws {@link CloisterError} USAGE for a NUL character in any argument */
export function launch(runtime: Runtime, state: Held, what: Launch): Launched {
  const script = feedOf(what, state);
  const container = `${state.container}-${randomBytes(6).toString("hex")}`;
  const child = startPodman(runtime, commandLine(runtime, state, what, container), what.stdio);
  const feed = child.stdio[FEED_FD] as Duplex;
  feed.on("error", () => undefined);
  const watched = watchOver(runtime, state, container, child.pid);
  const progress: Progress = { started: false };
  const go = () => feed.end(progress.refused === undefined ? script : "");
  if (state.cgroup) child.stdio[STATUS_FD]?.once("data", () => void admit(runtime, state, container, progress, go));
  else go();
  const ended = watch(child, progress).finally(() => watched.release());
  const first = async () => (progress.started ? await firstProcess(runtime, container) : undefined);
  const end = async () => {
    const pid = await firstProcess(runtime, container);
    if (pid !== undefined) sendSignal(pid, "SIGKILL");
    // Not there yet, or there no more: podman itself is what is left.
    else child.kill("SIGKILL");
  };
  // podman may be what does not answer.
  const kill = () => void end().catch(() => child.kill("SIGKILL"));
  return { container, child, ended, first, kill };
}

/** A workspace of this driver, its names checked. */
export type Held = HolderState & { readonly container: string; readonly image: string; readonly mountpoint: string };

function commandLine(
  runtime: Runtime,
  state: Held,
  { mounts, scratchBytes, stdio, sharesLoopback }: Launch,
  container: string,
): readonly string[] {
  const tty = stdio === "tty";
  const userns = runtime.uid === 0 ? ["--userns", `container:${state.container}`] : [];
  const network = sharesLoopback ? `container:${state.container}` : "none";
  const volumes = mounts.flatMap(({ folder, path, access }) => {
    const options = access === "read" ? "ro" : "rw";
    return ["--volume", `${state.mountpoint}/${folder}:${path}:${options},nosuid,nodev,rprivate`];
  });
  const scratch = `type=tmpfs,destination=/tmp,tmpfs-size=${String(scratchBytes)},U=true,notmpcopyup`;
  // All descriptors but the last, the profile, go on to the container.
  const profileFd = tty ? STREAMS_FD : STREAMS_FD + 3;
  return [
    ...[...engineInside(runtime, state), "run", "--rm", "--name", container],
    ...["--label", `cloister.holder=${state.container}`, "--preserve-fds", String(profileFd - FEED_FD)],
    ...(tty ? ["--interactive", "--tty", "--detach-keys", ""] : []),
    ...[...isolation(state, profileFd), ...userns, "--network", network, ...volumes],
    ...(scratchBytes === undefined ? [] : ["--mount", scratch]),
    ...["--workdir", "/", "--entrypoint", "/bin/sh", state.image, "-c", tty ? FIRST : FIRST_ON_PIPES, "cloister"],
  ];
}

function feedOf({ cwd, env, argv }: Launch, { limits, cgroup }: Held): string {
  const words = [cwd, ...argv, ...Object.entries(env).flat()];
  if (words.some((word) => word.includes("\0"))) {
    throw nulInside();
  }
  const wrong = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (wrong !== undefined) {
    throw new CloisterError("USAGE", `${JSON.stringify(wrong)} cannot be the name of a variable`, {
      why: "with podman, names have letters, digits and underscores",
    });
  }
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
  const enter = `chmod 0700 ${quoted(cwd)} 2>/dev/null; cd ${quoted(cwd)} || exit`;
  const { memoryBytes } = limits;
  // Private memory of each process, where nothing counts that of all together.
  const alone = memoryBytes !== undefined && cgroup?.holds.includes("memory") !== true;
  const limit = alone ? [`ulimit -d ${String(Math.ceil(memoryBytes / 1024))} || exit`] : [];
  return [enter, ...limit, ...exports, `set -- ${argv.map(quoted).join(" ")}`, ""].join("\n");
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function startPodman(runtime: Runtime, command: readonly string[], stdio: Launch["stdio"]): ChildProcess {
  const profile = openProfile(runtime.arch);
  const own = stdio !== "tty" && "line" in stdio;
  const words = own ? [...pipeWords(runtime.programs.sh, stdio), ...command] : command;
  try {
    // Off a terminal, Ctrl-C there is not for podman.
    const options = { cwd: "/", env: runtime.environment, detached: stdio !== "tty" };
    return startSealed(words, descriptors(stdio, profile), options);
  } finally {
    closeSync(profile);
  }
}

function descriptors(stdio: Launch["stdio"], profile: number): readonly Stdio[] {
  if (stdio === "tty") return ["inherit", "inherit", "inherit", "pipe", "pipe", profile];
  const own = ["ignore", "ignore", "pipe", "pipe", "pipe"] as const;
  return "line" in stdio ? [...own, "ignore", "ignore", "ignore", profile, "pipe"] : [...own, ...stdio, profile];
}

interface Progress {
  started: boolean;
  /** Why it was given nothing to run. */
  refused?: string;
}

async function watch(
  child: ChildProcess,
  progress: Progress,
): Promise<{ exit: number; started: boolean; message: string }> {
  const message = beginningOf(child.stderr, MESSAGE_CHARS_MAX);
  let status = "";
  child.stdio[STATUS_FD]?.on("data", (chunk) => {
    status += String(chunk);
    progress.started = status.includes("started\n");
  });
  const code = await new Promise<number>((resolve) => child.once("close", (exit) => resolve(exit ?? 137)));
  // What the shell saw is certain. A container that was killed has no shell to say it, but podman saw how it ended.
  const [, seen] = /^here\nstarted\n(\d+)\n$/.exec(status) ?? [];
  return {
    exit: seen === undefined ? code : Number(seen),
    started: progress.started,
    message: progress.refused ?? lastWords(message()),
  };
}

/** Nothing of the workspace runs before its group counts it: until then the first process waits for its script. */
async function admit(runtime: Runtime, state: Held, container: string, progress: Progress, go: () => void) {
  try {
    enterGroup(state, (await firstProcess(runtime, container)) ?? 0);
  } catch (error) {
    progress.refused = error instanceof CloisterError ? `${error.message}: ${String(error.why)}` : String(error);
  }
  go();
}

async function firstProcess(runtime: Runtime, container: string): Promise<number | undefined> {
  const { text } = await ask(runtime, [...engine(runtime), "inspect", "--format", "{{.State.Pid}}", container]);
  const pid = Number(text);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
