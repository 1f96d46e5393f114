// Starts the scripts that deal with files, in a bubblewrap sandbox of one folder.
import type { FolderScript, FolderTask } from "../files/folder-task.ts";
import { beginningOf } from "../host/spawn.ts";
import type { HolderState } from "../sandbox.ts";
import { launch } from "./launch.ts";
import type { Runtime } from "./runtime.ts";
import { folderView } from "./view.ts";

const MESSAGE_CHARS_MAX = 16 * 1024;

/** See {@link StartFolderTask}. */
export function startFolderTask(runtime: Runtime, state: HolderState, task: FolderScript): FolderTask {
  const view = folderView(task.folder, task.access);
  const command = [runtime.programs.sh, "-c", task.script, "cloister", ...task.args];
  const { child, ended } = launch(runtime, state, { view, command, feeds: [] }, ["pipe", "pipe", "pipe"]);
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new TypeError("a folder task has no pipes");
  // A script that ends early says why by its exit code.
  stdin.on("error", () => undefined);
  const message = beginningOf(stderr, MESSAGE_CHARS_MAX);
  return {
    stdin,
    stdout,
    ended: ended.then(({ exit }) => ({ exit, message: message() })),
    kill: () => child.kill("SIGKILL"),
  };
}
