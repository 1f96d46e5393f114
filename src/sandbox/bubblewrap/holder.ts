// The holder: a process that does nothing but keep a workspace's namespaces and volume alive until its time is over.
// When it ends, the kernel ends every process inside and frees the volume, so no daemon has to.
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { explainFailure } from "../host/explain.ts";
import { identify, isRunning, type ProcessIdentity, sendSignal, uidOf } from "../host/process.ts";
import { OUTER_ENVIRONMENT, unsupported } from "../host/programs.ts";
import { startSealed } from "../host/spawn.ts";
import { dropArguments, notOurs } from "../host/user.ts";
import type { VolumeKind } from "../sandbox.ts";
import { DEADLINE, WAIT, writeDeadline } from "./deadline.ts";
import { HOLDER_FOLDER, type Runtime, VOLUME } from "./runtime.ts";

const INFO_FD = 3;
const READY_FD = 4;
/** Room for one file per 4 KiB page; each inode costs the kernel memory that the volume's size does not count. */
const BYTES_PER_INODE = 4096;
const INODES_MAX = 1_000_000;
/** For the deadline, and for the folder that the volume is mounted on. */
const HOLDER_FOLDER_BYTES = 64 * 1024;
/** systemd may take its time to make a scope. */
const START_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 5;
const MESSAGE_CHARS_MAX = 4096;

/** The volume's folders, and the mode of each. */
const FOLDERS: readonly (readonly [mode: string, names: readonly string[]])[] = [
  ["0700", ["work", "inputs", "home", "run"]],
  ["1777", ["tmp", "vartmp", "shm"]],
];

/** Makes them, once the volume is mounted. */
export const MAKE_FOLDERS = [
  `cd ${VOLUME}`,
  ...FOLDERS.map(([mode, names]) => `mkdir -m ${mode} ${names.join(" ")}`),
].join("\n");

/**
 * Runs in the new namespaces: $1 mount, $2 what it adds to the volume, or nothing where there is none yet; $3 setpriv, $4 sh,
 * $5 sleep, $6 seconds to live.
 */
const INIT = `set -e
[ ! "$2" ] || "$1" -o "$2" tmpfs ${VOLUME}
${writeDeadline("$6", DEADLINE)}
echo ready >&${String(READY_FD)}
exec ${String(READY_FD)}>&- ${String(INFO_FD)}>&- 2>/dev/null
exec "$3" --bounding-set=-all --inh-caps=-all "$4" -c '${WAIT}' holder "$5"`;

export interface HolderSpec {
  readonly uid: number;
  readonly ttlMs: number;
  readonly diskBytes: number;
  /** An encrypted volume is mounted afterwards, see `encrypted-volume.ts`. */
  readonly volume: VolumeKind;
  /** Words that put the process they start into the workspace's control group. */
  readonly within: readonly string[];
}

/** A holder that ends with this process, until it is kept. */
export interface StartedHolder {
  readonly identity: ProcessIdentity;
  /** From here on it lives until its time is over, whatever happens to this process. */
  keep(): Promise<void>;
}

/**
 * Starts a holder under `uid` and waits until its namespaces are there, and its volume where that is memory.
 *
 * @throws {@link CloisterError} UNSUPPORTED_HOST with what most likely prevents it
 */
export async function startHolder(runtime: Runtime, spec: HolderSpec): Promise<StartedHolder> {
  // A session of its own: neither Ctrl-C nor the end of our terminal reaches it.
  const options = { detached: true, cwd: "/", env: OUTER_ENVIRONMENT };
  const child = startSealed(commandLine(runtime, spec), ["pipe", "ignore", "pipe", "pipe", "pipe"], options);
  const [, , errors, info, ready] = child.stdio as Readable[];
  const life = child.stdin as Socket | null;
  if (!life || !errors || !info || !ready) throw new TypeError("the holder has no pipes");
  // One that has ended needs not be told anything.
  life.on("error", () => undefined).unref();
  const letGo = () => {
    for (const stream of [errors, info, ready]) stream.destroy();
  };
  const timer = setTimeout(letGo, START_MS);
  let identity: ProcessIdentity | undefined;
  try {
    const message = firstText(errors, (text) => text.length >= MESSAGE_CHARS_MAX);
    const readyText = firstText(ready, (text) => text.includes("ready"));
    const pid = readPid(await firstText(info, (text) => text.includes("}")));
    identity = pid === undefined ? undefined : identify(pid);
    if (!(await readyText).includes("ready") || !identity) throw unsupported(explainFailure(await message));
    return { identity, keep: () => new Promise((resolve) => void life.end("keep\n", resolve)) };
  } catch (error) {
    life.destroy();
    child.kill("SIGKILL");
    if (identity) sendSignal(identity.pid, "SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
    letGo();
    child.unref();
  }
}

/**
 * Ends a holder and everything inside it, and waits until it is gone.
 *
 * @throws {@link CloisterError} FAILURE where it belongs to another user, or will not end
 */
export async function stopHolder(identity: ProcessIdentity): Promise<void> {
  if (!isRunning(identity)) return;
  try {
    sendSignal(identity.pid, "SIGKILL");
  } catch (cause) {
    if (systemCode(cause) !== "EPERM") throw cause;
    throw notOurs(uidOf(identity.pid), cause);
  }
  for (let waitedMs = 0; isRunning(identity); waitedMs += POLL_MS) {
    if (waitedMs > STOP_TIMEOUT_MS) {
      throw new CloisterError("FAILURE", "the workspace does not end", {
        why: `process ${String(identity.pid)} is still there ${String(STOP_TIMEOUT_MS / 1000)} s after SIGKILL`,
        next: "what it waits for may be a disk: once it answers, destroy the workspace again",
      });
    }
    await sleep(POLL_MS);
  }
}

function commandLine({ programs, uid: callerUid }: Runtime, spec: HolderSpec): readonly string[] {
  const namespaces = ["--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-pid", "--unshare-uts"];
  const root = ["--uid", "0", "--gid", "0", "--dev-bind", "/", "/", "--proc", "/proc"];
  const own = ["--size", String(HOLDER_FOLDER_BYTES), "--tmpfs", HOLDER_FOLDER, ...volumeOf(spec)];
  // Of the capabilities inside, mount(8) needs the first and setpriv, which gives them all up, the second.
  const capabilities = ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"];
  // The waiting shell is itself the first process, which collects those left without a parent.
  const reporting = ["--as-pid-1", "--info-fd", String(INFO_FD)];
  const seconds = String(Math.ceil(spec.ttlMs / 1000));
  const tools = [programs.mount, mountOptions(spec), programs.setpriv, programs.sh, programs.sleep];
  const dropped = dropArguments(callerUid, spec.uid);
  return [
    ...[...spec.within, ...(dropped.length === 0 ? [] : [programs.setpriv, ...dropped, "--"]), programs.bwrap],
    ...[...namespaces, ...root, "--perms", "0700", ...own, ...capabilities, ...reporting, "--"],
    ...[programs.sh, "-c", INIT, "init", ...tools, seconds],
  ];
}

/** bwrap's options for the volume and its folders, or for the folder that an encrypted one is mounted on. */
function volumeOf({ volume, diskBytes }: HolderSpec): readonly string[] {
  if (volume !== "memory") return ["--perms", "0700", "--dir", VOLUME];
  const folders = FOLDERS.flatMap(([mode, names]) =>
    names.flatMap((name) => ["--perms", mode, "--dir", `${VOLUME}/${name}`]),
  );
  return ["--perms", "0700", "--size", String(diskBytes), "--tmpfs", VOLUME, ...folders];
}

/** What bwrap cannot say of a tmpfs(5): how many files it may hold. */
function mountOptions({ volume, diskBytes }: HolderSpec): string {
  const inodes = Math.min(INODES_MAX, Math.ceil(diskBytes / BYTES_PER_INODE) + 64);
  return volume === "memory" ? `remount,size=${String(diskBytes)},nr_inodes=${String(inodes)},nosuid,nodev` : "";
}

/** Text of a stream up to its end, or until there is enough. */
async function firstText(stream: Readable, enough: (text: string) => boolean): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream) {
      text += String(chunk);
      if (enough(text)) break;
    }
  } catch (error) {
    // Destroyed by startHolder, which needs no more of it, or has waited long enough.
    if (systemCode(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
  return text;
}

function readPid(info: string): number | undefined {
  const pid = /"child-pid": (\d+)/.exec(info)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
