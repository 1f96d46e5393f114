// Sends files to a bucket that is no store: under any name, of any size, in the memory of a few parts.
import { CloisterError } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";
import { S3Connection } from "./s3-connection.ts";
import { abort, begin, conclude, createAtOnce, found, type StoredPart, type Upload, uploadPart } from "./s3-create.ts";
import type { S3Access } from "./s3-place.ts";
import { PART_BYTES, PARTS_AT_ONCE, readRange } from "./s3-read.ts";

/** A file to send. Its `read()` may be called more than once. */
export interface Outgoing {
  /** Relative, `/`-separated. */
  readonly path: string;
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
}

/** A server takes at most so many parts of an object, and keys of at most so many bytes. */
const PARTS_MAX = 10_000;
const KEY_BYTES_MAX = 1024;

export class S3Sender {
  readonly #connection: S3Connection;
  readonly #base: string;

  constructor(access: S3Access) {
    this.#connection = new S3Connection(access);
    this.#base = access.prefix === "" ? "" : `${access.prefix}/`;
  }

  /**
   * Sends a file, whole or not at all. What is there already stays: the same bytes, of an export that was interrupted,
   * count as sent.
   * @throws CloisterError USAGE where something else is under its name; whatever `read()` throws; those of the store
   */
  async send(file: Outgoing): Promise<void> {
    const key = this.#base + file.path;
    if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
      throw new CloisterError("USAGE", `${printable(file.path)} has too long a name for a bucket`, {
        why: `with the prefix it has more than ${String(KEY_BYTES_MAX)} bytes`,
        next: "choose a shorter prefix",
      });
    }
    const outcome = await (file.bytes > PART_BYTES ? this.#inParts(key, file) : this.#atOnce(key, file));
    if (outcome === "created" || (await this.#isSame(key, file))) return;
    throw new CloisterError("USAGE", `will not write ${printable(file.path)}`, {
      why: "something else is there already; nothing of it was changed",
      next: "choose another prefix",
    });
  }

  async #atOnce(key: string, file: Outgoing): Promise<"created" | "exists"> {
    const parts: Uint8Array[] = [];
    for await (const piece of file.read()) parts.push(piece);
    const outcome = await createAtOnce(this.#connection, { key, parts });
    // Compared here, while the bytes are at hand.
    return outcome === "exists" ? ((await found(this.#connection, { key, parts })) ?? "exists") : "created";
  }

  async #inParts(key: string, file: Outgoing): Promise<"created" | "exists"> {
    if (await this.#isTaken(key)) return "exists";
    const upload = await begin(this.#connection, key);
    try {
      const MultipartUpload = { Parts: [...(await this.#upload(upload, file))] };
      const target = { Bucket: this.#connection.access.bucket, Key: key, UploadId: upload.id };
      const there = async () => ((await this.#isSame(key, file)) ? "created" : "exists");
      const outcome = await conclude(this.#connection, { key, found: there }, async ({ sdk, client, long }) => {
        const last = new sdk.CompleteMultipartUploadCommand({ ...target, MultipartUpload, IfNoneMatch: "*" });
        await client.send(last, long);
      });
      if (outcome === "exists") await abort(this.#connection, upload);
      return outcome;
    } catch (error) {
      await abort(this.#connection, upload);
      throw error;
    }
  }

  /** Servers other than AWS may keep no names where an object is written in parts. Who may not look cannot be told. */
  async #isTaken(key: string): Promise<boolean> {
    const there = await readRange(this.#connection, key, 0, 0).catch((error: unknown) => {
      if (error instanceof CloisterError && error.code === "UNAVAILABLE") throw error;
      return undefined;
    });
    return there !== undefined;
  }

  /** A few parts at a time, read in order. */
  async #upload(upload: Upload, file: Outgoing): Promise<readonly StoredPart[]> {
    const stored: StoredPart[] = [];
    const sending = new Set<Promise<void>>();
    let failure: { readonly error: unknown } | undefined;
    let number = 0;
    for await (const body of inSlices(file.read(), partBytes(file.bytes))) {
      const at = number++;
      const sent: Promise<void> = uploadPart(this.#connection, upload, at + 1, body)
        .then((part) => {
          stored[at] = part;
        })
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => sending.delete(sent));
      sending.add(sent);
      if (sending.size >= PARTS_AT_ONCE) await Promise.race(sending);
      if (failure) break;
    }
    await Promise.all(sending);
    if (failure) throw failure.error;
    return stored;
  }

  /** Whether exactly these bytes are under the key. */
  async #isSame(key: string, file: Outgoing): Promise<boolean> {
    let from = 0;
    for await (const slice of inSlices(file.read(), PART_BYTES)) {
      const there = await readRange(this.#connection, key, from, slice.length);
      if (!there || Buffer.compare(there, slice) !== 0) return false;
      from += slice.length;
    }
    const beyond = await readRange(this.#connection, key, from, 1);
    return beyond?.length === 0;
  }
}

function partBytes(bytes: number): number {
  return Math.max(PART_BYTES, Math.ceil(bytes / PARTS_MAX));
}

async function* inSlices(pieces: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Uint8Array> {
  let open: Uint8Array[] = [];
  let room = size;
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      const part = piece.subarray(from, from + room);
      open.push(part);
      from += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield Buffer.concat(open);
      [open, room] = [[], size];
    }
  }
  if (open.length > 0) yield Buffer.concat(open);
}
