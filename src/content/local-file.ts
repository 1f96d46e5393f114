// Files of this machine: what is read is what the scan found, or nothing. Here by a thread that does nothing else meanwhile.
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { CloisterError, systemCode } from "../base/errors.ts";
import type { LocalFile } from "../base/file-entry.ts";
import { printable } from "../base/terminal.ts";

/** A pipe or link that took the file's place must neither block nor be followed. */
export const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A file that is open for reading. */
export class OpenFile {
  readonly #file: LocalFile;
  readonly #descriptor: number;

  /** @throws CloisterError FAILURE naming the file where it cannot be read; NOT_FOUND */
  constructor(file: LocalFile) {
    this.#file = file;
    this.#descriptor = attemptNow(file, () => openSync(file.absolute, READ));
  }

  /**
   * Fills `into`, from byte `from` of the file on.
   * @throws CloisterError FAILURE naming the file where it cannot be read, or is shorter
   */
  read(into: Buffer, from: number): void {
    for (let done = 0; done < into.length; ) {
      const bytes = this.#readSome(into.subarray(done), from + done);
      if (bytes === 0) throw changed(this.#file.path);
      done += bytes;
    }
  }

  /**
   * Makes sure that it is the file that the scan found, and has not been written since: that shows in inode, size and times.
   * What was read before is then the content that was scanned.
   *
   * @throws CloisterError FAILURE naming the file where it is not
   */
  checkSame(): void {
    checkSame(
      this.#file,
      attemptNow(this.#file, () => fstatSync(this.#descriptor, { bigint: true })),
    );
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readSome(into: Buffer, from: number): number {
    try {
      return attemptNow(this.#file, () => readSync(this.#descriptor, into, 0, into.length, from));
    } catch (error) {
      // A pipe in its place cannot be read like this; that it is another file says more.
      this.checkSame();
      throw error;
    }
  }
}

/**
 * All of a small file, in as few calls as possible: a look afterwards finds everything that one before would have found.
 *
 * @throws CloisterError as `OpenFile`
 */
export function readWhole(file: LocalFile, into: Buffer): void {
  const open = new OpenFile(file);
  try {
    open.read(into, 0);
    open.checkSame();
  } finally {
    open.close();
  }
}

/** @throws CloisterError FAILURE naming the file where it is not the one that was scanned, as it was */
export function checkSame({ path, stats }: LocalFile, now: BigIntStats): void {
  const same =
    now.ctimeNs === stats.ctimeNs &&
    now.mtimeNs === stats.mtimeNs &&
    now.ino === stats.ino &&
    now.dev === stats.dev &&
    Number(now.size) === stats.size &&
    Number(now.mode) === stats.mode;
  if (!same) throw changed(path);
}

function attemptNow<T>({ path }: LocalFile, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw readFailure(path, error);
  }
}

/** What a system error means that came from reading what lies at `path`. */
export function readFailure(path: string, error: unknown): CloisterError {
  if (error instanceof CloisterError) return error;
  const code = systemCode(error) ?? "unknown error";
  if (code === "ENOENT") {
    return new CloisterError("NOT_FOUND", `there is no ${printable(path)}`, { cause: error, next: "check the path" });
  }
  const next = "check its permissions and the disk";
  return new CloisterError("FAILURE", `cannot read ${printable(path)}`, { why: code, next, cause: error });
}

export function changed(path: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} changed while it was read`, {
    why: "it is not the file that was there when the push began; nothing was published",
    next: "wait until nothing writes to it, then push again",
  });
}
