/**
 * One file on its way into or out of an artifact, whatever it is read from: a folder, a tree in the store, a volume.
 * Sources may be sequential: consume or abandon `read()` before asking for the next entry.
 */
export interface FileEntry {
  /** Relative, `/`-separated; see `pathProblem` for what is allowed. */
  readonly path: string;
  /** `directory` stands for an empty directory; others are implied by their files. */
  readonly kind: "file" | "executable" | "directory";
  /** Size in bytes; what `read()` yields adds up to it, or `read()` throws. */
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
}
