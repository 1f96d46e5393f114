// The holder: a process that does nothing but keep a workspace's namespaces and volume alive until its time is over.
// When it ends, the kernel ends every process inside and frees the volume, so no daemon has to.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { inheritableDescriptors, sealedStdio } from "../host/descriptors.ts";
import { explainFailure } from "../host/explain.ts";
import { identify, isRunning, type ProcessIdentity, sendSignal } from "../host/process.ts";
import { unsupported } from "../host/programs.ts";
import { dropArguments } from "../host/user.ts";
import type { VolumeKind } from "../sandbox.ts";
import { DEADLINE, WAIT, writeDeadline } from "./deadline.ts";
import { HOLDER_FOLDER, OUTER_ENVIRONMENT, type Runtime, VOLUME } from "./runtime.ts";

const INFO_FD = 3;
const READY_FD = 4;
/** Room for one file per 4 KiB page; each inode costs the kernel memory that the volume's size does not count. */
const BYTES_PER_INODE = 4096;
const INODES_MAX = 1_000_000;
/** For the deadline, and for the folder that the volume is mounted on. */
const HOLDER_FOLDER_BYTES = 64 * 1024;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 5;
const MESSAGE_BYTES_MAX = 4096;

/** Makes the volume's folders, once it is mounted. */
export const FOLDERS = `cd ${VOLUME}
mkdir -m 0700 work inputs home run
mkdir -m 1777 tmp vartmp shm`;

/**
 * Runs in the new namespaces: $1 mount, $2 its options, or nothing to mount none; $3 setpriv, $4 sh, $5 sleep, $6 seconds
 * to live.
 */
const INIT = `set -e
if [ "$2" ]; then
"$1" -t tmpfs -o "$2" cloister ${VOLUME}
${FOLDERS}
fi
${writeDeadline("$6", DEADLINE)}
echo ready >&${String(READY_FD)}
exec ${String(READY_FD)}>&- ${String(INFO_FD)}>&- 2>/dev/null
exec "$3" --bounding-set=-all --inh-caps=-all "$4" -c '${WAIT}' holder "$5"`;

export interface HolderSpec {
  readonly uid: number;
  readonly ttlMs: number;
  readonly diskBytes: number;
  /** An encrypted volume is mounted afterwards, see `volume/encrypted.ts`. */
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
export async function startHolder(runtime: Runtime, limits: HolderSpec): Promise<StartedHolder> {
  const child = spawnHolder(runtime, limits);
  const [, , errors, info, ready] = child.stdio as Readable[];
  const life = child.stdin as Socket | null;
  if (!life || !errors || !info || !ready) throw new TypeError("the holder has no pipes");
  const message = firstText(errors, (text) => text.length >= MESSAGE_BYTES_MAX);
  // One that has ended needs not be told anything.
  life.on("error", () => undefined).unref();
  try {
    const [pidText, readyText] = await Promise.all([
      firstText(info, (text) => text.includes("}")),
      firstText(ready, (text) => text.includes("ready")),
    ]);
    const pid = readPid(pidText);
    const identity = pid === undefined ? undefined : identify(pid);
    if (!readyText.includes("ready") || !identity) throw unsupported(explainFailure(await message));
    return { identity, keep: () => new Promise((resolve) => void life.end("keep\n", resolve)) };
  } catch (error) {
    life.destroy();
    child.kill("SIGKILL");
    throw error;
  } finally {
    for (const stream of [errors, info, ready]) stream.destroy();
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
    throw new CloisterError("FAILURE", "the workspace belongs to another user of this machine", { cause });
  }
  for (let waitedMs = 0; isRunning(identity); waitedMs += POLL_MS) {
    if (waitedMs > STOP_TIMEOUT_MS) {
      throw new CloisterError("FAILURE", "the workspace does not end", {
        why: `process ${String(identity.pid)} is still there ${String(STOP_TIMEOUT_MS / 1000)} s after SIGKILL`,
      });
    }
    await sleep(POLL_MS);
  }
}

function spawnHolder(runtime: Runtime, limits: HolderSpec): ChildProcess {
  const { programs } = runtime;
  const inodes = Math.min(INODES_MAX, Math.ceil(limits.diskBytes / BYTES_PER_INODE) + 64);
  const options = `size=${String(limits.diskBytes)},nr_inodes=${String(inodes)},mode=0700,nosuid,nodev`;
  const memory = limits.volume === "memory" ? options : "";
  const seconds = String(Math.ceil(limits.ttlMs / 1000));
  const init = [INIT, "init", programs.mount, memory, programs.setpriv, programs.sh, programs.sleep, seconds];
  const namespaces = ["--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-pid", "--unshare-uts"];
  // Of the capabilities inside, mount(8) needs the first and setpriv, which gives them all up, the second.
  const capabilities = ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"];
  const root = ["--uid", "0", "--gid", "0", "--dev-bind", "/", "/", "--proc", "/proc"];
  const own = ["--size", String(HOLDER_FOLDER_BYTES), "--tmpfs", HOLDER_FOLDER, "--perms", "0700", "--dir", VOLUME];
  // The waiting shell is itself the first process, which collects those left without a parent.
  const reporting = ["--as-pid-1", "--info-fd", String(INFO_FD)];
  const bwrap = [...namespaces, ...root, "--perms", "0700", ...own, ...capabilities, ...reporting];
  const dropped = dropArguments(runtime.uid, limits.uid);
  const drop = dropped.length === 0 ? [] : [programs.setpriv, ...dropped, "--"];
  const [program = "", ...args] = [
    ...limits.within,
    ...drop,
    programs.bwrap,
    ...bwrap,
    "--",
    programs.sh,
    "-c",
    ...init,
  ];

  const harmless = openSync("/dev/null", "r");
  try {
    return spawn(program, args, {
      // A session of its own: neither Ctrl-C nor the end of our terminal reaches it.
      detached: true,
      cwd: "/",
      env: OUTER_ENVIRONMENT,
      stdio: sealedStdio(["pipe", "ignore", "pipe", "pipe", "pipe"], inheritableDescriptors(), harmless),
    });
  } finally {
    closeSync(harmless);
  }
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
    // Destroyed by startHolder, which needs no more of it.
    if (systemCode(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
  return text;
}

function readPid(info: string): number | undefined {
  const pid = /"child-pid": (\d+)/.exec(info)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
