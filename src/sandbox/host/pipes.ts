// Real pipes for a command's standard streams. Node's own "pipes" are sockets, on which `> /dev/stderr` fails inside;
// named pipes will not do either: opening one again by name waits for a partner that may be gone (fifo(7)).
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants, fchmodSync, openSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { CloisterError } from "../../base/errors.ts";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Where a child has its pipes. All are one digit, since shells redirect no more. */
export interface PipePlaces {
  /** Its standard input; output and errors come after it. */
  readonly first: number;
  /** A descriptor that is a "pipe" of Node's, on which it and we tell each other how far we are. */
  readonly line: number;
  /** Whether what it becomes keeps the line. */
  readonly keepsLine: boolean;
  /** Output and errors through one pipe, which keeps the order of what goes to both. */
  readonly joined: boolean;
}

/** Our ends: what is written to `stdin` the command reads, and so on. */
export interface CommandPipes {
  readonly stdin: Socket;
  readonly stdout: Socket;
  /** Undefined where the command's output and errors come through one pipe. */
  readonly stderr: Socket | undefined;
}

/**
 * Words before a command line: a shell that makes the pipes, waits until {@link takePipes} has our ends of them, and becomes
 * the command. Node cannot make a pipe, but it can open those of a process through /proc.
 *
 * @param also a script to run before the command
 */
export function pipeWords(sh: string, { first, line, keepsLine, joined }: PipePlaces, also = ""): readonly string[] {
  const [input, output, errors] = [first, first + 1, first + 2].map(String);
  const script = [
    make([input, output, ...(joined ? [] : [errors])].map(String)),
    // The ends for writing. For errors first: that may be the pipe of output, which has its end for reading until then.
    `exec ${String(errors)}>/proc/self/fd/${String(joined ? output : errors)} || exit 125`,
    `exec ${String(output)}>/proc/self/fd/${String(output)} || exit 125`,
    `echo >&${String(line)} && read -r nothing <&${String(line)} || exit 125`,
    ...(keepsLine ? [] : [`exec ${String(line)}>&-`]),
    ...[also, 'exec "$@"'],
  ];
  return [sh, "-c", script.join("\n"), "cloister"];
}

/**
 * A script that makes a pipe for each descriptor, which is its end for reading. That is what shells have for a
 * here-document, and quickly; bash before 5.1 has a file, but can be asked for a process that is read from. An empty
 * document may be no pipe, so that each has a line, which is read again.
 */
function make(descriptors: readonly string[]): string {
  const coprocesses = `for fd in ${descriptors.join(" ")}; do
coproc read -r nothing
eval "exec $fd<&\${COPROC[0]}"
kill "$COPROC_PID"
wait "$COPROC_PID"
done`;
  return `exec ${descriptors.map((fd) => `${fd}<<.`).join(" ")}
${descriptors.map(() => "\n.\n").join("")}if [ -p /proc/self/fd/${String(descriptors[0])} ]; then
${descriptors.map((fd) => `read -r nothing <&${fd} || exit 125`).join("\n")}
else
eval '${coprocesses}' 2>/dev/null
fi`;
}

/**
 * Our ends of the pipes of a child that was started with {@link pipeWords}, which goes on once we have them.
 *
 * @throws {@link CloisterError} FAILURE where they cannot be had; then the child is killed
 */
export async function takePipes(child: ChildProcess, places: PipePlaces): Promise<CommandPipes> {
  const line = child.stdio[places.line] as Socket;
  await Promise.race([once(line, "data"), once(child, "exit")]);
  const paths = [0, 1, 2].map((index) => `/proc/${String(child.pid)}/fd/${String(places.first + index)}`);
  const [input = "", output = "", errors = ""] = paths;
  if (!paths.every(isPipe)) {
    child.kill("SIGKILL");
    throw new CloisterError("FAILURE", "no pipes for the command's input and output", {
      why: "/proc does not show our own processes, or sh makes no pipes",
      next: "cloister doctor",
    });
  }
  const pipes = {
    stdin: new Socket({ fd: ourEnd(input, O_WRONLY), readable: false, writable: true }),
    stdout: new Socket({ fd: ourEnd(output, O_RDONLY), readable: true, writable: false }),
    stderr: places.joined ? undefined : new Socket({ fd: ourEnd(errors, O_RDONLY), readable: true, writable: false }),
  };
  line.write("\n");
  return pipes;
}

function ourEnd(path: string, mode: number): number {
  const fd = openSync(path, mode | O_NONBLOCK);
  // The command may run under another uid, and may open /dev/stderr again.
  fchmodSync(fd, 0o666);
  return fd;
}

/** False where the process has ended. */
function isPipe(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("pipe:");
  } catch {
    return false;
  }
}
