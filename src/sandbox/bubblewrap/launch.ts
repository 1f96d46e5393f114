// Starts one process in a fresh sandbox inside a holder's namespaces.
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import { nulInside } from "../check-command.ts";
import { seccompFilter } from "../filter/seccomp.ts";
import type { Stdio } from "../host/descriptors.ts";
import { OUTER_ENVIRONMENT } from "../host/programs.ts";
import { startSealed } from "../host/spawn.ts";
import { onTerminal } from "../host/terminal.ts";
import { dropArguments } from "../host/user.ts";
import { enterWords, firstToGoWords } from "../limits/cgroup.ts";
import { workspaceLimitArguments } from "../limits/process-limits.ts";
import type { HolderState } from "../sandbox.ts";
import type { Runtime } from "./runtime.ts";
import { eachLine, tracer } from "./trace.ts";

const ARGUMENTS_FD = 3;
const SECCOMP_FD = 4;
/** bwrap says here whether it came as far as starting the command. */
const STATUS_FD = 5;
/** What a tracer saw comes out here; one digit, since shells redirect no more. */
const TRACE_FD = 6;
/** First descriptor of {@link Launch.feeds}. */
export const FEED_FD = 7;

export interface Launch {
  /** bwrap's options: what the process can see and do. */
  readonly view: readonly string[];
  /** The command, its first word an absolute path inside. */
  readonly command: readonly string[];
  readonly stdio: readonly [Stdio, Stdio, Stdio];
  /** Gives the command a terminal of its own, which passes on what comes and goes on `stdio`. */
  readonly terminal?: boolean;
  /** To be read from descriptors {@link FEED_FD} and up. */
  readonly feeds: readonly (string | Uint8Array)[];
  /** Descriptors of ours that bwrap gets after the feeds; the caller closes them once this has returned. */
  readonly handed?: readonly number[] | undefined;
  /** Told each line of a tracer, which runs outside of the sandbox. */
  readonly traced?: ((line: string) => void) | undefined;
}

export interface Launched {
  readonly child: ChildProcess;
  /** Settles when the process has ended; `started` is false where the sandbox could not be set up. */
  readonly ended: Promise<{ readonly exit: number; readonly started: boolean }>;
}

/** @throws {@link CloisterError} USAGE for a NUL character in any argument */
export function launch(runtime: Runtime, state: HolderState, launch: Launch): Launched {
  const { view, command, stdio, feeds, terminal = false, handed = [], traced } = launch;
  // Options travel NUL-separated, so a NUL inside one would smuggle in another.
  if ([...view, ...command].some((argument) => argument.includes("\0"))) {
    throw nulInside();
  }
  const inside = [...enter(runtime, state, traced ? tracer(runtime, TRACE_FD) : []), ...command];
  const streams: readonly Stdio[] = [
    ...[...stdio, "pipe", "pipe", "pipe", traced ? "pipe" : "ignore"],
    ...feeds.map((): Stdio => "pipe"),
    ...handed,
  ] as const;
  const options = { detached: !terminal, cwd: "/", env: OUTER_ENVIRONMENT };
  const child = startSealed(way(runtime, state, inside, terminal), streams, options);
  if (traced) eachLine(pipeOf(child, TRACE_FD), traced);
  feed(child, ARGUMENTS_FD, `${view.join("\0")}\0`);
  feed(child, SECCOMP_FD, seccompFilter(runtime.arch, { pinned: state.processors !== undefined }));
  for (const [index, text] of feeds.entries()) feed(child, FEED_FD + index, text);
  return { child, ended: watch(child) };
}

/**
 * The way in. It dies with us (`--pdeathsig`) and takes the sandbox along. The terminal's Ctrl-C, which is for the command
 * alone, does not reach it: it is a session of its own, or, where it needs the terminal, deaf.
 */
function way(runtime: Runtime, state: HolderState, inside: readonly string[], terminal: boolean): readonly string[] {
  const { programs, uid } = runtime;
  const { processors } = state;
  // While it may still: whoever it becomes later cannot write there.
  const within = [...enterWords(runtime, state.cgroup), ...firstToGoWords(runtime)];
  const pinned = processors ? [programs.taskset, "--cpu-list", processors.join(",")] : [];
  const drop = dropArguments(uid, state.uid);
  if (!terminal) return [...within, ...pinned, programs.setpriv, "--pdeathsig=KILL", ...drop, "--", ...inside];
  const deaf = [...within, ...pinned, programs.env, "--ignore-signal=INT", "--ignore-signal=QUIT"];
  // Asked to end, whoever relays the terminal leaves it as it was. script(1) hears SIGINT even here, but only the first: the
  // kernel asks once for each thread of ours, and a second SIGTERM would end it before it came to that.
  const relay = [...deaf, programs.setpriv, "--pdeathsig=INT", ...drop, "--"];
  return [...relay, ...onTerminal([programs.setpriv, "--pdeathsig=KILL", "--", ...inside])];
}

function enter({ programs }: Runtime, state: HolderState, traced: readonly string[]): readonly string[] {
  const namespaces = ["--preserve-credentials", "--user", "--mount", "--net", "--pid", "--ipc", "--uts"];
  return [
    ...[programs.nsenter, `--target=${String(state.pid)}`, ...namespaces, "--"],
    ...[programs.prlimit, ...workspaceLimitArguments(state.limits), "--"],
    ...traced,
    // The filter is not among the options that travel by pipe: should we die while writing them, it must not be missing.
    ...[programs.bwrap, "--seccomp", String(SECCOMP_FD), "--json-status-fd", String(STATUS_FD)],
    ...["--args", String(ARGUMENTS_FD), "--"],
  ];
}

function feed(child: ChildProcess, fd: number, data: string | Uint8Array): void {
  const pipe = pipeOf(child, fd);
  // Whoever dies before reading it says why on stderr and by exit code.
  pipe.on("error", () => undefined);
  pipe.end(data);
}

function pipeOf(child: ChildProcess, fd: number): Duplex {
  const pipe = child.stdio[fd];
  if (!pipe) throw new TypeError(`descriptor ${String(fd)} is no pipe`);
  return pipe as Duplex;
}

async function watch(child: ChildProcess): Promise<{ exit: number; started: boolean }> {
  let status = "";
  pipeOf(child, STATUS_FD).on("data", (chunk) => {
    status += String(chunk);
  });
  const exit = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });
  // bwrap(1): exit-code is written only where the command was really started. A killed bwrap writes nothing, which shows
  // in how it ended, or in what whoever relays its terminal says of that.
  return { exit, started: status.includes('"exit-code"') || exit > 128 };
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
