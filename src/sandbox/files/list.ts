// What lies in a workspace, without taking any of it out: find says so from a sandbox that shows nothing but the folders it
// is about. Listed twice, before a command and after it, it shows what the command left: nobody inside can set a ctime, so
// a change that is hidden behind an old mtime shows.
import { printable } from "../../base/terminal.ts";
import type { StartFolderTask } from "./folder-task.ts";
import type { ListedEntry, Listing, ListingOf } from "./listing.ts";
import { pathText } from "./path-text.ts";
import { eachRecord } from "./records.ts";

/** More than these, and a listing is not whole. */
const ENTRIES_MAX = 200_000;
const BYTES_MAX = 64 * 1024 * 1024;
const LIST_MS_MAX = 60_000;

/** Folders that the workspace's code shut are opened first, where that can be done. */
const LIST = `cd /folder && exec find . -mindepth 1 -type d ! -perm -500 -exec chmod u+rx -- {} ";" -o \\
  ! -type d -printf "%y %s %i %T@ %C@ %P\\0"`;

/** Does what {@link Sandbox.list} says, in a workspace that is known to be alive. */
export async function list(start: StartFolderTask, of: ListingOf): Promise<Listing> {
  const [folder, access] = of === "workspace" ? (["work", "write"] as const) : (["kept", "read"] as const);
  const task = start({ folder, access, script: LIST, args: [] });
  task.stdin.end();
  const entries = new Map<string, ListedEntry>();
  let full = false;
  const { exit, message, late } = await eachRecord(task, LIST_MS_MAX, (record, bytesSoFar) => {
    full = entries.size >= ENTRIES_MAX || bytesSoFar > BYTES_MAX;
    if (!full) entries.set(...entryOf(record));
    return !full;
  });
  if (full) return { entries, whole: false, problem: undefined };
  const said = printable(message.trim().slice(0, 500)) || `the sandbox ended with code ${String(exit)}`;
  const problem = late ? `it took longer than ${String(LIST_MS_MAX / 1000)} s` : exit === 0 ? undefined : said;
  return { entries, whole: problem === undefined, problem };
}

/** One line of {@link LIST}; only the path, which is last, may hold a space. */
function entryOf(record: Buffer): [path: string, entry: ListedEntry] {
  let at = -1;
  for (let field = 0; field < 5; field++) at = record.indexOf(" ", at + 1);
  const state = record.toString("latin1", 0, at);
  const [kind, bytes] = state.split(" ");
  return [pathText(record.subarray(at + 1)), { bytes: Number(bytes), isFile: kind === "f", state }];
}
