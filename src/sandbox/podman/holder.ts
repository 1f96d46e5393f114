// The holder: a container that only waits until the workspace's time is over, and the volume that lives as long as it.
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError } from "../../base/errors.ts";
import { bootTimeMs } from "../host/boot-time.ts";
import { identify, isRunning, type ProcessIdentity, sendSignal, uidOf } from "../host/process.ts";
import { unsupported } from "../host/programs.ts";
import { beginningOf, startProgram } from "../host/spawn.ts";
import type { Limits } from "../limits/limits.ts";
import { isolation, mappedIds, mountUid, openProfile } from "./container.ts";
import { ask, demand, engine, lastWords, type Runtime } from "./runtime.ts";
import { type Watch, watchOver } from "./watch.ts";

/** Where the volume lies in the holder. */
export const VOLUME = "/mnt";

const READY_FD = 3;
const PROFILE_FD = 4;
const START_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
const MESSAGE_CHARS_MAX = 16 * 1024;
/** tmpfs(5) counts in pages, and older releases of podman take `size=` for a quota of the disk. */
const PAGE_BYTES = 4096;
const INODES_MAX = 1_000_000;

/**
 * $1 is its end in whole seconds since boot, kept where no command sees it. /proc/uptime goes on while the machine sleeps;
 * its first field has a fraction.
 */
const WAIT = `cd ${VOLUME} && mkdir -m 0700 work inputs home run secrets && mkdir -m 1777 tmp vartmp shm || exit
echo "$1" >deadline
echo ready >&${String(READY_FD)}
exec ${String(READY_FD)}>&-
while read -r end <deadline && read -r now rest </proc/uptime && [ "\${now%.*}" -lt "$end" ]; do sleep 1; done`;

/** $1 is the new end. It is there whole or not at all. */
const MOVE = `cd ${VOLUME} && echo "$1" >deadline.new && mv deadline.new deadline`;

export interface HolderSpec {
  /** By digest; it is on this machine. */
  readonly image: string;
  readonly ttlMs: number;
  readonly diskBytes: number;
  readonly limits: Limits;
}

export interface Holder extends ProcessIdentity {
  readonly uid: number;
  /** Name of the container, and of the volume. */
  readonly container: string;
}

/**
 * Starts a holder and waits until its volume is there. It ends with this process until its watch is released.
 *
 * @param image id of a local image
 * @throws {@link CloisterError} UNSUPPORTED_HOST with podman's reason
 */
export async function startHolder(
  runtime: Runtime,
  given: HolderSpec,
): Promise<{ readonly holder: Holder; readonly watch: Watch }> {
  const container = `cloister-${randomBytes(8).toString("hex")}`;
  await demand(
    runtime,
    [...engine(runtime), ...volumeOf(runtime, container, given.diskBytes)],
    "no volume can be made",
  );
  try {
    const watch = await run(runtime, container, given);
    return { holder: await find(runtime, container), watch };
  } catch (error) {
    await remove(runtime, container);
    throw error;
  }
}

function volumeOf({ uid }: Runtime, name: string, diskBytes: number): readonly string[] {
  const pages = Math.ceil(diskBytes / PAGE_BYTES);
  const inodes = Math.min(INODES_MAX, pages + 64);
  const owner = String(mountUid(uid));
  const options = `nr_blocks=${String(pages)},nr_inodes=${String(inodes)},mode=0700,uid=${owner},gid=${owner}`;
  const type = ["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", `o=${options},nosuid,nodev`];
  return ["volume", "create", ...type, name];
}

async function run(
  runtime: Runtime,
  container: string,
  { image, ttlMs, diskBytes, limits }: HolderSpec,
): Promise<Watch> {
  const { uid, programs, arch, environment } = runtime;
  const profile = openProfile(arch);
  const own = uid === 0 ? [programs.unshare, "--mount", "--propagation", "slave", "--"] : [];
  const end = secondsAt(ttlMs);
  const command = [
    ...[...own, ...engine(runtime), "run", "--detach", "--name", container, "--preserve-fds", "1"],
    ...[...isolation({ limits, diskBytes }, PROFILE_FD), ...mappedIds(uid), "--network", "none"],
    ...["--volume", `${container}:${VOLUME}`, "--entrypoint", "/bin/sh", image, "-c", WAIT, "holder", end],
  ];
  let child: ChildProcess;
  try {
    child = startProgram(command, {
      ...{ cwd: "/", env: environment, detached: true, timeout: START_MS, killSignal: "SIGKILL" },
      stdio: ["ignore", "ignore", "pipe", "pipe", profile],
    });
  } finally {
    closeSync(profile);
  }
  const watch = watchOver(runtime, undefined, container, child.pid);
  const [errors, ready] = [child.stdio[2], child.stdio[READY_FD]] as Readable[];
  if (!errors || !ready) throw new TypeError("the holder has no pipes");
  const [message, said] = [beginningOf(errors, MESSAGE_CHARS_MAX), beginningOf(ready, MESSAGE_CHARS_MAX)];
  try {
    const exit = await new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? -1)));
    for (let waitedMs = 0; exit === 0 && !said().includes("ready") && waitedMs < STOP_TIMEOUT_MS; waitedMs += POLL_MS) {
      await sleep(POLL_MS);
    }
    if (exit === 0 && said().includes("ready")) return watch;
    watch.release();
    const why = exit === 0 ? "its folders could not be made: the image needs /bin/sh and mkdir" : lastWords(message());
    throw unsupported({ why: `podman did not start a workspace: ${why}`, next: "cloister doctor" });
  } finally {
    for (const stream of [errors, ready]) stream.destroy();
  }
}

async function find(runtime: Runtime, container: string): Promise<Holder> {
  const format = ["--format", "{{.State.Pid}}"];
  const pid = Number(
    await demand(runtime, [...engine(runtime), "inspect", ...format, container], "the holder is gone"),
  );
  const [identity, uid] = [identify(pid), uidOf(pid)];
  if (!identity || uid === undefined) throw new CloisterError("FAILURE", "the holder of the workspace has ended");
  // Neither by a mistake in the mapping nor by one in an engine's settings.
  if (uid === 0) throw new CloisterError("FAILURE", "podman started the workspace as root of the host");
  return { ...identity, uid, container };
}

/** The workspace ends this long from now. @throws {@link CloisterError} FAILURE */
export async function moveDeadline(runtime: Runtime, container: string, ttlMs: number): Promise<void> {
  const move = ["exec", container, "/bin/sh", "-c", MOVE, "move", secondsAt(ttlMs)];
  await demand(runtime, [...engine(runtime), ...move], "the end of the workspace cannot be moved");
}

/** In whole seconds since boot, no earlier than it says. */
function secondsAt(ttlMs: number): string {
  return String(Math.ceil(((bootTimeMs() ?? 0) + ttlMs) / 1000));
}

/**
 * Ends a holder and every command in its workspace, and waits until the volume is gone.
 *
 * @throws {@link CloisterError} FAILURE where something stays
 */
export async function stopHolder(runtime: Runtime, holder: ProcessIdentity & { container: string }): Promise<void> {
  if (isRunning(holder)) sendSignal(holder.pid, "SIGKILL");
  const remaining = await remove(runtime, holder.container);
  for (let waitedMs = 0; isRunning(holder); waitedMs += POLL_MS) {
    if (waitedMs > STOP_TIMEOUT_MS) throw stays(`process ${String(holder.pid)} does not end`);
    await sleep(POLL_MS);
  }
  if (remaining !== undefined) throw stays(remaining);
}

/** Removes the containers and the volume of a workspace; what is left and why, where something is. */
async function remove(runtime: Runtime, container: string): Promise<string | undefined> {
  const podman = engine(runtime);
  const ours = ["--filter", `label=cloister.holder=${container}`];
  const { text } = await ask(runtime, [...podman, "ps", "--all", "--quiet", ...ours]);
  const ids = text.split("\n").filter((id) => /^[0-9a-f]+$/.test(id));
  await ask(runtime, [...podman, "rm", "--force", "--ignore", "--time", "0", ...ids, container]);
  const { exit, message } = await ask(runtime, [...podman, "volume", "rm", "--force", container]);
  return exit === 0 || /no such volume|no volume with name/.test(message) ? undefined : lastWords(message);
}

function stays(why: string): CloisterError {
  return new CloisterError("FAILURE", "the workspace does not end", { why, next: "podman ps --all; podman volume ls" });
}
