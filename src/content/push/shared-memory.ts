// The memory of the shared chunks: buffers that grow while threads use them, and what their header says.
import { randomBytes } from "node:crypto";

/** What threads are sent; see `SharedChunks.open`. */
export interface SharedChunkMemory {
  readonly header: SharedArrayBuffer;
  readonly digests: SharedArrayBuffer;
  readonly columns: SharedArrayBuffer;
  readonly states: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
}

/** Words of the header. The salt has 8, the counts of levels 16, each counter 2. */
export const NEXT_ROW = 0;
export const LEVELS = 1;
export const FIRST_LEVEL_BITS = 2;
export const SALT = 4;
export const LEVEL_COUNTS = 12;
export const COUNTERS = 28;
const HEADER_WORDS = 32;

/** What V8 lets one shared buffer grow to. It takes memory only as it is used. */
export const BUFFER_BYTES_MAX = 2 ** 32;
const GROWTH_BYTES = 1024 * 1024;

/** Memory for no chunks yet. @param expected chunks, roughly */
export function makeMemory(expected: number): SharedChunkMemory {
  const growable = () => new SharedArrayBuffer(0, { maxByteLength: BUFFER_BYTES_MAX });
  const memory: SharedChunkMemory = {
    header: new SharedArrayBuffer(HEADER_WORDS * 4),
    digests: growable(),
    columns: growable(),
    states: growable(),
    slots: growable(),
  };
  const header = new Int32Array(memory.header);
  // Trees are written by others, who must not be able to make all digests fall into one slot.
  for (let word = 0; word < 8; word++) header[SALT + word] = randomBytes(4).readInt32LE() | 1;
  const bits = Math.min(26, Math.max(12, Math.ceil(Math.log2(expected * 2 + 1))));
  header[FIRST_LEVEL_BITS] = bits;
  header[LEVELS] = 1;
  grow(memory.slots, 4 * 2 ** bits);
  return memory;
}

/** Slots in all levels before this one. At most 2^30, so that 32 bits do. */
export function levelStart(firstBits: number, level: number): number {
  return (((1 << (2 * level)) - 1) / 3) << firstBits;
}

export function grow(buffer: SharedArrayBuffer, bytes: number): void {
  if (buffer.byteLength >= bytes) return;
  const ample = Math.max(bytes, Math.min(buffer.byteLength * 1.25, buffer.byteLength + 64 * GROWTH_BYTES));
  const whole = Math.min(BUFFER_BYTES_MAX, Math.ceil(ample / GROWTH_BYTES) * GROWTH_BYTES);
  try {
    buffer.grow(whole);
  } catch (error) {
    // Another thread was faster, and further.
    if (buffer.byteLength < bytes) throw error;
  }
}
