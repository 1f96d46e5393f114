// Writing an object under a free name of a bucket, and finding out whose it is where the answer was lost.
import { CloisterError } from "../base/errors.ts";
import type { Attempt, S3Connection } from "./s3-connection.ts";
import { answerOf, isMissing, mayBeDone } from "./s3-failure.ts";
import { PART_BYTES, PARTS_AT_ONCE, readRange } from "./s3-read.ts";

export type Created = "created" | "exists";

/** An object to be, whole or in pieces that follow one another. */
export interface Draft {
  readonly key: string;
  readonly parts: readonly Uint8Array[];
}

/** Writes an object with one request. */
export async function createAtOnce(connection: S3Connection, draft: Draft): Promise<Created> {
  const body = joined(draft.parts);
  const { bucket } = connection.access;
  const asked = { key: draft.key, found: () => found(connection, draft) };
  return await conclude(connection, asked, async ({ sdk, client, long }) => {
    await client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key: draft.key, Body: body, IfNoneMatch: "*" }), long);
  });
}

/**
 * Writes an object in parts, several at once: one connection to a far server carries little. They become an object, under
 * a free name only, by the last request, where the server honours its condition there (see `s3-prove.ts`).
 */
export async function createInParts(connection: S3Connection, draft: Draft): Promise<Created> {
  const { key, parts } = draft;
  const upload = await begin(connection, key);
  try {
    const stored = await uploadParts(connection, upload, slices(parts));
    const target = { Bucket: connection.access.bucket, Key: key, UploadId: upload.id };
    const asked = { key, found: () => found(connection, draft) };
    const outcome = await conclude(connection, asked, async ({ sdk, client, long }) => {
      const MultipartUpload = { Parts: [...stored] };
      await client.send(new sdk.CompleteMultipartUploadCommand({ ...target, MultipartUpload, IfNoneMatch: "*" }), long);
    });
    if (outcome === "exists") await abort(connection, upload);
    return outcome;
  } catch (error) {
    await abort(connection, upload);
    throw error;
  }
}

/**
 * Sends the request that makes the object, and says what came of it. An attempt that ended without an answer may have
 * succeeded, and makes the next one find its own object in the way: then what lies there is compared with what was sent.
 * @throws CloisterError where nothing lies there, and it is not known whether it will
 */
export async function conclude(
  connection: S3Connection,
  draft: { readonly key: string; readonly found: () => Promise<Created | undefined> },
  send: (attempt: Attempt) => Promise<void>,
): Promise<Created> {
  let unsure = false;
  const asked = { action: "s3:PutObject", key: draft.key } as const;
  const outcome = connection.attempt(asked, async (attempt): Promise<Created | "ask"> => {
    try {
      await send(attempt);
      return "created";
    } catch (error) {
      if (answerOf(error).status === 412) return unsure ? "ask" : "exists";
      // Once an upload became an object, or was swept away, nobody knows the upload any more.
      if (isMissing(error)) return "ask";
      unsure ||= mayBeDone(error);
      throw error;
    }
  });
  try {
    const said = await outcome;
    if (said !== "ask") return said;
    unsure = true;
    throw new CloisterError("UNAVAILABLE", "the store contradicts itself", {
      why: `it neither takes ${draft.key} nor has it: somebody removed it, or what was uploaded of it, meanwhile`,
      next: "try again",
    });
  } catch (error) {
    // Not after an interruption, when nothing more is to be asked than must be.
    const there = unsure && !connection.access.signal.aborted ? await draft.found().catch(() => undefined) : undefined;
    if (there !== undefined) return there;
    throw error;
  }
}

/** Whose object lies under the key: ours if it has our bytes; undefined where there is none. */
export async function found(connection: S3Connection, { key, parts }: Draft): Promise<Created | undefined> {
  let from = 0;
  for (const part of slices(parts)) {
    const there = await readRange(connection, key, from, part.length);
    if (!there) return undefined;
    if (Buffer.compare(there, part) !== 0) return "exists";
    from += part.length;
  }
  const beyond = await readRange(connection, key, from, 1);
  return beyond && (beyond.length === 0 ? "created" : "exists");
}

export interface Upload {
  readonly key: string;
  readonly id: string;
}

/** Begins an object that is written in parts. */
export async function begin(connection: S3Connection, key: string): Promise<Upload> {
  const { bucket } = connection.access;
  return await connection.attempt({ action: "s3:PutObject", key }, async ({ sdk, client, quick }) => {
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key }), quick);
    if (!UploadId) throw new TypeError("the server began an upload without a name");
    return { key, id: UploadId };
  });
}

/** A part that the server has. */
export interface StoredPart {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
}

/** The first failure ends the others at their next part. */
async function uploadParts(
  connection: S3Connection,
  upload: Upload,
  pieces: readonly Uint8Array[],
): Promise<readonly StoredPart[]> {
  const stored: StoredPart[] = [];
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < pieces.length && !failed) {
      const at = next++;
      const piece = pieces[at] as Uint8Array;
      stored[at] = await uploadPart(connection, upload, at + 1, piece).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(PARTS_AT_ONCE, pieces.length) }, work));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return stored;
}

export async function uploadPart(
  connection: S3Connection,
  { key, id }: Upload,
  number: number,
  body: Uint8Array,
): Promise<StoredPart> {
  const part = { Bucket: connection.access.bucket, Key: key, UploadId: id, PartNumber: number };
  return await connection.attempt({ action: "s3:PutObject", key }, async ({ sdk, client, long }) => {
    const { ETag } = await client.send(new sdk.UploadPartCommand({ ...part, Body: body }), long);
    return { PartNumber: number, ETag };
  });
}

/** As well as it can be done: parts that stay are invisible, cost money, and go by the bucket's own rules. */
export async function abort(connection: S3Connection, { key, id }: Upload): Promise<void> {
  const upload = { Bucket: connection.access.bucket, Key: key, UploadId: id };
  await connection
    .attempt({ action: "s3:AbortMultipartUpload", key }, async ({ sdk, client, quick }) => {
      await client.send(new sdk.AbortMultipartUploadCommand(upload), quick);
    })
    .catch(() => undefined);
}

/** The same bytes in pieces of one part's size; at least one piece. */
function slices(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const whole: Uint8Array[] = [];
  let open: Uint8Array[] = [];
  let room = PART_BYTES;
  const close = () => {
    whole.push(joined(open));
    open = [];
    room = PART_BYTES;
  };
  for (const part of parts) {
    for (let from = 0; from < part.length; ) {
      const piece = part.subarray(from, from + room);
      open.push(piece);
      from += piece.length;
      room -= piece.length;
      if (room === 0) close();
    }
  }
  if (open.length > 0 || whole.length === 0) close();
  return whole;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return only && parts.length === 1 ? only : Buffer.concat(parts);
}
