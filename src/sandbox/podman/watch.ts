// A container outlives the podman that started it, and ours. So a shell on the host, out of its reach, waits beside each
// command's, and beside a workspace that is being made: it removes the container when the process that started it ends, or
// the workspace does.
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { ProcessIdentity } from "../host/process.ts";
import { engine, type Runtime } from "./runtime.ts";

/**
 * $1 pid and $2 start time of the holder, empty while it is being made; $3 the container to remove, $4 pid of the
 * podman that starts that one and might not have come so far; the rest is podman. It is told by a line that the
 * command has ended, or the workspace is to be kept; an end of file says that the process that would have told so has.
 */
const WATCH = `pid=$1 start=$2 name=$3 client=$4
shift 4
remove() {
  for each in "$client" $(cat "/proc/$client/task/$client/children"); do
    case $(cat "/proc/$each/cmdline" | tr "\\0" " ") in *"$name"*) kill -KILL "$each" ;; esac
  done
  "$@" rm --force --ignore --time 0 "$name"
  "$@" volume rm --force "$name"
  exit
}
alive() {
  [ -n "$pid" ] || return 0
  read -r stat <"/proc/$pid/stat" || return
  set -- \${stat##*) }
  [ "\${20}" = "$start" ]
}
trap 'remove "$@"' USR1
trap 'exit' TERM
(if read -r _; then kill -TERM $$; else kill -USR1 $$; fi) <&3 &
exec 3<&-
while alive; do sleep 1; done
remove "$@"`;

/**
 * Starts watching; call `release` once the command has ended, or the workspace is to be kept.
 *
 * @param holder undefined while it is the holder that is being made
 * @param client the podman that makes the container
 */
export function watchOver(
  runtime: Runtime,
  holder: ProcessIdentity | undefined,
  container: string,
  client: number | undefined,
): Watch {
  const { pid = "", startTime = "" } = holder ?? {};
  const words = [String(pid), startTime, container, String(client ?? "")];
  const child = spawn(runtime.programs.sh, ["-c", WATCH, "watch", ...words, ...engine(runtime)], {
    ...{ cwd: "/", env: runtime.environment, detached: true },
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  return lineTo(child);
}

/** Told nothing, it does what the rest says: twice, as what it undoes may have been under way. */
const UNLESS_TOLD = `read -r _ <&3 && exit
exec 3<&-
"$@"
sleep 2
"$@"`;

/** Runs a command once this process ends, however it does, unless it calls `release` before. */
export function afterOurEnd(runtime: Runtime, command: readonly string[]): Watch {
  const child = spawn(runtime.programs.sh, ["-c", UNLESS_TOLD, "watch", ...command], {
    ...{ cwd: "/", env: runtime.environment, detached: true },
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  return lineTo(child);
}

/** A line to a shell that waits for one; neither keeps this process from ending. */
function lineTo(child: ChildProcess): Watch {
  const line = child.stdio[3] as Socket;
  child.on("error", () => undefined);
  line.on("error", () => undefined);
  child.unref();
  line.unref();
  return { release: () => line.end("ended\n") };
}

export interface Watch {
  release(): void;
}
