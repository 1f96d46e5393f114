// How a large file is divided among workers.
import type { FileHandle } from "node:fs/promises";
import { headBytes, tensorPieces } from "./safetensors.ts";

/** A worker reads, cuts and seals a part in some 80 ms. */
export const PART_BYTES = 64 * 1024 * 1024;
/** Inside a tensor, counted from where it starts; also the length of the longest chunk that there is. */
export const TENSOR_CUT = 256 * 1024;

/** To be spread into a `part` job of `push/job.ts`. */
export interface Part {
  readonly from: number;
  readonly to: number;
  /** Of a safetensors file: ends of the pieces, ascending, the last is `to`. */
  readonly cuts: Float64Array | undefined;
}

/**
 * Parts of at most 64 MiB in order, without gaps: of a safetensors file between tensors, or a multiple of 256 KiB after the
 * start of one, so that it does not matter for its chunks where in the file a tensor lies. Any other file, also one that
 * only looks like one, is divided at fixed places and cut by its content.
 *
 * Reads nothing but the head of the file. What it reads need not be true: each worker makes sure that the file is still
 * what the scan found.
 *
 * @param file open for reading
 * @param bytes its size, more than 0
 * @throws what reading throws
 */
export async function planParts(file: FileHandle, bytes: number): Promise<readonly Part[]> {
  const length = headBytes(await readHead(file, 9), bytes);
  const head = length === undefined ? undefined : await readHead(file, length);
  const pieces = head && head.length === length ? tensorPieces(head, bytes) : undefined;
  return pieces ? tensorParts(pieces) : plainParts(bytes);
}

async function readHead(file: FileHandle, bytes: number): Promise<Buffer> {
  const head = Buffer.alloc(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(head, done, bytes - done, done);
    if (bytesRead === 0) return head.subarray(0, done);
    done += bytesRead;
  }
  return head;
}

function plainParts(bytes: number): readonly Part[] {
  const count = Math.ceil(bytes / PART_BYTES);
  return Array.from({ length: count }, (_, i) => {
    return { from: i * PART_BYTES, to: Math.min(bytes, (i + 1) * PART_BYTES), cuts: undefined };
  });
}

function tensorParts(pieces: readonly number[]): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  let cuts: number[] = [];
  let start = 0;
  const close = (to: number) => {
    if (to === from) return;
    if (cuts.at(-1) !== to) cuts.push(to);
    parts.push({ from, to, cuts: Float64Array.from(cuts) });
    from = to;
    cuts = [];
  };
  for (const end of pieces) {
    while (end - from > PART_BYTES) {
      const room = from + PART_BYTES - start;
      start += room - (room % TENSOR_CUT);
      close(start);
    }
    cuts.push(end);
    start = end;
  }
  close(start);
  return parts;
}
