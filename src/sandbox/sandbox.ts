// The one interface between operations and whatever isolates a workspace. Drivers stand beside it.
import type { Server } from "node:net";
import type { FileEntry } from "../base/file-entry.ts";
import type { Streams } from "../base/streams.ts";

export type Driver = "bubblewrap" | "podman";

/** What a new workspace is to be. */
export interface CreateSpec {
  readonly id: string;
  readonly ttlMs: number;
  /** Size of the volume. */
  readonly diskBytes: number;
}

/** Plain JSON that is enough to find a running workspace again from another process. */
export interface HolderState {
  readonly driver: Driver;
  /** Id of the workspace, as given to {@link Sandbox.create}. */
  readonly id: string;
  /** Process whose death ends the workspace: the first process of its namespaces, as the host numbers it. */
  readonly pid: number;
  /** Start time of that process in clock ticks since boot; with {@link bootId} it tells a reused pid apart. */
  readonly startTime: string;
  readonly bootId: string;
  /** Host user that everything in the workspace runs under; never 0. */
  readonly uid: number;
  /** Size of the workspace's volume in bytes. */
  readonly diskBytes: number;
  /** Wall clock, ms since 1970, at which the workspace is over. */
  readonly expiresMs: number;
  /** With podman: name of the container that holds the workspace, its image by digest, and where podman mounts the volume. */
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  readonly mountpoint?: string | undefined;
}

/** Folder of the files that a command alone gets. */
export const SECRETS = "/run/secrets";

/** One command to run in a workspace. */
export interface ExecSpec {
  readonly argv: readonly string[];
  /** Added to the few variables that every command gets; nothing of the caller's own environment comes in. */
  readonly env: Readonly<Record<string, string>>;
  /** Inputs to show: `source` is the name given to {@link Sandbox.fill}, `path` an absolute path under `/inputs`. */
  readonly inputs: readonly { readonly source: string; readonly path: string }[];
  /**
   * Files for this command alone: in memory, readable by its user (0400), not writable, gone when it ends. `path` is a
   * file in {@link SECRETS}.
   */
  readonly files?: readonly { readonly path: string; readonly bytes: Uint8Array }[] | undefined;
  /** True where the process's own terminal is handed to the command (`streams` is not used then). */
  readonly tty: boolean;
  /** Ends the command: SIGTERM, then SIGKILL after 5 s. */
  readonly signal: AbortSignal;
  /** Host executables to show in `/run/cloister/bin`, first in PATH. Those that cannot be shown are left out. */
  readonly tools: readonly string[];
  /** The workspace's loopback, where {@link Sandbox.listen} listens, instead of one that the command has to itself. */
  readonly sharesLoopback?: boolean | undefined;
}

export interface Sandbox {
  /**
   * Undefined where sandboxes work on this host, proved by running a command in one; otherwise what is missing and
   * how to get it.
   */
  problem(): Promise<{ readonly why: string; readonly next: string } | undefined>;

  /**
   * Starts an empty workspace that lives until its time is over, whether or not any of our processes does.
   *
   * @throws CloisterError UNSUPPORTED_HOST where the host cannot
   */
  create(spec: CreateSpec): Promise<HolderState>;

  /** False once the workspace has ended or its time (by the wall clock) is over. */
  alive(state: HolderState): boolean;

  /**
   * Writes files into a new input, or into `/workspace`. An input appears whole or not at all.
   *
   * @throws CloisterError FAILURE where the volume is too small, USAGE for a name that cannot be used
   */
  fill(
    state: HolderState,
    target: { readonly input: string } | "workspace",
    files: AsyncIterable<FileEntry>,
  ): Promise<void>;

  /**
   * Runs one command. Its exit code is 128 + n where signal n ended it, 127 where the command is not there, 126 where
   * it cannot be executed.
   *
   * @throws CloisterError NOT_FOUND where the workspace is over
   */
  exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<{ readonly exit: number }>;

  /**
   * A socket that listens on 127.0.0.1 in the workspace and is served by this process. Commands reach it that share the
   * workspace's loopback; it is the only way out of theirs.
   *
   * @throws CloisterError NOT_FOUND where the workspace is over; FAILURE where it cannot be opened
   */
  listen(state: HolderState): Promise<Server>;

  /**
   * Files below a path in `/workspace`, in the byte order of their paths: relative to it for a folder, the base name
   * for a single file. Nothing the workspace's code did is trusted. Problems that show only while reading (a file that
   * changes) are thrown at the end, so what was read counts only once the iteration is over.
   *
   * @param path relative to `/workspace`, or absolute below it
   * @throws CloisterError NOT_FOUND; FAILURE for anything but regular files and folders, and for names that no artifact
   *   may hold
   */
  collect(state: HolderState, path: string): AsyncIterable<FileEntry>;

  /** What lies in `/workspace`: everything that is no folder, and the sizes of the regular files in bytes. */
  measure(state: HolderState): Promise<{ readonly files: number; readonly bytes: number }>;

  /** Ends the workspace with everything that runs in it, and waits until its volume is gone. Harmless if it is over. */
  stop(state: HolderState): Promise<void>;

  /** What the driver of a workspace, or else of new ones, enforces and what it does not, in plain lines. */
  describe(state?: HolderState): {
    readonly driver: string;
    readonly enforced: readonly string[];
    readonly notEnforced: readonly string[];
  };
}
