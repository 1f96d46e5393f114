// Starts the scripts that deal with files, in a container that shows one folder of the volume.
import type { Readable, Writable } from "node:stream";
import { type FolderScript, type FolderTask, placesOf } from "../files/folder-task.ts";
import { type Held, launch, STREAMS_FD } from "./launch.ts";
import type { Runtime } from "./runtime.ts";

const MESSAGE_BYTES_MAX = 16 * 1024;
/** Room for the list of all names in a folder. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;

/** Starts a script; read `stdout` to its end, or kill the task. */
export function startFolderTask(runtime: Runtime, state: Held, task: FolderScript): FolderTask {
  const launched = launch(runtime, state, {
    mounts: placesOf(task.folder).map(([folder, path]) => ({ folder, path, access: task.access })),
    scratchBytes: LIST_BYTES_MAX,
    cwd: "/folder",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
    argv: ["/bin/sh", "-c", task.script, "cloister", ...task.args],
    stdio: ["pipe", "pipe", "pipe"],
    sharesLoopback: false,
  });
  const [stdin, stdout, stderr] = launched.child.stdio.slice(STREAMS_FD) as unknown as [Writable, Readable, Readable];
  // A script that ends early says why by its exit code.
  stdin.on("error", () => undefined);
  let said = "";
  stderr.on("data", (chunk) => {
    if (said.length < MESSAGE_BYTES_MAX) said += String(chunk);
  });
  const ended = launched.ended.then(({ exit, started, message }) =>
    started ? { exit, message: said } : { exit: exit || -1, message },
  );
  return { stdin, stdout, ended, kill: () => void launched.kill() };
}
