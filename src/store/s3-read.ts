// Reading from a bucket: never more than was asked for or allowed, whole or not at all, large things in parallel.
import { CloisterError, integrity } from "../base/errors.ts";
import type { Attempt, S3Connection } from "./s3-connection.ts";
import { answerOf, isMissing } from "./s3-failure.ts";

/** Bytes of one part of a large object, and how many are under way at once: for reading and for writing. */
export const PART_BYTES = 16 * 1024 * 1024;
export const PARTS_AT_ONCE = 4;

/** An object's body as the SDK gives it in Node. */
interface Body extends AsyncIterable<Uint8Array> {
  destroy(): void;
}

/**
 * The whole object under a key, or undefined where there is none.
 * @param name what to call it in an error
 * @throws CloisterError INTEGRITY where it has more than `bytesMax`
 */
export async function readWhole(
  connection: S3Connection,
  key: string,
  { name, bytesMax }: { readonly name: string; readonly bytesMax: number },
): Promise<Uint8Array | undefined> {
  const { bucket } = connection.access;
  const found = await connection.attempt({ action: "s3:GetObject", key }, async (attempt) => {
    const { sdk, client, quick } = attempt;
    try {
      const answer = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }), quick);
      const body = bodyOf(answer.Body);
      const bytes = answer.ContentLength;
      if (bytes !== undefined && bytes > bytesMax) {
        body.destroy();
        throw tooLarge(name, bytes, bytesMax);
      }
      if (bytes !== undefined && bytes > PART_BYTES) {
        body.destroy();
        return bytes;
      }
      const read = await readBody(body, bytes ?? bytesMax, attempt);
      if (read.more && bytes === undefined) throw tooLarge(name, bytesMax + 1, bytesMax);
      return exactly(read, bytes ?? read.bytes.length);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
  return typeof found === "number" ? await readRange(connection, key, 0, found) : found;
}

/**
 * Up to `length` bytes from `from`; fewer at the end of the object; undefined where there is no object.
 * @param into memory that an answer of one part is put into
 */
export async function readRange(
  connection: S3Connection,
  key: string,
  from: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (length <= 0) return await exists(connection, key);
  if (length <= PART_BYTES) return await readPart(connection, key, from, length, into);
  const parts: Uint8Array[] = [];
  let missing = false;
  let next = 0;
  const count = Math.ceil(length / PART_BYTES);
  const work = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      const start = at * PART_BYTES;
      const part = await readPart(connection, key, from + start, Math.min(PART_BYTES, length - start));
      missing ||= part === undefined;
      parts[at] = part ?? new Uint8Array();
      // The object ends here: later parts, but for those under way, are empty.
      if (parts[at].length < PART_BYTES) next = count;
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARTS_AT_ONCE, count) }, work));
  return missing ? undefined : Buffer.concat(parts.filter((part) => part.length > 0));
}

async function readPart(
  connection: S3Connection,
  key: string,
  from: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array | undefined> {
  const { bucket } = connection.access;
  return await connection.attempt({ action: "s3:GetObject", key }, async (attempt) => {
    const { sdk, client, quick } = attempt;
    const range = `bytes=${String(from)}-${String(from + length - 1)}`;
    try {
      const answer = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key, Range: range }), quick);
      const body = bodyOf(answer.Body);
      const bytes = answer.ContentLength;
      // Where the whole object is what was asked for, a server may leave the range out of its answer.
      const starts =
        answer.ContentRange === undefined ? from === 0 : answer.ContentRange.startsWith(`bytes ${String(from)}-`);
      if (!starts || bytes === undefined || bytes > length) {
        body.destroy();
        throw noRanges();
      }
      return exactly(await readBody(body, bytes, attempt, into), bytes);
    } catch (error) {
      if (isMissing(error)) return undefined;
      // It ends before `from`.
      if (answerOf(error).status === 416) return new Uint8Array();
      throw error;
    }
  });
}

/** No range has no bytes: whether there is an object is all there is to say. */
async function exists(connection: S3Connection, key: string): Promise<Uint8Array | undefined> {
  const { bucket } = connection.access;
  return await connection.attempt({ action: "s3:GetObject", key }, async ({ sdk, client, quick }) => {
    try {
      await client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }), quick);
      return new Uint8Array();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
}

function bodyOf(body: unknown): Body {
  if (body !== null && typeof body === "object" && Symbol.asyncIterator in body && "destroy" in body)
    return body as Body;
  throw new CloisterError("FAILURE", "the store failed", { why: "it answered without a body" });
}

interface Read {
  readonly bytes: Uint8Array;
  /** There was more than was wanted. */
  readonly more: boolean;
}

/** The first `bytesMax` bytes of a body, in `into` where that is given; whatever the server announced, no more are kept. */
async function readBody(body: Body, bytesMax: number, { signal }: Attempt, into?: Uint8Array): Promise<Read> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const stop = () => body.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const piece of body) {
      // Another attempt may fill the same memory by now.
      signal.throwIfAborted();
      if (bytes + piece.length > bytesMax) {
        bytes = bytesMax + 1;
        break;
      }
      if (into) into.set(piece, bytes);
      else pieces.push(piece);
      bytes += piece.length;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    body.destroy();
  }
  const more = bytes > bytesMax;
  return { bytes: into ? into.subarray(0, Math.min(bytes, bytesMax)) : Buffer.concat(pieces), more };
}

/** What broke off is asked for again. */
function exactly({ bytes, more }: Read, length: number): Uint8Array {
  if (!more && bytes.length === length) return bytes;
  throw new CloisterError("UNAVAILABLE", "the store does not answer properly", {
    why: `an answer of ${String(length)} bytes ended after ${String(bytes.length)}`,
    next: "try again",
  });
}

function tooLarge(name: string, bytes: number, bytesMax: number): CloisterError {
  return integrity(`the object ${name} is too large`, {
    why: `it has ${String(bytes)} bytes or more where at most ${String(bytesMax)} can be right`,
  });
}

function noRanges(): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "this server cannot hold a store", {
    why: "asked for a part of an object, it answers with something else",
    next: "use a server that honours the Range header",
  });
}
