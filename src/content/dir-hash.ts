// Digests of a whole folder that other tools can compute, too.

import { createHash } from "node:crypto";
import { byUtf8, sha256Hex } from "../base/digest.ts";

interface Digested {
  readonly path: string;
  readonly kind: "file" | "executable" | "directory";
  /** Hex. */
  readonly sha256: string;
}

/**
 * What this prints in the folder, in hex:
 * `find . -type f | cut -c3- | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum`
 */
export function dirHash(files: readonly Digested[]): string {
  const hash = createHash("sha256");
  for (const { path, sha256 } of regularFiles(files)) hash.update(`${sha256}  ${path}\n`);
  return hash.digest("hex");
}

/**
 * SHA-256 over the raw digests of all files in the order of their paths, in hex: the resource descriptor digest that
 * OpenSSF Model Signing (https://github.com/sigstore/model-transparency) calls the root of a model's manifest.
 */
export function omsRoot(files: readonly Digested[]): string {
  return sha256Hex(Buffer.concat(regularFiles(files).map(({ sha256 }) => Buffer.from(sha256, "hex"))));
}

function regularFiles(files: readonly Digested[]): Digested[] {
  return sortedByPath(files.filter((file) => file.kind !== "directory"));
}

/** A copy in ascending order of the paths' UTF-8 bytes; quick where that is the order already. */
export function sortedByPath<T extends { readonly path: string }>(items: readonly T[]): T[] {
  if (items.every((item, i) => i === 0 || byUtf8(items[i - 1]?.path ?? "", item.path) < 0)) return [...items];
  return items
    .map((item) => ({ item, bytes: Buffer.from(item.path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ item }) => item);
}
