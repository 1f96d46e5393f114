// The packs that an unfinished push has stored, in one file of this device that only grows.
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { openBlob, sealBlob } from "../../content/blob.ts";
import type { PackRecord } from "../../content/push/pack-record.ts";
import { fileFailure } from "../local-file.ts";

/** A pack of 64 MiB with the shortest chunks that compression can leave: 37 bytes, of which 45 are noted. */
const ENTRY_BYTES_MAX = 80 * 1024 * 1024;
const LENGTH_BYTES = 4;
const HEAD_BYTES = 20;

/**
 * Entries, each with its length before it, sealed and bound to its place. What a process that was killed left half-written
 * ends the file. Nothing waits for the disk: after a loss of power there is less to go on from, and nothing else is lost.
 */
export class PackLog {
  readonly #path: string;
  readonly #key: Buffer;
  /** What is whole: entries and bytes; undefined until it was read. */
  #whole: { readonly entries: number; readonly bytes: number } | undefined;
  #file: FileHandle | undefined;

  constructor(path: string, key: Buffer) {
    this.#path = path;
    this.#key = key;
  }

  /** What was noted before this process noted anything. */
  async *read(): AsyncIterable<PackRecord> {
    let entries = 0;
    let bytes = 0;
    const file = await this.#attempt("read", () => open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW)).catch(
      absent,
    );
    try {
      for (;;) {
        const entry = file && (await this.#entry(file, bytes, entries));
        if (!entry) break;
        entries++;
        bytes = entry.end;
        yield entry.record;
      }
    } finally {
      await file?.close();
    }
    this.#whole ??= { entries, bytes };
  }

  /** @throws CloisterError FAILURE where this device cannot write it */
  async add({ id, bytes, chunks }: PackRecord): Promise<void> {
    if (!this.#whole) for await (const _ of this.read());
    const whole = this.#whole ?? { entries: 0, bytes: 0 };
    const head = Buffer.alloc(HEAD_BYTES);
    head.write(id, 0, "hex");
    head.writeUInt32BE(bytes, 16);
    const sealed = sealBlob(this.#key, contextOf(whole.entries), Buffer.concat([head, chunks]));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(sealed.length);
    const entry = Buffer.concat([length, sealed]);
    await this.#attempt("write", async () => {
      this.#file ??= await open(this.#path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      // Over what was left half-written.
      for (let done = 0; done < entry.length; ) {
        done += (await this.#file.write(entry, done, entry.length - done, whole.bytes + done)).bytesWritten;
      }
    });
    this.#whole = { entries: whole.entries + 1, bytes: whole.bytes + entry.length };
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Forgets all of it. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
    this.#whole = { entries: 0, bytes: 0 };
  }

  async #entry(file: FileHandle, at: number, number: number) {
    const length = await exactly(file, at, LENGTH_BYTES);
    const bytes = length?.readUInt32BE() ?? 0;
    const sealed = bytes > 0 && bytes <= ENTRY_BYTES_MAX ? await exactly(file, at + LENGTH_BYTES, bytes) : undefined;
    const plain = sealed && this.#open(sealed, number);
    if (!plain) return undefined;
    const record = {
      id: plain.toString("hex", 0, 16),
      bytes: plain.readUInt32BE(16),
      chunks: plain.subarray(HEAD_BYTES),
    };
    return { record, end: at + LENGTH_BYTES + bytes };
  }

  #open(sealed: Buffer, number: number): Buffer | undefined {
    try {
      return openBlob(this.#key, contextOf(number), sealed, "push journal");
    } catch (error) {
      if (error instanceof CloisterError) return undefined;
      throw error;
    }
  }

  async #attempt<T>(verb: string, act: () => Promise<T>): Promise<T> {
    return await act().catch((error: unknown) => {
      throw fileFailure(verb, this.#path, error);
    });
  }
}

function contextOf(number: number) {
  return { journal: "pack", number };
}

async function exactly(file: FileHandle, from: number, bytes: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, from + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return buffer;
}

function absent(error: unknown): undefined {
  if (systemCode((error as Error).cause) !== "ENOENT") throw error;
}
