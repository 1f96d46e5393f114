// Which files lie in a workspace, and what is in them, without taking any out: find and sha256sum say so from a sandbox that
// shows nothing but /workspace.
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { Listed, ListedFile } from "../sandbox.ts";
import type { FolderTask, StartFolderTask } from "./folder-task.ts";

/** Folders made unreadable, which would hide something, are opened. Names end with NUL, the one byte none of them holds. */
const LIST = `find /folder -mindepth 1 -type d ! -perm -500 -exec chmod u+rx -- {} ";" -o -type f -printf "%s/%P\\0" |
head -z -n "$1" | head -c "$2"`;
/** Names of a hundred thousand files have a tenth; a path inside may be as long as its folders are deep. */
const LIST_BYTES_MAX = 64 * 1024 * 1024;

/** A file may have become something else since it was listed, which would never be read to its end. */
const DIGEST_MS = 60_000;
const DIGEST = `cd /folder && exec xargs -0 -r sha256sum -z --`;

/** Does what {@link Sandbox.list} says, in a workspace that is known to be alive. */
export async function list(start: StartFolderTask, filesMax: number): Promise<Listed> {
  const task = start({
    folder: "work",
    access: "write",
    script: LIST,
    args: [filesMax + 1, LIST_BYTES_MAX].map(String),
  });
  task.stdin.end();
  const { texts, bytes } = await records(task);
  const files = texts.map((record): ListedFile => {
    const at = record.indexOf("/");
    return { bytes: Number(record.slice(0, at)), name: record.slice(at + 1) };
  });
  const { exit, message } = await task.ended;
  if (exit !== 0) {
    throw new CloisterError("FAILURE", "what lies in the workspace could not be listed", {
      why: printable(message.trim().slice(0, 500)) || `the sandbox ended with code ${String(exit)}`,
    });
  }
  return { files: files.slice(0, filesMax), complete: files.length <= filesMax && bytes < LIST_BYTES_MAX };
}

/** Does what {@link Sandbox.digest} says, in a workspace that is known to be alive. */
export async function digest(
  start: StartFolderTask,
  files: readonly ListedFile[],
): Promise<ReadonlyMap<string, string>> {
  if (files.length === 0) return new Map();
  const task = start({ folder: "work", access: "read", script: DIGEST, args: [] });
  const timer = setTimeout(() => task.kill(), DIGEST_MS);
  try {
    task.stdin.end(Buffer.from(files.map(({ name }) => `./${name}\0`).join(""), "latin1"));
    const { texts: lines } = await records(task);
    await task.ended;
    // `<hex>  ./<name>`; for files that are gone or cannot be read there is no line.
    return new Map(lines.map((line) => [line.slice(64 + "  ./".length), line.slice(0, 64)]));
  } finally {
    clearTimeout(timer);
  }
}

/** What it writes, cut at NUL; one character for each byte. */
async function records(task: FolderTask): Promise<{ readonly texts: readonly string[]; readonly bytes: number }> {
  const chunks: Buffer[] = [];
  for await (const chunk of task.stdout) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  return { texts: all.toString("latin1").split("\0").slice(0, -1), bytes: all.length };
}
