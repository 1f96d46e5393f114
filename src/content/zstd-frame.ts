// What a frame of compressed content may look like (RFC 8878): known before anything is decompressed.

const MAGIC = 0xfd2fb528;
/** One segment, no checksum, no dictionary, no bit that means nothing: only the size of the content's size is left open. */
const DESCRIPTOR = 0b0010_0000;
const DESCRIPTOR_MASK = 0b0011_1111;
const BLOCK_MAX = 128 * 1024;
const [RAW, RUN, COMPRESSED] = [0, 1, 2];
/** Of a frame that holds anything, in bytes. */
export const FRAME_MIN = 4 + 1 + 1 + 3;

/**
 * Whether these bytes are exactly one frame that says that it holds `contentBytes` bytes, in one segment and without a
 * dictionary, and whose blocks could not be more: a decoder that is given as much room needs no more for anything.
 */
export function isFrameOf(frame: Buffer, contentBytes: number): boolean {
  if (frame.length < FRAME_MIN || frame.readUInt32LE(0) !== MAGIC) return false;
  const descriptor = frame[4] ?? 0;
  if ((descriptor & DESCRIPTOR_MASK) !== DESCRIPTOR) return false;
  const size = contentSize(frame, descriptor >>> 6);
  return size?.bytes === contentBytes && blocksFit(frame, size.end, contentBytes);
}

function contentSize(frame: Buffer, kind: number): { readonly bytes: number; readonly end: number } | undefined {
  const length = 2 ** kind;
  const end = 5 + length;
  if (end > frame.length) return undefined;
  if (kind === 0) return { bytes: frame.readUInt8(5), end };
  if (kind === 1) return { bytes: frame.readUInt16LE(5) + 256, end };
  return { bytes: kind === 2 ? frame.readUInt32LE(5) : Number(frame.readBigUInt64LE(5)), end };
}

/** From the first block's header to exactly the end of the frame. */
function blocksFit(frame: Buffer, from: number, contentBytes: number): boolean {
  const longest = Math.min(contentBytes, BLOCK_MAX);
  let known = 0;
  for (let at = from; at + 3 <= frame.length; ) {
    const header = frame.readUIntLE(at, 3);
    const kind = (header >>> 1) & 3;
    const size = header >>> 3;
    if (kind > COMPRESSED || size > longest) return false;
    if (kind === RAW || kind === RUN) known += size;
    if (known > contentBytes) return false;
    at += 3 + (kind === RUN ? 1 : size);
    if ((header & 1) === 1) return at === frame.length;
  }
  return false;
}
