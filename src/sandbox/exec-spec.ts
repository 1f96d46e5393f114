// One command in a workspace: what it is given, and how it ended. `Sandbox` is in sandbox.ts.

/** Folder of the files that a command alone gets. */
export const SECRETS = "/run/secrets";

/** A folder of the host, and where in the workspace it is shown, read-only. */
export interface ShownFolder {
  /** Absolute, without links. */
  readonly source: string;
  readonly path: string;
}

/** One command to run in a workspace. What a driver cannot show or trace is refused: UNSUPPORTED_HOST. */
export interface ExecSpec {
  readonly argv: readonly string[];
  /** Added to the few variables that every command gets; nothing of the caller's own environment comes in. */
  readonly env: Readonly<Record<string, string>>;
  /** Inputs to show: `source` is the name given to {@link Sandbox.fill}, `path` an absolute path under `/inputs`. */
  readonly inputs: readonly { readonly source: string; readonly path: string }[];
  /** Host executables to show in `/run/cloister/bin`, first in PATH. Those that cannot be shown are left out. */
  readonly tools: readonly string[];
  /**
   * Files for this command alone: in memory, readable by its user (0400), not writable, gone when it ends. `path` is a
   * file in {@link SECRETS}.
   */
  readonly files?: readonly { readonly path: string; readonly bytes: Uint8Array }[] | undefined;
  /** Folders of the host to show. */
  readonly mounts?: readonly ShownFolder[] | undefined;
  /** Device nodes of the host, as {@link Sandbox.gpu} names them. */
  readonly devices?: readonly string[] | undefined;
  /** The workspace's loopback, where {@link Sandbox.listen} listens, instead of one that the command has to itself. */
  readonly sharesLoopback?: boolean | undefined;
  /** Names beyond its own, and the addresses that they have for it. */
  readonly hosts?: readonly { readonly name: string; readonly address: string }[] | undefined;
  /**
   * True where the process's own standard streams are a terminal, and the command gets one of its own that is relayed to
   * it (`streams` is not used then).
   */
  readonly tty: boolean;
  /** Ends the command: {@link endsBy}, then SIGKILL after 5 s. */
  readonly signal: AbortSignal;
  /** SIGHUP is for a shell on a terminal, which is deaf to SIGTERM. Default: SIGTERM. */
  readonly endsBy?: "SIGTERM" | "SIGHUP" | undefined;
  /** Longest time of this command, where it is less than the workspace's own limit. */
  readonly runMs?: number | undefined;
  /**
   * Told the path of each file that the command opens for reading or executes, as the command sees it, links resolved, and
   * every time it does so.
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
