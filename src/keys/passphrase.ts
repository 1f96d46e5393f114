// Where a passphrase comes from: a file, or a person.
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { CloisterError, systemCode } from "../base/errors.ts";

const BYTES_MAX = 4096;
/** Below this, guessing against scrypt with work factor 15 is cheap. */
const SHORT_CHARS = 10;
const NEXT = "give a file that holds the passphrase on one line";

/** A passphrase, and what a person should know about it. */
export interface Passphrase {
  readonly text: string;
  readonly warnings: readonly string[];
}

/**
 * Reads a passphrase file; one newline at its end is left out.
 *
 * @throws {@link CloisterError} USAGE where it is missing, empty, over 4 KB, no regular file or not UTF-8
 */
export async function readPassphraseFile(file: string): Promise<Passphrase> {
  // O_NONBLOCK: opening a FIFO would wait for a writer.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new CloisterError("USAGE", `cannot read passphrase file ${file}`, {
      why: systemCode(cause) === "ENOENT" ? "there is no such file" : systemCode(cause),
      next: NEXT,
      cause,
    });
  });
  try {
    return await readOpened(handle, file);
  } finally {
    await handle.close();
  }
}

async function readOpened(handle: FileHandle, file: string): Promise<Passphrase> {
  const found = await handle.stat();
  if (!found.isFile()) throw unfit(`passphrase file ${file} is no regular file`);
  // One byte more than allowed tells a file that grew, or says it is empty (as in /proc), from one that fits.
  const buffer = Buffer.alloc(BYTES_MAX + 1);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  const text = checkPassphrase(decode(buffer.subarray(0, bytesRead), file).replace(/\r?\n$/, ""), `in ${file}`);
  const open = found.mode & 0o044 && process.platform !== "win32";
  return {
    text,
    warnings: [
      ...weakness(text),
      ...(open ? [`passphrase file ${file} can be read by other users: chmod 600 it`] : []),
    ],
  };
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unfit(`passphrase file ${file} is not UTF-8 text`);
  }
}

/** @throws {@link CloisterError} USAGE where the passphrase is empty or over 4 KB */
export function checkPassphrase(text: string, where: string): string {
  if (text === "") throw unfit(`the passphrase ${where} is empty`);
  if (Buffer.byteLength(text) > BYTES_MAX) throw unfit(`the passphrase ${where} is longer than 4 KB`);
  return text;
}

/** What to say about a passphrase that is easily guessed. */
export function weakness(text: string): readonly string[] {
  if ([...text].length >= SHORT_CHARS) return [];
  return [`the passphrase is shorter than ${String(SHORT_CHARS)} characters: whoever copies the file can guess it`];
}

function unfit(message: string): CloisterError {
  return new CloisterError("USAGE", message, { next: NEXT });
}
