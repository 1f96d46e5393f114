// Whether anything holds the limits of a workspace that is made of namespaces, what, and what to do where nothing does.
import { release } from "node:os";
import { formatBytes } from "../../base/units.ts";
import type { CreateSpec, HolderState, VolumeKind } from "../sandbox.ts";
import { cgroupSupport } from "./cgroup.ts";
import type { Controller } from "./hierarchy.ts";
import { type HeldLimit, type LimitName, type Limits, PROCESSES_DEFAULT } from "./limits.ts";
import { openFilesOf } from "./process-limits.ts";
import { allowedProcessors } from "./processors.ts";

interface Holding {
  readonly limits: Limits;
  readonly diskBytes: number;
  readonly volume: VolumeKind;
  /** What a control group holds. */
  readonly holds: readonly Controller[];
  readonly by: string;
  /** Processors it is pinned to. */
  readonly processors: readonly number[] | undefined;
  readonly uid: number;
}

/** What holds for a workspace that runs, or ran. */
export function heldLimits(
  state: Pick<HolderState, "limits" | "diskBytes" | "volume" | "cgroup" | "processors">,
  uid: number,
): readonly HeldLimit[] {
  const { limits, diskBytes, volume = "memory", cgroup, processors } = state;
  const by = cgroup?.scope ? `${cgroup.scope.name} of systemd` : "its control group";
  return linesOf({ limits, diskBytes, volume, holds: cgroup?.holds ?? [], by, processors, uid });
}

/** What could hold for one made now. */
export function holdableLimits(
  { limits = {}, diskBytes, volume = "memory" }: Pick<CreateSpec, "limits" | "diskBytes" | "volume">,
  uid: number,
): readonly HeldLimit[] {
  const { bySystemd, controllers } = cgroupSupport(uid);
  const by = bySystemd ? "a scope of systemd" : "a control group";
  return linesOf({ limits, diskBytes, volume, holds: controllers, by, processors: undefined, uid });
}

function linesOf(holding: Holding): readonly HeldLimit[] {
  const { limits, diskBytes, volume = "memory" } = holding;
  const alone = (limit: LimitName, value: number | undefined, how: string): HeldLimit =>
    value === undefined ? unset(limit) : { limit, value, held: true, how };
  return [
    cpus(holding),
    memory(holding),
    processes(holding),
    disk(diskBytes, volume),
    alone("open-files", openFilesOf(limits), "each process, by the kernel's limit for one"),
    alone("run-time", limits.runMs, "each command, by the cloister that runs it"),
  ];
}

/** gocryptfs knows no size: what watches it comes a moment too late. */
function disk(value: number, volume: VolumeKind = "memory"): HeldLimit {
  return volume === "memory"
    ? { limit: "disk", value, held: true, how: "size of the volume" }
    : {
        ...{ limit: "disk", value, held: false, next: "add --volume memory, or a smaller --disk" },
        how: "only by watching what is written: beyond it no file grows, but a fast writer comes further for a moment",
      };
}

function unset(limit: LimitName): HeldLimit {
  return { limit, value: undefined, held: false, how: "no limit is set" };
}

function cpus({ limits, holds, by, processors }: Holding): HeldLimit {
  const { cpus: value } = limits;
  if (value === undefined) return unset("cpus");
  const limit = { limit: "cpus", value, held: true } as const;
  if (holds.includes("cpu")) return { ...limit, how: `time of all together, by ${by}` };
  if (processors) return { ...limit, how: `pinned to ${processorNames(processors)}` };
  const all = allowedProcessors().length;
  return all <= value
    ? { ...limit, how: `there are ${String(all)}` }
    : { ...limit, how: `pinned to ${String(value)} of ${String(all)} processors` };
}

function processorNames(processors: readonly number[]): string {
  return `processor${processors.length === 1 ? "" : "s"} ${processors.join(", ")}`;
}

function memory({ limits, diskBytes, volume, holds, by, uid }: Holding): HeldLimit {
  const { memoryBytes: value } = limits;
  if (value === undefined) return unset("memory");
  if (holds.includes("memory")) {
    const what = volume === "encrypted" ? "" : `${formatBytes(value + diskBytes)} with the volume, `;
    return { limit: "memory", value, held: true, how: `${what}by ${by}; no swap` };
  }
  const { why, next } = lackOfMemoryGroup(uid);
  return { limit: "memory", value, held: false, how: `only each process by itself is limited, ${why}`, next };
}

function processes({ limits, holds, by }: Holding): HeldLimit {
  const limit = { limit: "processes", value: limits.processes ?? PROCESSES_DEFAULT } as const;
  if (limits.processes !== undefined && holds.includes("pids")) return { ...limit, held: true, how: `by ${by}` };
  return countsByNamespace()
    ? { ...limit, held: true, how: "by the workspace's user namespace" }
    : {
        ...limit,
        held: false,
        how: "only all processes of the user together are limited, as Linux is older than 5.14",
        next: "use Linux 5.14 or newer",
      };
}

/** Since Linux 5.14 RLIMIT_NPROC counts in each user namespace. */
function countsByNamespace(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}

function lackOfMemoryGroup(uid: number): { readonly why: string; readonly next: string } {
  if (uid === 0) {
    return {
      why: "as no control group with the memory controller can be made here",
      next: "in a container, mount /sys/fs/cgroup writable (podman run --systemd=always, docker run --cgroupns=private --privileged); else use a machine with systemd or cgroup v2",
    };
  }
  const { bySystemd } = cgroupSupport(uid);
  return bySystemd
    ? {
        why: "as your systemd may not limit memory (cgroup v1, or the memory controller is not delegated)",
        next: "start the machine with systemd.unified_cgroup_hierarchy=1, or set Delegate=memory pids cpu for user@.service",
      }
    : {
        why: "as there is no systemd of yours that could make a control group",
        next: "log in with ssh or at the desk rather than with su, or sudo loginctl enable-linger $USER (and install dbus-user-session)",
      };
}
