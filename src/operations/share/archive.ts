// The archive in a share: written and read as one stream, an entry after the other.
import type { FileEntry } from "../../base/file-entry.ts";
import { ARCHIVE_END, BLOCK_BYTES, entryOf, foreign, headerOf, paddingOf, recordBytes } from "./tar.ts";

/** The bytes of an archive. */
export async function* archiveOf(entries: AsyncIterable<FileEntry>): AsyncIterable<Uint8Array> {
  for await (const entry of entries) {
    yield headerOf(entry);
    if (entry.kind !== "directory") yield* entry.read();
    yield paddingOf(entry.bytes);
  }
  yield ARCHIVE_END;
}

/**
 * The entries of an archive, as they come: each is to be read, or passed over, before the next is asked for.
 * @throws CloisterError INTEGRITY, also from `read()`, where it is not exactly what {@link archiveOf} writes; whatever
 * `source` throws. When the last entry was given out without an error, the source had ended as it should.
 */
export async function* entriesIn(source: AsyncIterable<Uint8Array>): AsyncIterable<FileEntry> {
  const bytes = new Reader(source);
  for (;;) {
    let header: Buffer = await bytes.exactly(BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) break;
    const records = recordBytes(header);
    if (records > 0) header = Buffer.concat([header, await padded(bytes, records), await bytes.exactly(BLOCK_BYTES)]);
    const entry = entryOf(header);
    let left = entry.bytes;
    const read = async function* (): AsyncIterable<Uint8Array> {
      while (left > 0) {
        const piece = await bytes.some(left);
        left -= piece.length;
        yield piece;
      }
    };
    yield { ...entry, read };
    for await (const _ of read());
    await zeros(bytes, paddingOf(entry.bytes).length);
  }
  await zeros(bytes, ARCHIVE_END.length - BLOCK_BYTES);
  if (!(await bytes.ended())) throw foreign();
}

/** Records without what pads them, which must be zeros. */
async function padded(bytes: Reader, length: number): Promise<Buffer> {
  const records = await bytes.exactly(length);
  const padding = paddingOf(length);
  await zeros(bytes, padding.length);
  return Buffer.concat([records, padding]);
}

async function zeros(bytes: Reader, length: number): Promise<void> {
  if ((await bytes.exactly(length)).some((byte) => byte !== 0)) throw foreign();
}

/** Takes a stream in pieces of the sizes that are asked for. */
class Reader {
  readonly #source: AsyncIterator<Uint8Array>;
  #open: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At least one byte, and at most so many. */
  async some(most: number): Promise<Buffer> {
    if (!(await this.#fill())) throw foreign();
    const piece = this.#open.subarray(0, most);
    this.#open = this.#open.subarray(piece.length);
    return piece;
  }

  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const piece = await this.some(left);
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async ended(): Promise<boolean> {
    return !(await this.#fill());
  }

  async #fill(): Promise<boolean> {
    while (this.#open.length === 0) {
      const next = await this.#source.next();
      if (next.done) return false;
      this.#open = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    }
    return true;
  }
}
