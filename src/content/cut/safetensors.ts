// Where the tensors of a safetensors file begin and end: an 8-byte little-endian length, that many bytes of JSON, the
// tensors. Whatever is said in there is somebody else's word; a file that is not like that is cut as any other.

/** Bytes at the beginning that say how long the header is. */
const LENGTH_BYTES = 8;
/** Some 40,000 tensors. A longer header is not read: what JSON makes of hostile megabytes is many times as large. */
const HEADER_MAX = 4 * 1024 * 1024;
/** Tensors that are smaller are joined with their neighbours until they have as much. */
const PIECE_MIN = 32 * 1024;
/** `{` */
const OPENING = 0x7b;

/** How many bytes from the beginning on {@link tensorPieces} needs, by the first nine; undefined if it is another kind of file. */
export function headBytes(first: Buffer, fileBytes: number): number | undefined {
  if (first.length <= LENGTH_BYTES || first[LENGTH_BYTES] !== OPENING || first.readUInt32LE(4) !== 0) return undefined;
  const bytes = first.readUInt32LE(0);
  return bytes <= HEADER_MAX && LENGTH_BYTES + bytes <= fileBytes ? LENGTH_BYTES + bytes : undefined;
}

/**
 * Ends of the pieces of a safetensors file, ascending, the last is `fileBytes`. The header is a piece, and so is each
 * tensor; small ones that follow one another are one piece. Tensors that overlap begin a piece wherever one begins or ends.
 *
 * @param head as many bytes as {@link headBytes} says
 * @returns undefined where the header is not what the format says
 */
export function tensorPieces(head: Buffer, fileBytes: number): readonly number[] | undefined {
  const borders = tensorBorders(head, fileBytes);
  if (!borders) return undefined;
  const ends: number[] = [head.length];
  let start = head.length;
  for (const [i, border] of borders.entries()) {
    const next = borders[i + 1];
    const large = border - start >= PIECE_MIN || (next !== undefined && next - border >= PIECE_MIN);
    if (!large && next !== undefined) continue;
    ends.push(border);
    start = border;
  }
  return ends;
}

/** Ascending and without the header's end; the last is the end of the file. */
function tensorBorders(head: Buffer, fileBytes: number): readonly number[] | undefined {
  const header = parsed(head.subarray(LENGTH_BYTES));
  if (typeof header !== "object" || header === null || Array.isArray(header)) return undefined;
  const room = fileBytes - head.length;
  const borders = new Set<number>([room]);
  for (const [name, tensor] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const offsets = offsetsOf(tensor);
    if (!offsets || offsets[0] > offsets[1] || offsets[1] > room) return undefined;
    if (offsets[0] < offsets[1]) for (const offset of offsets) borders.add(offset);
  }
  borders.delete(0);
  return Array.from(borders, (offset) => head.length + offset).sort((a, b) => a - b);
}

function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    return undefined;
  }
}

/** First byte and the one after the last, relative to the header's end. */
function offsetsOf(tensor: unknown): readonly [number, number] | undefined {
  const offsets = (tensor as { data_offsets?: unknown } | null)?.data_offsets;
  if (!Array.isArray(offsets) || offsets.length !== 2) return undefined;
  const [begin, end]: unknown[] = offsets;
  return isOffset(begin) && isOffset(end) ? [begin, end] : undefined;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
