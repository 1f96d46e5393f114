// A container outlives the podman that started it, and ours. So a shell on the host, out of its reach, waits beside each
// command's, and beside a workspace that is being made: it removes the container when the process that started it ends, or
// the workspace does.
import { spawn } from "node:child_process";
import type { ProcessIdentity } from "../host/process.ts";
import { VOLUME } from "./holder.ts";
import { engine, type Runtime } from "./runtime.ts";

/**
 * $1 pid and $2 start time of the holder, $3 the holder's container, $4 the command's; the rest is podman. It is told by
 * a line that the command has ended, or the workspace is to be kept; an end of file says that the process that would have told so has.
 */
const WATCH = `pid=$1 start=$2 holder=$3 name=$4
shift 4
remove() {
  "$@" rm --force --ignore --time 0 "$name"
  "$@" volume rm --force "$name"
  "$@" exec "$holder" rm -rf "${VOLUME}/secrets/$name"
  exit
}
alive() {
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

/** Starts watching; call `release` once the command has ended, or the workspace is to be kept. */
export function watchOver(
  runtime: Runtime,
  { pid, startTime, container: holder }: ProcessIdentity & { readonly container: string },
  container: string,
): { release(): void } {
  const command = ["-c", WATCH, "watch", String(pid), startTime, holder, container, ...engine(runtime)];
  const child = spawn(runtime.programs.sh, command, {
    ...{ cwd: "/", env: runtime.environment, detached: true },
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const line = child.stdio[3];
  if (!line || !("end" in line)) throw new TypeError("the watching shell has no pipe");
  child.on("error", () => undefined);
  line.on("error", () => undefined);
  child.unref();
  if ("unref" in line && typeof line.unref === "function") line.unref();
  return { release: () => line.end("ended\n") };
}
