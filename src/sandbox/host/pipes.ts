// Real pipes for a command's standard streams. Node's own "pipes" are sockets, on which `> /dev/stderr` fails inside;
// named pipes will not do either: opening one again by name waits for a partner that may be gone (fifo(7)).
import { once } from "node:events";
import { closeSync, constants, fchmodSync, openSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import { childrenOf, sendSignal } from "./process.ts";
import { OUTER_ENVIRONMENT } from "./programs.ts";
import { startProgram } from "./spawn.ts";

/** A shell and its four processes are there within this time. */
const MAKE_MS = 10_000;

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

export interface CommandPipes {
  /** Our ends: what is written to `stdin` the command reads, and so on. */
  readonly stdin: Socket;
  readonly stdout: Socket;
  /** Undefined where the command's output and errors come through one pipe. */
  readonly stderr: Socket | undefined;
  /** The command's ends, to be handed to spawn(). */
  readonly theirs: readonly [number, number, number];
  /** Closes our copies of the command's ends, without which no end of file is ever seen. */
  handedOver(): void;
}

/** Each hands a line on and waits, with builtins alone: starting programs for it would take longer. */
const MAKE = "hand() { read line && echo && read line; }\nhand | hand | hand | hand";

/**
 * Three pipes, or two, where `joined` gives output and errors one, which keeps the order of what goes to both. Node cannot
 * make one, but it can open those of a process through /proc: a shell makes them between four of its own processes, which
 * have ended before anything is written.
 *
 * @throws {@link CloisterError} FAILURE where they cannot be had
 */
export async function openPipes(
  { programs }: { readonly programs: { readonly sh: string } },
  joined: boolean,
): Promise<CommandPipes> {
  const maker = startProgram([programs.sh, "-c", MAKE], {
    ...{ cwd: "/", env: OUTER_ENVIRONMENT, timeout: MAKE_MS, killSignal: "SIGKILL" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const { stdin, stdout } = maker;
  if (!stdin || !stdout) throw new TypeError("the maker of pipes has none");
  const closed = once(maker, "close");
  stdin.on("error", () => undefined);
  // A line that has come all the way shows that everything stands, and that the pipes are empty.
  stdin.write("\n");
  await Promise.race([once(stdout, "data"), closed]);
  const makers = childrenOf(maker.pid ?? 0);
  try {
    return between(makers.map((pid) => `/proc/${String(pid)}/fd/1`).filter(isPipe), joined);
  } finally {
    for (const pid of makers) sendSignal(pid, "SIGKILL");
    stdin.destroy();
    await closed;
  }
}

function between([input, output, errors]: readonly string[], joined: boolean): CommandPipes {
  if (input === undefined || output === undefined || errors === undefined) {
    throw new CloisterError("FAILURE", "no pipes for the command's input and output", {
      why: "/proc does not show our own processes, or they were not there in time",
      next: "cloister doctor",
    });
  }
  const theirs = [
    openSync(input, O_RDONLY),
    openSync(output, O_WRONLY),
    openSync(joined ? output : errors, O_WRONLY),
  ] as const;
  // The command may run under another uid, and may open /dev/stderr again.
  for (const fd of theirs) fchmodSync(fd, 0o666);
  const ours = (path: string, mode: number) => openSync(path, mode | O_NONBLOCK);
  return {
    stdin: new Socket({ fd: ours(input, O_WRONLY), readable: false, writable: true }),
    stdout: new Socket({ fd: ours(output, O_RDONLY), readable: true, writable: false }),
    stderr: joined ? undefined : new Socket({ fd: ours(errors, O_RDONLY), readable: true, writable: false }),
    theirs,
    handedOver: () => theirs.forEach(closeSync),
  };
}

function isPipe(path: string): boolean {
  return readlinkSync(path).startsWith("pipe:");
}
