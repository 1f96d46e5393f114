// Files on their way in or out of a workspace: counted, told as progress, and stopped where the person interrupts.
import type { FileEntry } from "../../base/file-entry.ts";
import { checkAborted } from "../../content/abort.ts";
import type { Session } from "../session.ts";

/** What went by so far. */
export interface Tally {
  files: number;
  bytes: number;
}

/**
 * The same files, counted as they are read.
 * @param bytesTotal where it is known
 * @throws CloisterError INTERRUPTED, while reading
 */
export async function* copying(
  { host }: Session,
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
  bytesTotal: number | undefined,
  tally: Tally = { files: 0, bytes: 0 },
): AsyncGenerator<FileEntry> {
  for await (const file of files) {
    checkAborted(host.signal);
    if (file.kind !== "directory") tally.files++;
    yield {
      ...file,
      read: async function* () {
        for await (const piece of file.read()) {
          checkAborted(host.signal);
          tally.bytes += piece.length;
          host.progress({ step: "copying", bytes: tally.bytes, bytesTotal });
          yield piece;
        }
      },
    };
  }
}
