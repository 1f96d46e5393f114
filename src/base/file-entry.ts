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
  /** Where it is a file of this machine, which workers may then read themselves. */
  readonly local?: LocalFile | undefined;
}

/** A regular file of this machine, as a scan found it. It must still be so when it is read. Can be sent to a thread. */
export interface LocalFile {
  readonly absolute: string;
  /** Path for messages, relative to what is pushed. */
  readonly path: string;
  readonly stats: FileStats;
}

/** By what a changed file is told; `mtimeNs` and `ctimeNs` are nanoseconds since 1970. */
export interface FileStats {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}
