// What a script on a folder prints about files: records that end with NUL, the one byte that no name holds.
import type { FolderTask } from "./folder-task.ts";

/** How the script ended. */
export interface RecordsEnd {
  readonly exit: number;
  /** The beginning of what it wrote to standard error. */
  readonly message: string;
  /** True where it was ended because its time was over. */
  readonly late: boolean;
  /** True where it was ended because there was enough. */
  readonly cut: boolean;
}

export interface Bounds {
  readonly msMax: number;
  /** A single path may be as long as its folders are deep. */
  readonly bytesMax?: number;
}

/**
 * Hands out a task's records until there are no more, there are more bytes than may be, `take` has had enough, or the time
 * is over. The task is over then.
 *
 * @param take returns false for no more
 */
export async function eachRecord(
  task: FolderTask,
  { msMax, bytesMax = Number.POSITIVE_INFINITY }: Bounds,
  take: (record: Buffer) => boolean,
): Promise<RecordsEnd> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    task.kill();
  }, msMax);
  let whole = false;
  try {
    whole = await read(task, bytesMax, take);
  } finally {
    clearTimeout(timer);
    if (!whole) task.kill();
  }
  return { ...(await task.ended), late, cut: !whole };
}

/** @returns true where there was no more to read, so that the task ends by itself */
async function read(task: FolderTask, bytesMax: number, take: (record: Buffer) => boolean): Promise<boolean> {
  let rest: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of task.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return false;
    rest.push(chunk);
    if (!chunk.includes(0)) continue;
    let data = Buffer.concat(rest);
    for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0)) {
      if (!take(data.subarray(0, end))) return false;
      data = data.subarray(end + 1);
    }
    rest = [data];
  }
  return true;
}
