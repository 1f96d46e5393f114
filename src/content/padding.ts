// Padding inside what is sealed: sizes must not tell how long a label, a justification or a password is.
import { integrity } from "../base/errors.ts";
import { paddedBytes } from "./pack.ts";

const LENGTH_BYTES = 8;

/** Length (8 bytes, big-endian), content, zeros up to a Padmé size. */
export function pad(content: Uint8Array): Uint8Array {
  const padded = Buffer.alloc(paddedBytes(LENGTH_BYTES + content.length));
  padded.writeBigUInt64BE(BigInt(content.length));
  padded.set(content, LENGTH_BYTES);
  return padded;
}

/** What {@link pad} padded. @throws CloisterError INTEGRITY for another length and anything but zeros */
export function unpad(padded: Buffer, what: string): Buffer {
  const length = padded.length < LENGTH_BYTES ? -1 : Number(padded.readBigUInt64BE());
  const wrong = length < 0 || length > padded.length - LENGTH_BYTES;
  if (wrong || padded.length !== paddedBytes(LENGTH_BYTES + length)) throw integrity(`malformed ${what}`);
  const end = LENGTH_BYTES + length;
  if (padded.subarray(end).some((byte) => byte !== 0)) throw integrity(`malformed ${what}`);
  return padded.subarray(LENGTH_BYTES, end);
}
