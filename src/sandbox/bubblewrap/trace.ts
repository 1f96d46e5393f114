// Tracing which files a command opens. strace runs outside of the command's sandbox, in the holder's namespaces and as the
// workspace's user: inside, the filter refuses ptrace, and goes on to. So a traced command can do nothing that another
// cannot; but strace, a program of the host with no sandbox around it, reads what a hostile command makes it read.
import type { Readable } from "node:stream";
import { findProgram, unsupported } from "../host/programs.ts";
import type { Runtime } from "./runtime.ts";
import { STARTER } from "./view.ts";

const CALLS = "trace=open,openat,openat2,creat,execve,execveat";
/** Longer than any line of a call with its path, every byte of it escaped. */
const LINE_CHARS_MAX = 64 * 1024;

/**
 * The words before bwrap. With `-D` the tracer is nobody's parent, so that signals and exit codes go their usual way; with
 * seccomp-bpf only the calls that are asked for stop a process. bwrap does not get the descriptor to the tracer's reader.
 *
 * @throws {@link CloisterError} UNSUPPORTED_HOST
 */
export function tracer({ programs }: Runtime, fd: number): readonly string[] {
  const strace = findProgram("strace");
  if (strace === undefined) {
    throw unsupported({
      why: "strace is not installed, which --trace needs",
      next: "apt install strace (dnf, pacman likewise), or run it without --trace",
    });
  }
  const how = ["-D", "-f", "--seccomp-bpf", "-y", "-qq", "-z", "-s", "0", "-e", CALLS, "-e", "signal=none"];
  const out = ["-o", `|exec ${programs.cat} >&${String(fd)}`];
  return [strace, ...how, ...out, "--", programs.sh, "-c", `exec "$@" ${String(fd)}>&-`, "sh"];
}

/** Hands out whole lines; one that is too long is left out. */
export function eachLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("latin1");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CHARS_MAX) rest = "";
    for (const line of lines) take(line);
  });
}

/**
 * Makes a reader of strace's lines that tells which files are opened for reading, or executed, by the command: what bwrap
 * does before it starts the command is left out. Paths are those that the kernel has for the open file, links resolved.
 */
export function traceReader(opened: (path: string) => void): (line: string) => void {
  let started = false;
  return (line) => {
    const executed = /\bexecve(?:at)?\([^"]*"((?:[^"\\]|\\.)*)".* = 0$/.exec(line)?.[1];
    if (executed !== undefined) {
      const path = unescaped(executed);
      if (path === STARTER) started = true;
      else if (started && path.startsWith("/")) opened(path);
      return;
    }
    const path = started ? openedPath(line) : undefined;
    if (path?.startsWith("/")) opened(path);
  };
}

/** `123 openat(AT_FDCWD</workspace>, "a", O_RDONLY|O_CLOEXEC) = 3</workspace/a>`, in strace's spelling. */
function openedPath(line: string): string | undefined {
  const found = /^(.*) = \d+<([^<>]*)>(?:\(deleted\))?$/.exec(line);
  // Names are text of the command's: only what stands outside of them are flags.
  const flags = found?.[1]?.replace(/"(?:[^"\\]|\\.)*"|<[^<>]*>/g, "");
  if (flags === undefined || /\bO_(WRONLY|DIRECTORY|PATH)\b|\bcreat\(/.test(flags)) return undefined;
  return unescaped(found?.[2] ?? "");
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" };

/** C escapes of bytes back to text. */
function unescaped(text: string): string {
  const bytes = text.replace(/\\([0-7]{1,3}|.)/g, (_whole, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
