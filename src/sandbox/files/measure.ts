import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { StartFolderTask } from "./folder-task.ts";

/** Kind and size of everything that is no folder. Folders made unreadable, which would hide something, are opened. */
const MEASURE = `exec find /folder -mindepth 1 -type d ! -perm -500 -exec chmod u+rx -- {} ";" -o ! -type d -printf "%y%s\\n"`;

/** Does what {@link Sandbox.measure} says, in a workspace that is known to be alive. */
export async function measure(start: StartFolderTask): Promise<{ files: number; bytes: number }> {
  const task = start({ folder: "work", access: "write", script: MEASURE, args: [] });
  task.stdin.end();
  let files = 0;
  let bytes = 0;
  let rest = "";
  for await (const chunk of task.stdout) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    files += lines.length;
    for (const line of lines) if (line.startsWith("f")) bytes += Number(line.slice(1));
  }
  const { exit, message } = await task.ended;
  if (exit === 0) return { files, bytes };
  throw new CloisterError("FAILURE", "what lies in the workspace could not be counted", {
    why: printable(message.trim().slice(0, 500)) || `the sandbox ended with code ${String(exit)}`,
  });
}
