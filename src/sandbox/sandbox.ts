// The one interface between operations and whatever isolates a workspace. Drivers stand beside it.
import type { Server, Socket } from "node:net";
import type { FileEntry } from "../base/file-entry.ts";
import type { Streams } from "../base/streams.ts";
import type { ExecResult, ExecSpec, ShownFolder } from "./exec-spec.ts";
import type { Listing, ListingOf } from "./files/listing.ts";
import type { Problem } from "./host/programs.ts";
import type { Cgroup } from "./limits/cgroup.ts";
import type { HeldLimit, Limits } from "./limits/limits.ts";

export type Driver = "bubblewrap" | "podman";

/** Where a workspace's files lie: in memory, or encrypted on the host's disk with a key that ends with the workspace. */
export type VolumeKind = "memory" | "encrypted";

/** What a workspace has of the host: what it lies in, and what it may use. */
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
  /** Lower case letters, digits and hyphens. */
  readonly id: string;
  readonly ttlMs: number;
  readonly diskBytes: number;
}

/** Plain JSON that is enough to find a running workspace again from another process. */
export interface HolderState extends BubblewrapState, PodmanState {
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
  readonly limits: Limits;
  /** Wall clock, ms since 1970, at which the workspace is over. */
  readonly expiresMs: number;
  /** The same on a clock that nobody sets: ms since boot, suspended time included. Only states of old have none. */
  readonly expiresBootMs?: number | undefined;
}

/** What only the bubblewrap driver keeps. */
interface BubblewrapState {
  /** Memory where an earlier release, which says nothing, or podman made it. */
  readonly volume?: VolumeKind | undefined;
  /** Folder of the host that holds an encrypted volume's ciphertext. */
  readonly cipherFolder?: string | undefined;
  /** What holds the limits for everything in the workspace together, where there is such a thing. */
  readonly cgroup?: Cgroup | undefined;
  /** Processors that everything in the workspace is pinned to, where its control group cannot count their time. */
  readonly processors?: readonly number[] | undefined;
}

/** What only the podman driver keeps; it checks that all of it is there. */
interface PodmanState {
  /** Name of the container that holds the workspace, and of its volume. */
  readonly container?: string | undefined;
  /** By digest. */
  readonly image?: string | undefined;
  /** Where podman mounts the volume, on the host. */
  readonly mountpoint?: string | undefined;
}

/** An address of a workspace's loopback; port 0 is any that is free. */
export interface LoopbackAddress {
  readonly address: string;
  readonly port: number;
}

/** Connects to ports of a workspace's loopback. */
export interface Dialer {
  /** @throws CloisterError UNAVAILABLE where nothing listens there */
  connect(port: number): Promise<Socket>;
  close(): void;
}

/** What stands at a path in `/workspace`. `other` is a link, pipe, socket or device, or cannot be read. */
export type WorkspaceFile =
  | { readonly kind: "file" | "executable"; readonly sha256: string }
  | { readonly kind: "directory" | "other" };

/**
 * What takes a state throws {@link CloisterError} NOT_FOUND where the workspace is over, and FAILURE where it is somebody
 * else's or cannot be entered.
 */
export interface Sandbox {
  // What this host can do.

  /** Undefined where sandboxes work on this host, proved by running a command in one. */
  problem(volume?: VolumeOptions): Promise<Problem | undefined>;

  /** What keeps this driver from making encrypted volumes here, as far as can be told without making one. */
  encryptedProblem(): Problem | undefined;

  /** Every limit of a workspace that is not there yet, and whether this host can hold it, in the order of `LIMIT_NAMES`. */
  holdable(spec: Pick<CreateSpec, "limits" | "diskBytes" | "volume">): readonly HeldLimit[];

  /**
   * Looks whether folders of the host can be shown. Each command looks again.
   *
   * @param keep folders that must stay out of sight with all that is around and in them, and the caller's home
   * @throws CloisterError USAGE with what is in the way, NOT_FOUND, UNSUPPORTED_HOST
   */
  checkMounts(
    mounts: readonly ShownFolder[],
    keep: { readonly secluded: readonly string[]; readonly home: string },
  ): void;

  /**
   * The host's GPUs: nodes that can be shown, nodes that the workspace's user may not open, and what showing them gives up.
   *
   * @throws CloisterError UNSUPPORTED_HOST where this driver shows none
   */
  gpu(): { readonly devices: readonly string[]; readonly shut: readonly string[]; readonly weakens: readonly string[] };

  // A workspace's life.

  /**
   * Starts an empty workspace. It ends with this process, however that ends, until {@link keep} lets it live on.
   *
   * @throws CloisterError UNSUPPORTED_HOST where the host cannot, USAGE, FAILURE; nothing is left then
   */
  create(spec: CreateSpec): Promise<HolderState>;

  /** {@link problem}, told by a command in a workspace that was just made: without one made for the trial alone. */
  tried(state: HolderState): Promise<Problem | undefined>;

  /** From here on a workspace of this object's {@link create} lives until its time is over, whatever becomes of us. */
  keep(state: HolderState): Promise<void>;

  /** False once the workspace has ended or its time is over, by the wall clock or by the time since boot. */
  alive(state: HolderState): boolean;

  /**
   * Gives a workspace this long from now, more or less than it had.
   *
   * @returns its state from here on
   * @throws CloisterError UNSUPPORTED_HOST where its end is fixed
   */
  extend(state: HolderState, ttlMs: number): Promise<HolderState>;

  /** Ends the workspace with everything that runs in it, and waits until its volume is gone. Harmless if it is over. */
  stop(state: HolderState): Promise<void>;

  // What runs in it.

  /**
   * Runs one command. Its exit code is 128 + n where signal n ended it, 127 where the command is not there, 126 where
   * it cannot be executed, 124 where its time was over.
   *
   * @throws CloisterError USAGE for what cannot be a command's, FAILURE where it was not started
   */
  exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<ExecResult>;

  /**
   * Sockets that listen on these addresses of the workspace's loopback and are served by this process. Commands reach
   * them that share the workspace's loopback; they are the only way out of theirs. The caller closes them.
   *
   * @throws CloisterError FAILURE where one of them cannot be opened
   */
  listen(state: HolderState, at: readonly LoopbackAddress[]): Promise<readonly Server[]>;

  /**
   * A way to what listens on the workspace's loopback, where commands listen that share it. Its sockets lead nowhere else.
   * The caller closes it.
   */
  dialer(state: HolderState): Promise<Dialer>;

  // Its files.

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
   * What lies in a workspace, as it is now, in no order; nothing is read. Bounded in size and time. In `workspace` folders
   * that its code shut are opened first, so that they hide nothing; in `kept` nothing is changed.
   */
  list(state: HolderState, of: ListingOf): Promise<Listing>;

  /**
   * SHA-256 of regular files in `/workspace` by their {@link Listing} paths, worked out in a sandbox within a minute;
   * without those that are not there, cannot be read or take too long.
   */
  digest(state: HolderState, paths: readonly string[]): Promise<ReadonlyMap<string, string>>;

  /**
   * What stands at these paths, relative to `/workspace`; nothing for those where nothing does.
   *
   * @throws CloisterError USAGE for a path that no artifact may hold, FAILURE where files change while they are read
   */
  lookUp(state: HolderState, paths: readonly string[]): Promise<ReadonlyMap<string, WorkspaceFile>>;

  /** Removes files, and folders left empty by it. Paths where there is none are no error. @throws as {@link lookUp} */
  remove(state: HolderState, paths: readonly string[]): Promise<void>;

  // What it is.

  /** Every limit of a workspace, and whether anything holds it, in the order of `LIMIT_NAMES`. */
  held(state: HolderState): readonly HeldLimit[];

  /** What the driver of a workspace, or else of new ones, enforces and what it does not beside limits, in plain lines. */
  describe(state?: HolderState): {
    readonly driver: string;
    readonly enforced: readonly string[];
    readonly notEnforced: readonly string[];
  };
}
