// Starts the scripts that deal with files, in a bubblewrap sandbox of one folder.
import type { FolderScript, FolderTask } from "../files/folder-task.ts";
import type { HolderState } from "../sandbox.ts";
import { launch } from "./launch.ts";
import type { Runtime } from "./runtime.ts";
import { folderView } from "./view.ts";

const MESSAGE_BYTES_MAX = 16 * 1024;

/** Starts a script; read `stdout` to its end, or kill the task. */
export function startFolderTask(runtime: Runtime, state: HolderState, task: FolderScript): FolderTask {
  const { child, ended } = launch(runtime, state, {
    view: folderView(task.folder, task.access),
    command: [runtime.programs.sh, "-c", task.script, "cloister", ...task.args],
    stdio: ["pipe", "pipe", "pipe"],
    feeds: [],
  });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new TypeError("a folder task has no pipes");
  // A script that ends early says why by its exit code.
  stdin.on("error", () => undefined);
  let message = "";
  stderr.on("data", (chunk) => {
    if (message.length < MESSAGE_BYTES_MAX) message += String(chunk);
  });
  return {
    stdin,
    stdout,
    ended: ended.then(({ exit }) => ({ exit, message: message.slice(0, MESSAGE_BYTES_MAX) })),
    kill: () => child.kill("SIGKILL"),
  };
}
