// Starts one process in a fresh sandbox inside a holder's namespaces.
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import { nulInside } from "../check-command.ts";
import { seccompFilter } from "../filter/seccomp.ts";
import type { Stdio } from "../host/descriptors.ts";
import { type CommandPipes, pipeWords, takePipes } from "../host/pipes.ts";
import { OUTER_ENVIRONMENT } from "../host/programs.ts";
import { startSealed } from "../host/spawn.ts";
import { onTerminal } from "../host/terminal.ts";
import { dropArguments } from "../host/user.ts";
import { enterWords, FIRST_TO_GO, firstToGoWords } from "../limits/cgroup.ts";
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
/** Pipes for the standard streams, three of them, until they are taken. */
const STREAMS_FD = 7;
/** First descriptor of {@link Launch.feeds}. */
export const FEED_FD = 10;

/** What the shell that made pipes does with them, before it goes on. */
const ON_PIPES = `exec <&7 >&8 2>&9 7<&- 8>&- 9>&-
${FIRST_TO_GO}`;

export interface Launch {
  /** bwrap's options: what the process can see and do. */
  readonly view: readonly string[];
  /** The command, its first word an absolute path inside. */
  readonly command: readonly string[];
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

type Standard = readonly [Stdio, Stdio, Stdio];

/**
 * @param terminal gives the command a terminal of its own, which passes on what comes and goes on `stdio`
 * @throws {@link CloisterError} USAGE for a NUL character in any argument
 */
export function launch(
  runtime: Runtime,
  state: HolderState,
  launch: Launch,
  stdio: Standard,
  terminal = false,
): Launched {
  const words = [...firstToGoWords(runtime), ...way(runtime, state, launch, terminal)];
  const child = start(words, launch, stdio, terminal);
  feedAll(runtime, state, launch, child);
  return { child, ended: watch(child) };
}

/**
 * {@link launch}, with pipes as standard streams.
 *
 * @param joined output and errors through one pipe
 * @throws {@link CloisterError} as {@link launch}, and FAILURE where there are no pipes
 */
export async function launchOnPipes(
  runtime: Runtime,
  state: HolderState,
  launch: Launch,
  joined: boolean,
): Promise<{ readonly launched: Launched; readonly pipes: CommandPipes }> {
  const places = { first: STREAMS_FD, line: STATUS_FD, keepsLine: true, joined };
  const words = [...pipeWords(runtime.programs.sh, places, ON_PIPES), ...way(runtime, state, launch, false)];
  const child = start(words, launch, ["ignore", "ignore", "ignore"], false);
  const ended = watch(child);
  // Where it has no pipes, nobody asks how it ended.
  ended.catch(() => undefined);
  const pipes = await takePipes(child, places);
  feedAll(runtime, state, launch, child);
  // What it is fed has an end before all that follows takes its time: until then bwrap waits.
  await new Promise(setImmediate);
  return { launched: { child, ended }, pipes };
}

function start(
  words: readonly string[],
  { view, command, feeds, handed = [], traced }: Launch,
  stdio: Standard,
  terminal: boolean,
): ChildProcess {
  // Options travel NUL-separated, so a NUL inside one would smuggle in another.
  if ([...view, ...command].some((argument) => argument.includes("\0"))) {
    throw nulInside();
  }
  const streams: readonly Stdio[] = [
    ...[...stdio, "pipe", "pipe", "pipe", traced ? "pipe" : "ignore", "ignore", "ignore", "ignore"],
    ...feeds.map((): Stdio => "pipe"),
    ...handed,
  ] as const;
  const child = startSealed(words, streams, { detached: !terminal, cwd: "/", env: OUTER_ENVIRONMENT });
  if (traced) eachLine(pipeOf(child, TRACE_FD), traced);
  return child;
}

function feedAll({ arch }: Runtime, { processors }: HolderState, { view, feeds }: Launch, child: ChildProcess): void {
  feed(child, ARGUMENTS_FD, `${view.join("\0")}\0`);
  feed(child, SECCOMP_FD, seccompFilter(arch, { pinned: processors !== undefined }));
  for (const [index, text] of feeds.entries()) feed(child, FEED_FD + index, text);
}

/**
 * The way in. It dies with us (`--pdeathsig`) and takes the sandbox along. The terminal's Ctrl-C, which is for the command
 * alone, does not reach it: it is a session of its own, or, where it needs the terminal, deaf.
 */
function way(runtime: Runtime, state: HolderState, { command, traced }: Launch, terminal: boolean) {
  const { programs, uid } = runtime;
  const { processors } = state;
  const inside = [...enter(runtime, state, traced ? tracer(runtime, TRACE_FD) : []), ...command];
  // While it may still: whoever it becomes later cannot write there.
  const within = enterWords(runtime, state.cgroup);
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
