// What is kept in a workspace between commands, seen twice: before a command and after it, so that it can be said what the
// command left. Times and inodes tell; nobody inside can set a ctime, so a change that is hidden behind an old mtime shows.
import type { StartFolderTask } from "./folder-task.ts";

/** More than these, and a snapshot is not whole. */
const ENTRIES_MAX = 200_000;
const BYTES_MAX = 64 * 1024 * 1024;
const SCAN_MS_MAX = 60_000;

/** Folders that keep what commands leave, in the view of a task on `kept`. */
const LIST = `cd /folder && exec find * ! -type d -printf '%y %s %i %T@ %C@ %p\\0'`;
export interface SnapshotEntry {
  readonly bytes: number;
  readonly isFile: boolean;
  /** Differs from that of any other state of the file. */
  readonly state: string;
}

export interface Snapshot {
  /**
   * By path: `work/…` for what lies in `/workspace`, and `home/…`, `tmp/…`, `vartmp/…`, `shm/…`, `run/…`. Everything that
   * is no folder; names as hostile code chose them, with U+FFFD where they are not UTF-8.
   */
  readonly entries: ReadonlyMap<string, SnapshotEntry>;
  /** False where there was too much, or something could not be looked into: then nothing follows from what is not there. */
  readonly whole: boolean;
}

/** Does what {@link Sandbox.snapshot} says, in a workspace that is known to be alive. */
export async function snapshot(start: StartFolderTask): Promise<Snapshot> {
  const task = start({ folder: "kept", access: "read", script: LIST, args: [] });
  task.stdin.end();
  const entries = new Map<string, SnapshotEntry>();
  let cut = false;
  const ended = await piecesOf(task, SCAN_MS_MAX, (record) => {
    const [kind, bytes, inode, modified, changed, ...name] = record.split(" ");
    const state = [kind, bytes, inode, modified, changed].join(" ");
    entries.set(name.join(" "), { bytes: Number(bytes), isFile: kind === "f", state });
    cut = entries.size >= ENTRIES_MAX;
    return !cut;
  });
  const { exit } = await task.ended;
  return { entries, whole: exit === 0 && ended && !cut };
}

/**
 * NUL-ended records of a task's output, until there are no more, `take` has had enough, or the time is over.
 *
 * @returns false where there are more bytes than may be: a single path may be as long as its folders are deep
 */
async function piecesOf(
  task: ReturnType<StartFolderTask>,
  msMax: number,
  take: (record: string) => boolean,
): Promise<boolean> {
  const timer = setTimeout(task.kill, msMax);
  let rest: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of task.stdout as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BYTES_MAX) return false;
      rest.push(chunk);
      if (!chunk.includes(0)) continue;
      let data = Buffer.concat(rest);
      for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0)) {
        if (!take(data.toString("utf8", 0, end))) return true;
        data = data.subarray(end + 1);
      }
      rest = [data];
    }
    return true;
  } finally {
    clearTimeout(timer);
    // Where it has ended by itself, it does not mind.
    task.kill();
  }
}
