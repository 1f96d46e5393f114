// Material for the tests of this room: files in memory, stores in memory, whole pushes and pulls.
import { createHash, randomBytes } from "node:crypto";
import type { FileEntry } from "../../src/base/file-entry.ts";
import type { PackPlace } from "../../src/content/pack.ts";
import { parseTree } from "../../src/content/parse-tree.ts";
import type { PackRecord } from "../../src/content/push/pack-record.ts";
import { readContent } from "../../src/content/read.ts";
import { CHUNK_MAX, openChunk } from "../../src/content/seal-chunk.ts";
import type { Tree } from "../../src/content/tree.ts";
import { type WriteOptions, type Written, writeContent } from "../../src/content/write.ts";
import type { Store } from "../../src/store/store.ts";

export const PREFIX = "packs/churn/internal/";
export const never = new AbortController().signal;

/** A file in memory; `bytes` of undefined stands for an empty directory. */
export interface Given {
  readonly path: string;
  readonly content: Uint8Array | undefined;
  readonly executable?: boolean;
}

export async function* entries(files: readonly Given[], pieceBytes = 50_000): AsyncIterable<FileEntry> {
  for (const { path, content, executable } of files) {
    const kind = content ? (executable ? "executable" : "file") : "directory";
    yield { path, kind, bytes: content?.length ?? 0, read: () => pieces(content ?? new Uint8Array(), pieceBytes) };
  }
}

async function* pieces(content: Uint8Array, pieceBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

/** Bytes that look random and are the same for the same seed. */
export function noise(bytes: number, seed: string): Buffer {
  return createHash("shake256", { outputLength: Math.max(1, bytes) })
    .update(seed)
    .digest()
    .subarray(0, bytes);
}

/** @throws CloisterError INTEGRITY, also where its digest is another */
export function openedChunk(pushKey: Uint8Array, digest: Uint8Array, codec: number, plain: number, sealed: Uint8Array) {
  const into = Buffer.alloc(Math.min(plain, CHUNK_MAX));
  openChunk({ pushKey, digest, codec, plain }, sealed, into, 0, true);
  return into;
}

export function placeIn(store: Store, condemned: ReadonlySet<string> = new Set()): PackPlace {
  return { store, prefix: PREFIX, condemned: async () => condemned };
}

export async function push(store: Store, files: readonly Given[], options: Partial<WriteOptions> = {}) {
  return await pushEntries(store, entries(files), options);
}

/** Writes entries to the packs of a store; what was written, its tree, and what the store acknowledged. */
export async function pushEntries(
  store: Store,
  files: Parameters<typeof writeContent>[0],
  options: Partial<WriteOptions>,
): Promise<Written & { readonly parsed: Tree; readonly records: readonly PackRecord[] }> {
  const records: PackRecord[] = [];
  const written = await writeContent(files, {
    place: placeIn(store),
    pushKey: randomBytes(32),
    onPack: async (record) => void records.push(record),
    signal: never,
    progress: () => undefined,
    ...options,
  });
  return { ...written, parsed: parseTree(written.tree), records };
}

/** All files of a tree by path: content, or undefined for an empty directory. */
export async function pull(store: Store, tree: Tree): Promise<Map<string, Buffer | undefined>> {
  const files = new Map<string, Buffer | undefined>();
  const options = { signal: never, progress: () => undefined };
  for await (const entry of readContent(tree, { store, prefix: PREFIX }, options)) {
    const content: Uint8Array[] = [];
    for await (const piece of entry.read()) content.push(Buffer.from(piece));
    files.set(entry.path, entry.kind === "directory" ? undefined : Buffer.concat(content));
  }
  return files;
}

/** What {@link pull} should give back. */
export function expected(files: readonly Given[]): Map<string, Buffer | undefined> {
  return new Map(files.map(({ path, content }) => [path, content && Buffer.from(content)]));
}
