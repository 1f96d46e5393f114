// The two digests that stand for a whole folder.
import { createHash } from "node:crypto";
import { byUtf8 } from "./digest.ts";

interface Digested {
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Sorted by the UTF-8 bytes of the path. A list that is in order already, as trees are, costs one pass. */
export function sortedByPath<T extends { readonly path: string }>(files: readonly T[]): readonly T[] {
  if (files.every((file, at) => at === 0 || byUtf8(files[at - 1]?.path ?? "", file.path) <= 0)) return files;
  return [...files].sort((a, b) => byUtf8(a.path, b.path));
}

/**
 * `dirHash` (in-toto digest_set.md): what `find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum`
 * prints in the folder. `omsRoot`: SHA-256 over the raw digests in the same order (OpenSSF Model Signing v1, method
 * `files`); it does not bind file names, so it never stands alone. Paths must be free of `\` and line feeds, which
 * `sha256sum` would escape; `pathProblem` refuses both.
 */
export function folderDigests(files: readonly Digested[]): { readonly dirHash: string; readonly omsRoot: string } {
  const lines = createHash("sha256");
  const root = createHash("sha256");
  // A call for each file would cost several times what there is to digest.
  let text = "";
  let digests = "";
  const flush = () => {
    lines.update(text);
    root.update(digests, "hex");
    text = "";
    digests = "";
  };
  for (const file of sortedByPath(files)) {
    text += `${file.sha256}  ${file.path}\n`;
    digests += file.sha256;
    if (text.length > FLUSHED) flush();
  }
  flush();
  return { dirHash: lines.digest("hex"), omsRoot: root.digest("hex") };
}

const FLUSHED = 64 * 1024;
