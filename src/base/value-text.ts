// A secret as it comes through a pipe: which line feed belongs to it, and which came from the pipe.

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The bytes without the end of their line, where they are one line: `echo` and editors put it there, and no password has it.
 * Text of several lines, such as a key in PEM, is kept as it is: its last line feed belongs to it.
 */
export function valueFrom(bytes: Buffer): Buffer {
  const end = bytes.length - 1;
  if (end < 0 || bytes.indexOf(LINE_FEED) !== end) return bytes;
  return bytes.subarray(0, bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
}
