// A script of ours on one folder of a workspace, in a sandbox that shows nothing else: whatever links the workspace's code
// planted there, they lead to nothing. Each driver starts it its own way.
import type { Readable, Writable } from "node:stream";

/** Folders of a volume that keep what commands leave. */
const KEPT = ["work", "home", "tmp", "vartmp", "shm", "run"] as const;

/** Where the folders that a script is about appear to it: each as the volume names it, and its path there. */
export function placesOf(folder: FolderScript["folder"]): readonly (readonly [name: string, path: string])[] {
  return folder === "kept" ? KEPT.map((name) => [name, `/folder/${name}`]) : [[folder, "/folder"]];
}

export interface FolderScript {
  /** `kept`: every folder that keeps what commands leave, as `work`, `home`, `tmp`, `vartmp`, `shm` and `run`. */
  readonly folder: "inputs" | "work" | "kept";
  readonly access: "read" | "write";
  /** For sh(1); the folder is `/folder`. */
  readonly script: string;
  /** `$1` and on. */
  readonly args: readonly string[];
}

export interface FolderTask {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Exit code, and the beginning of what it wrote to standard error. */
  readonly ended: Promise<{ readonly exit: number; readonly message: string }>;
  kill(): void;
}

/** Starts a script; read `stdout` to its end, or kill the task. */
export type StartFolderTask = (script: FolderScript) => FolderTask;
