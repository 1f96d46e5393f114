// Encryption to age recipients (https://age-encryption.org/v1). The library is loaded on use.
import type { Decrypter } from "age-encryption";
import { integrity } from "../base/errors.ts";

/** Every age file of ours holds one key or one log entry. */
const FILE_BYTES_MAX = 64 * 1024;

/** Loads the library ahead of its use, and Node's Web Cryptography, which it does its key agreement with. */
export async function loadAge(): Promise<void> {
  await import("age-encryption");
  globalThis.crypto.subtle;
}

/**
 * Encrypts to all recipients; each can decrypt alone. age does not authenticate the sender: whoever knows a recipient
 * can make such a file.
 */
export async function encryptTo(recipients: readonly string[], bytes: Uint8Array): Promise<Uint8Array> {
  if (recipients.length === 0) throw new TypeError("no recipients");
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return collect(await encrypter.encrypt(streamOf(bytes)));
}

/**
 * Decrypts an age file.
 *
 * @returns undefined where the file is not encrypted to this key, which a damaged recipient stanza looks like, too
 * @param what names the object in the error
 * @param bytesMax limit for the file
 * @throws {@link CloisterError} INTEGRITY where it is no age file, or is for this key but was changed
 */
export async function decryptWith(
  ageSecret: string,
  file: Uint8Array,
  what: string,
  bytesMax = FILE_BYTES_MAX,
): Promise<Uint8Array | undefined> {
  if (file.length > bytesMax) throw integrity(`${what} is larger than ${String(bytesMax)} bytes`);
  return open(file, what, (decrypter) => decrypter.addIdentity(ageSecret));
}

/**
 * scrypt's cost as a power of two: 32 MB. The library's default of 18 takes 1.2 s and 576 MB with its JavaScript scrypt.
 */
const WORK_FACTOR = 15;

/** Encrypts to a passphrase (scrypt, work factor 15). */
export async function encryptWithPassphrase(passphrase: string, bytes: Uint8Array): Promise<Uint8Array> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(WORK_FACTOR);
  return collect(await encrypter.encrypt(streamOf(bytes)));
}

/**
 * Decrypts what {@link encryptWithPassphrase} wrote.
 *
 * @returns undefined where the passphrase is wrong, which a damaged scrypt stanza looks like, too
 * @throws {@link CloisterError} INTEGRITY where it is no age file, or was changed
 */
export async function decryptWithPassphrase(
  passphrase: string,
  file: Uint8Array,
  what: string,
): Promise<Uint8Array | undefined> {
  return open(file, what, (decrypter) => decrypter.addPassphrase(passphrase));
}

async function open(
  file: Uint8Array,
  what: string,
  addKey: (decrypter: Decrypter) => void,
): Promise<Uint8Array | undefined> {
  const age = await import("age-encryption");
  const decrypter = new age.Decrypter();
  addKey(decrypter);
  let unmatched = false;
  // Identities are tried in turn, so this one is asked only where the header was read and ours opens nothing in it.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      unmatched = true;
      return null;
    },
  });
  try {
    return await collect(await decrypter.decrypt(streamOf(file)));
  } catch (cause) {
    if (unmatched) return undefined;
    throw integrity(`${what} cannot be decrypted`, { why: "it is no age file, or it was changed", cause });
  }
}

// Streams in and out, because the library collects them through `Response`, for which Node loads a whole HTTP client.

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from([bytes]);
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
