// What a dishonest storage operator could do to a copy of the store, and what they would find in it.
import { chmod, cp, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** In a pack's first chunk, behind its nonce: further on there may be nothing but padding. */
export const IN_FIRST_CHUNK = 20;

/** Flips one bit of a file, at a byte or in its middle. */
export async function flipBit(path: string, place?: number): Promise<void> {
  // Objects of a store are read-only: nothing that an attacker would stop at.
  await chmod(path, 0o600);
  const file = await open(path, "r+");
  try {
    const at = place ?? Math.floor((await file.stat()).size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte.writeUInt8(byte.readUInt8(0) ^ 1);
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}

/** Copies a file or a folder. */
export async function copy(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
}

/** All files below a folder, sorted. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Looks for plain text in every object of a store: how much was searched, and which words were found. */
export async function searchStore(
  store: string,
  words: readonly string[],
): Promise<{ readonly objects: number; readonly bytes: number; readonly found: readonly string[] }> {
  const found = new Set<string>();
  let bytes = 0;
  const paths = await filesBelow(store);
  for (const path of paths) {
    const content = await readFile(path);
    bytes += content.length;
    for (const word of words) if (content.includes(word) || path.includes(word)) found.add(word);
  }
  return { objects: paths.length, bytes, found: [...found] };
}
