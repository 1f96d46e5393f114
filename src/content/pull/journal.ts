// What an interrupted pull has written already. Whatever it says is only where to go on: digests decide what is right.
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { sha256 } from "../../base/digest.ts";

const MAGIC = "cloister-pull@1\n";
const HEADER_BYTES = 16 + 32;
/** Number of a batch, its bytes, and the first four bytes of a digest over both and the plan. */
const RECORD_BYTES = 12;

export class PullJournal {
  /** Batches that were written before. */
  readonly done: ReadonlySet<number>;
  /** Bytes of content in all that is noted. */
  bytes: number;
  readonly #file: number;
  readonly #plan: Uint8Array;
  #records: number;

  private constructor(file: number, plan: Uint8Array, { done, bytes }: ReturnType<typeof recordsIn>) {
    this.#file = file;
    this.#plan = plan;
    this.done = done;
    this.bytes = bytes;
    this.#records = done.size;
  }

  /**
   * Opens the journal at `path`, or begins it.
   * @param plan SHA-256 of all that the numbers of batches depend on
   * @param anew done before it begins where there is none, or one of another plan
   */
  static async open(path: string, plan: Uint8Array, anew: () => Promise<void>): Promise<PullJournal> {
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      const header = Buffer.concat([Buffer.from(MAGIC, "latin1"), plan]);
      const bytes = readAll(file);
      const known = bytes.subarray(0, HEADER_BYTES).equals(header);
      if (!known) {
        ftruncateSync(file);
        await anew();
        writeSync(file, header, 0, header.length, 0);
      }
      const records = recordsIn(known ? bytes.subarray(HEADER_BYTES) : Buffer.alloc(0), plan);
      // What a kill cut off must not stand between whole records.
      ftruncateSync(file, HEADER_BYTES + records.done.size * RECORD_BYTES);
      return new PullJournal(file, plan, records);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  /** Notes that a batch was written. It need not survive power loss: then it is fetched again. */
  add(batch: number, bytes: number): void {
    const record = recordOf(this.#plan, batch, bytes);
    writeSync(this.#file, record, 0, record.length, HEADER_BYTES + this.#records * RECORD_BYTES);
    this.#records++;
    this.bytes += bytes;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function readAll(file: number): Buffer {
  const bytes = Buffer.alloc(fstatSync(file).size);
  let read = 0;
  for (let more = 1; more > 0 && read < bytes.length; read += more) {
    more = readSync(file, bytes, read, bytes.length - read, read);
  }
  return bytes.subarray(0, read);
}

/** The batches named by records one after the other, up to the first that is torn or of something else. */
function recordsIn(records: Buffer, plan: Uint8Array) {
  const done = new Set<number>();
  let bytes = 0;
  for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
    const [batch, content] = [records.readUInt32BE(at), records.readUInt32BE(at + 4)];
    if (done.has(batch) || !records.subarray(at, at + RECORD_BYTES).equals(recordOf(plan, batch, content))) break;
    done.add(batch);
    bytes += content;
  }
  return { done, bytes };
}

function recordOf(plan: Uint8Array, batch: number, bytes: number): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt32BE(batch);
  record.writeUInt32BE(bytes, 4);
  sha256(plan, record.subarray(0, 8)).copy(record, 8, 0, 4);
  return record;
}
