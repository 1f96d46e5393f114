// A volume whose files lie encrypted on the host's disk. gocryptfs serves it from inside the holder's process namespace,
// with a key that is in the memory of that process and nowhere else: when the holder ends, what is on the disk is noise.
//
// The way there, each step in the process that the one before became:
// 1. as root, where only root may open /dev/fuse: a device node of the workspace's user, in a mount namespace of its own;
// 2. as the workspace's user: into the holder's namespaces, all but the mount namespace. FUSE demands that the device
//    was opened in the user namespace that mounts it;
// 3. the volume is mounted in the holder's mount namespace, and gocryptfs started in a sandbox of its own that shows
//    the ciphertext and nothing else. It stays, the rest ends.
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { seccompFilter } from "../filter/seccomp.ts";
import { OUTER_ENVIRONMENT } from "../host/programs.ts";
import { beginningOf, startSealed } from "../host/spawn.ts";
import { dropArguments } from "../host/user.ts";
import { FUSE_DEVICE, fuseDevice } from "../volume/fuse-device.ts";
import { HOLDER_FOLDER, type Runtime, VOLUME } from "./runtime.ts";
import { serverCommand } from "./volume-server.ts";

const SECCOMP_FD = 3;
const NAMESPACE_FD = 8;
const FUSE_FD = 9;
const KEY_BYTES = 32;
const READY_MS = 20_000;
const MESSAGE_CHARS_MAX = 1000;

/** Step 1: `$1` and `$2` the device's numbers, `$3` the workspace's user; then the command. */
const OWN_DEVICE = `set -e
mount -t tmpfs -o mode=0755,size=4k none ${HOLDER_FOLDER}
mknod -m 0600 ${HOLDER_FOLDER}/fuse c "$1" "$2"
chown "$3" ${HOLDER_FOLDER}/fuse
shift 3
exec "$@"`;

/** Step 2: `$1` the device; then the command, in a mount namespace of its own. */
const OPEN_DEVICE = `exec ${String(FUSE_FD)}<>"$1"
shift
exec unshare --mount -- "$@"`;

/** Step 3: `$1` pid of the holder on the host, `$2` script that makes the folders, then bwrap and its options. */
const MOUNT = `set -e
exec ${String(NAMESPACE_FD)}<"/proc/$1/ns/mnt"
inside="nsenter --mount=/proc/self/fd/${String(NAMESPACE_FD)} --"
folders=$2
shift 2
$inside mount -i -t fuse.gocryptfs -o \\
  fd=${String(FUSE_FD)},rootmode=40000,user_id=0,group_id=0,default_permissions,nosuid,nodev gocryptfs ${VOLUME}
mount -t proc proc /proc
mount --no-canonicalize --bind . ${HOLDER_FOLDER}
ulimit -c 0
exec 4<&0
"$@" <&4 4<&- ${String(NAMESPACE_FD)}<&- >/dev/null &
exec ${String(FUSE_FD)}<&- ${String(SECCOMP_FD)}<&- 4<&- </dev/null
$inside sh -c "$folders"
echo ready`;

interface EncryptedVolume {
  /** The ciphertext's, empty and the workspace's user's own. */
  readonly folder: string;
  readonly diskBytes: number;
  /** Shell script that makes the volume's folders. */
  readonly folders: string;
  /** Words that put the process they start into the workspace's control group. */
  readonly within: readonly string[];
}

/**
 * Mounts an empty encrypted volume in a holder that has none yet.
 *
 * @throws {@link CloisterError} UNSUPPORTED_HOST with what gocryptfs, or whatever came before it, had to say
 */
export async function mountEncrypted(
  runtime: Runtime,
  holder: { readonly pid: number; readonly uid: number },
  volume: EncryptedVolume,
): Promise<void> {
  const child = spawnServer(runtime, holder, volume);
  const [key, ready, errors, filter] = child.stdio as readonly unknown[] as Duplex[];
  if (!key || !ready || !errors || !filter) throw new TypeError("the volume's server has no pipes");
  // Whoever dies before reading says why on standard error.
  for (const pipe of [key, filter]) pipe.on("error", () => undefined);
  key.end(randomBytes(KEY_BYTES).toString("hex"));
  filter.end(seccompFilter(runtime.arch));
  const message = beginningOf(errors, MESSAGE_CHARS_MAX);
  try {
    if (await isReady(child, ready)) return;
    throw new CloisterError("UNSUPPORTED_HOST", "the encrypted volume could not be mounted", {
      why: printable(message().trim()) || "it was not ready in time",
      next: "cloister doctor, or --volume memory",
    });
  } finally {
    for (const stream of [key, ready, errors, filter]) stream.destroy();
    child.unref();
  }
}

/** True once the folders are there; false where the child ended before, or took too long. */
async function isReady(child: ChildProcess, ready: Duplex): Promise<boolean> {
  return await new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(false);
    }, READY_MS);
    const settle = (is: boolean) => {
      clearTimeout(timer);
      resolve(is);
    };
    let text = "";
    ready.on("data", (chunk) => {
      text += String(chunk);
      if (text.includes("ready")) settle(true);
    });
    // What it wrote before it ended is read by then.
    child.once("exit", () => setTimeout(() => settle(text.includes("ready")), 50));
  });
}

function spawnServer(
  runtime: Runtime,
  { pid, uid }: { readonly pid: number; readonly uid: number },
  { folder, diskBytes, folders, within }: EncryptedVolume,
): ChildProcess {
  const { programs } = runtime;
  const device = fuseDevice(runtime.uid);
  const bwrap = [programs.bwrap, "--seccomp", String(SECCOMP_FD), ...serverCommand(HOLDER_FOLDER, FUSE_FD, diskBytes)];
  const own = device === "closed" ? `${HOLDER_FOLDER}/fuse` : FUSE_DEVICE;
  const words = [
    ...within,
    ...(device === "closed" ? ownDevice(programs, uid) : []),
    ...[programs.setpriv, ...dropArguments(runtime.uid, uid), "--"],
    ...[programs.nsenter, `--target=${String(pid)}`, "--preserve-credentials"],
    ...["--user", "--net", "--pid", "--ipc", "--uts", "--"],
    ...[programs.sh, "-c", OPEN_DEVICE, "volume", own],
    ...[programs.sh, "-c", MOUNT, "volume", String(pid), folders, ...bwrap],
  ];
  // A session of its own, as the holder.
  return startSealed(words, ["pipe", "pipe", "pipe", "pipe"], { detached: true, cwd: folder, env: OUTER_ENVIRONMENT });
}

function ownDevice({ sh }: Runtime["programs"], uid: number): string[] {
  const [major, minor] = FUSE_NUMBERS;
  return ["unshare", "--mount", "--", sh, "-c", OWN_DEVICE, "device", major, minor, String(uid)];
}

/** devices.txt of the kernel. */
const FUSE_NUMBERS = ["10", "229"] as const;
