// What a script on a folder prints about files: records that end with NUL, the one byte that no name holds.
import type { FolderTask } from "./folder-task.ts";

/** How the script ended. */
export interface RecordsEnd {
  readonly exit: number;
  /** The beginning of what it wrote to standard error. */
  readonly message: string;
  /** True where it was ended because its time was over. */
  readonly late: boolean;
}

/**
 * Hands out a task's records until there are no more, `take` has had enough, or the time is over. The task is over then.
 *
 * @param take returns false for no more; `bytesSoFar` is the size of all that was printed up to here
 */
export async function eachRecord(
  task: FolderTask,
  msMax: number,
  take: (record: Buffer, bytesSoFar: number) => boolean,
): Promise<RecordsEnd> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    task.kill();
  }, msMax);
  let ends = false;
  try {
    ends = await read(task, take);
  } finally {
    clearTimeout(timer);
    if (!ends) task.kill();
  }
  return { ...(await task.ended), late };
}

/** @returns true where there was no more to read, so that the task ends by itself */
async function read(task: FolderTask, take: (record: Buffer, bytesSoFar: number) => boolean): Promise<boolean> {
  let [rest, bytes] = [Buffer.alloc(0), 0];
  for await (const chunk of task.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    let data = Buffer.concat([rest, chunk]);
    for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0)) {
      if (!take(data.subarray(0, end), bytes)) return false;
      data = data.subarray(end + 1);
    }
    rest = data;
  }
  return true;
}
