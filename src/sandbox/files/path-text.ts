// How paths in a workspace are written. Its code may give files names of any bytes.

/**
 * The path as text. One that is not UTF-8 has its bytes above 127 as `\xHH`: it can be read and told from others, but no
 * file is found under it again, and no artifact may hold it.
 */
export function pathText(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  // Either there, or put in the place of what is not UTF-8.
  if (!text.includes("\ufffd") || Buffer.from(text).equals(bytes)) return text;
  return bytes.toString("latin1").replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
