// Runs a script of ours on one folder of the volume, in a sandbox that shows nothing else: whatever links the
// workspace's code planted there, they lead to nothing.
import type { Duplex, Readable, Writable } from "node:stream";
import { launch } from "./launch.ts";
import type { Runtime } from "./runtime.ts";
import type { HolderState } from "./sandbox.ts";
import { folderView } from "./view.ts";

const MESSAGE_BYTES_MAX = 16 * 1024;

export interface FolderScript {
  readonly folder: "inputs" | "work";
  readonly access: "read" | "write";
  /** For sh(1); the folder is `/folder`. */
  readonly script: string;
  /** `$1` and on. */
  readonly args: readonly string[];
}

export interface FolderTask {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** A pipe to the script's descriptor {@link FEED_FD}. */
  readonly feed: Duplex;
  /** Exit code, and the beginning of what it wrote to standard error. */
  readonly ended: Promise<{ readonly exit: number; readonly message: string }>;
  kill(): void;
}

/** Starts a script; read `stdout` to its end, or kill the task. */
export function startFolderTask(runtime: Runtime, state: HolderState, task: FolderScript): FolderTask {
  const { child, feeds, ended } = launch(runtime, state, {
    view: folderView(task.folder, task.access),
    command: [runtime.programs.sh, "-c", task.script, "cloister", ...task.args],
    stdio: ["pipe", "pipe", "pipe"],
    feeds: [undefined],
  });
  const [feed] = feeds;
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr || !feed) throw new TypeError("a folder task has no pipes");
  // A script that ends early says why by its exit code.
  stdin.on("error", () => undefined);
  let message = "";
  stderr.on("data", (chunk) => {
    if (message.length < MESSAGE_BYTES_MAX) message += String(chunk);
  });
  return {
    stdin,
    stdout,
    feed,
    ended: ended.then(({ exit }) => ({ exit, message: message.slice(0, MESSAGE_BYTES_MAX) })),
    kill: () => child.kill("SIGKILL"),
  };
}
