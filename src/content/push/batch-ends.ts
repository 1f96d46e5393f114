// Where one batch of small files ends and the next begins.

/** What most batches have, roughly. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** What a file weighs besides its bytes. */
const FILE_BYTES = 1024;

/** No batch is larger, whatever its files are called. */
export const BATCH_BYTES_MAX = 16 * 1024 * 1024;
export const BATCH_FILES_MAX = 8192;

/**
 * Whether a batch ends with this file. Its own path and size decide, so that a file that comes or goes moves no border but
 * those beside it, and all other batches are what they were in an earlier version.
 */
export function endsBatch(path: string, bytes: number): boolean {
  return hash(path) / 2 ** 32 < (bytes + FILE_BYTES) / BATCH_BYTES;
}

/** FNV-1a over UTF-16 units, and the last step of MurmurHash3, so that all bits depend on all of the path. */
function hash(path: string): number {
  let mixed = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) mixed = Math.imul(mixed ^ path.charCodeAt(i), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
