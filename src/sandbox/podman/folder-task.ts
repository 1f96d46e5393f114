// Starts the scripts that deal with files, in a container that shows one folder of the volume.
import type { Readable, Writable } from "node:stream";
import { type FolderScript, type FolderTask, placesOf } from "../files/folder-task.ts";
import { beginningOf } from "../host/spawn.ts";
import { type Held, launch, STREAMS_FD } from "./launch.ts";
import type { Runtime } from "./runtime.ts";

const MESSAGE_CHARS_MAX = 16 * 1024;
/** Room for the list of all names in a folder. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;

/** See {@link StartFolderTask}. */
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
  const said = beginningOf(stderr, MESSAGE_CHARS_MAX);
  const ended = launched.ended.then(({ exit, started, message }) =>
    started ? { exit, message: said() } : { exit: exit || -1, message },
  );
  return { stdin, stdout, ended, kill: launched.kill };
}
