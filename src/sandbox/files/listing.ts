// What `Sandbox.list` says of the files in a workspace.

/**
 * `workspace`: `/workspace`, by paths relative to it. `kept`: every folder that keeps what commands leave, by `work/…` for
 * `/workspace`, and `home/…`, `tmp/…`, `vartmp/…`, `shm/…`, `run/…`.
 */
export type ListingOf = "workspace" | "kept";

/** Something in a workspace that is no folder. */
export interface ListedEntry {
  /** Of what it holds, where it is a regular file. */
  readonly bytes: number;
  /** True for a regular file. */
  readonly isFile: boolean;
  /** Differs from that of any other state of the file. */
  readonly state: string;
}

export interface Listing {
  /** By path, as the workspace's code chose it, with `\xHH` for bytes of a path that is not UTF-8; nothing to be trusted. */
  readonly entries: ReadonlyMap<string, ListedEntry>;
  /** False where there was too much, or {@link problem}: then nothing follows from what is not there. */
  readonly whole: boolean;
  /** What could not be looked into, in the words of whoever tried. */
  readonly problem: string | undefined;
}
