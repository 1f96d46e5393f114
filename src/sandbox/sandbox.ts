// The one interface between operations and whatever isolates a workspace. Drivers stand beside it.
import type { Server, Socket } from "node:net";
import type { FileEntry } from "../base/file-entry.ts";
import type { Streams } from "../base/streams.ts";
import type { Snapshot } from "./files/snapshot.ts";
import type { Cgroup } from "./limits/cgroup.ts";
import type { HeldLimit, Limits } from "./limits/limits.ts";

/** Where a workspace's files lie: in memory, or encrypted on the host's disk with a key that ends with the workspace. */
export type VolumeKind = "memory" | "encrypted";

export interface VolumeOptions {
  /** Memory where nothing is said. */
  readonly volume?: VolumeKind | undefined;
  /** Absolute path of the folder in which an encrypted volume makes the one for its ciphertext. */
  readonly volumeFolder?: string | undefined;
  /** Default: none beyond what every workspace has. */
  readonly limits?: Limits | undefined;
}

/** What a workspace is made of. */
export interface CreateSpec extends VolumeOptions {
  readonly id: string;
  readonly ttlMs: number;
  readonly diskBytes: number;
}

export type Driver = "bubblewrap" | "podman";

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
  /** Memory where an earlier release, which says nothing, made it. */
  readonly volume?: VolumeKind | undefined;
  /** Folder of the host that holds an encrypted volume's ciphertext. */
  readonly cipherFolder?: string | undefined;
  readonly limits: Limits;
  /** What holds {@link limits} for everything in the workspace together, where there is such a thing. */
  readonly cgroup?: Cgroup | undefined;
  /** Processors that everything in the workspace is pinned to, where its control group cannot count their time. */
  readonly processors?: readonly number[] | undefined;
  /** Wall clock, ms since 1970, at which the workspace is over. */
  readonly expiresMs: number;
  /** The same on a clock that nobody sets: ms since boot, suspended time included. Only states of old have none. */
  readonly expiresBootMs?: number | undefined;
  /** With podman: name of the container that holds the workspace, its image by digest, and where podman mounts the volume. */
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  readonly mountpoint?: string | undefined;
}

/** Folder of the files that a command alone gets. */
export const SECRETS = "/run/secrets";

/** An address of a workspace's loopback; port 0 is any that is free. */
export interface LoopbackAddress {
  readonly address: string;
  readonly port: number;
}

/** A folder of the host, and where in the workspace it is shown, read-only. */
export interface ShownFolder {
  readonly source: string;
  readonly path: string;
}

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
  /** Folders of the host to show read-only; `source` without links, `path` where it appears. */
  readonly mounts?: readonly ShownFolder[] | undefined;
  /** Device nodes of the host, as {@link Sandbox.gpu} names them. */
  readonly devices?: readonly string[] | undefined;
  /** True where the process's own terminal is handed to the command (`streams` is not used then). */
  readonly tty: boolean;
  /** Ends the command: {@link endsBy}, then SIGKILL after 5 s. */
  readonly signal: AbortSignal;
  /** SIGHUP is for a shell on a terminal, which is deaf to SIGTERM. Default: SIGTERM. */
  readonly endsBy?: "SIGTERM" | "SIGHUP" | undefined;
  /** Host executables to show in `/run/cloister/bin`, first in PATH. Those that cannot be shown are left out. */
  readonly tools: readonly string[];
  /** The workspace's loopback, where {@link Sandbox.listen} listens, instead of one that the command has to itself. */
  readonly sharesLoopback?: boolean | undefined;
  /** Longest time of this command, where it is less than the workspace's own limit. */
  readonly runMs?: number | undefined;
  /** Names beyond its own, and the addresses that they have for it. */
  readonly hosts?: readonly { readonly name: string; readonly address: string }[] | undefined;
  /**
   * Told the path of each file that the command opens for reading or executes, as the command sees it, links resolved, and
   * every time it does so. Where the driver cannot trace here, the command is not run: UNSUPPORTED_HOST.
   */
  readonly traced?: ((path: string) => void) | undefined;
}

/** How a command ended. */
export interface ExecResult {
  /** 124 where {@link stoppedBy} is the time. */
  readonly exit: number;
  /** The limit that ended it: its time was over, or the workspace had no memory left and the kernel killed in it. */
  readonly stoppedBy?: "run-time" | "memory" | undefined;
}

/** A file that a workspace's code made; its name is not to be trusted. */
export interface ListedFile {
  /** Relative to `/workspace`, each byte a character: names need not be UTF-8. */
  readonly name: string;
  readonly bytes: number;
}

export interface Listed {
  readonly files: readonly ListedFile[];
  /** False where there are more. */
  readonly complete: boolean;
}

/** What stands at a path in `/workspace`. `other` is a link, pipe, socket or device, or cannot be read. */
export type WorkspaceFile =
  | { readonly kind: "file" | "executable"; readonly sha256: string }
  | { readonly kind: "directory" | "other" };

/** Connects to ports of a workspace's loopback. */
export interface Dialer {
  /** @throws CloisterError UNAVAILABLE where nothing listens there */
  connect(port: number): Promise<Socket>;
  close(): void;
}

export interface Sandbox {
  /**
   * Undefined where sandboxes work on this host, proved by running a command in one; otherwise what is missing and
   * how to get it.
   */
  problem(volume?: VolumeOptions): Promise<{ readonly why: string; readonly next: string } | undefined>;

  /** {@link problem}, told by a command in a workspace that was just made: without one made for the trial alone. */
  tried(state: HolderState): Promise<{ readonly why: string; readonly next: string } | undefined>;

  /** What keeps this driver from making encrypted volumes here, as far as can be told without making one. */
  encryptedProblem(): { readonly why: string; readonly next: string } | undefined;

  /**
   * Starts an empty workspace. It ends with this process, however that ends, until {@link keep} lets it live on.
   *
   * @throws CloisterError UNSUPPORTED_HOST where the host cannot
   */
  create(spec: CreateSpec): Promise<HolderState>;

  /** From here on a workspace of this object's {@link create} lives until its time is over, whatever becomes of us. */
  keep(state: HolderState): Promise<void>;

  /** False once the workspace has ended or its time is over, by the wall clock or by the time since boot. */
  alive(state: HolderState): boolean;

  /**
   * Gives a workspace this long from now, more or less than it had.
   *
   * @returns its state from here on
   * @throws CloisterError NOT_FOUND where the workspace is over; UNSUPPORTED_HOST where its end is fixed; FAILURE
   */
  extend(state: HolderState, ttlMs: number): Promise<HolderState>;

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
   * it cannot be executed, 124 where its time was over.
   *
   * @throws CloisterError NOT_FOUND where the workspace is over
   */
  exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<ExecResult>;

  /**
   * Sockets that listen on these addresses of the workspace's loopback and are served by this process. Commands reach
   * them that share the workspace's loopback; they are the only way out of theirs.
   *
   * @throws CloisterError NOT_FOUND where the workspace is over; FAILURE where one of them cannot be opened
   */
  listen(state: HolderState, at: readonly LoopbackAddress[]): Promise<readonly Server[]>;

  /**
   * A way to what listens on the workspace's loopback, where commands listen that share it. Its sockets lead nowhere else.
   *
   * @throws CloisterError NOT_FOUND where the workspace is over
   */
  dialer(state: HolderState): Promise<Dialer>;

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

  /**
   * What stands at these paths, relative to `/workspace`; nothing for those where nothing does.
   *
   * @throws CloisterError USAGE for a path that no file may have, FAILURE where files change while they are read
   */
  lookUp(state: HolderState, paths: readonly string[]): Promise<ReadonlyMap<string, WorkspaceFile>>;

  /** Removes files, and folders left empty by it. Paths where there is none are no error. */
  remove(state: HolderState, paths: readonly string[]): Promise<void>;

  /** What lies in `/workspace`: everything that is no folder, and the sizes of the regular files in bytes. */
  measure(state: HolderState): Promise<{ readonly files: number; readonly bytes: number }>;

  /** What commands left in the workspace, as it is now, for comparison. Bounded in size and time: see its `whole`. */
  snapshot(state: HolderState): Promise<Snapshot>;

  /** The regular files in `/workspace` with their sizes, in no order, up to so many. Nothing is read. */
  list(state: HolderState, filesMax: number): Promise<Listed>;

  /** SHA-256 of listed files, by {@link ListedFile.name}, worked out in a sandbox; without those that cannot be read. */
  digest(state: HolderState, files: readonly ListedFile[]): Promise<ReadonlyMap<string, string>>;

  /**
   * Looks whether folders of the host can be shown. Each command looks again.
   *
   * @param keep folders that must stay out of sight with all that is around and in them, and the caller's home
   * @throws CloisterError USAGE with what is in the way, NOT_FOUND
   */
  checkMounts(
    mounts: readonly ShownFolder[],
    keep: { readonly secluded: readonly string[]; readonly home: string },
  ): void;

  /** The host's GPUs: nodes that can be shown, nodes that the workspace's user may not open, and what showing them gives up. */
  gpu(): { readonly devices: readonly string[]; readonly shut: readonly string[]; readonly weakens: readonly string[] };

  /** Ends the workspace with everything that runs in it, and waits until its volume is gone. Harmless if it is over. */
  stop(state: HolderState): Promise<void>;

  /** Every limit of a workspace, and whether anything holds it, in the order of `LIMIT_NAMES`. */
  held(state: HolderState): readonly HeldLimit[];

  /** The same for a workspace that is not there yet: what this host can hold. */
  holdable(spec: Pick<CreateSpec, "limits" | "diskBytes" | "volume">): readonly HeldLimit[];

  /** What the driver of a workspace, or else of new ones, enforces and what it does not beside limits, in plain lines. */
  describe(state?: HolderState): {
    readonly driver: string;
    readonly enforced: readonly string[];
    readonly notEnforced: readonly string[];
  };
}
