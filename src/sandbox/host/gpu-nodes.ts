// The device nodes of the host's GPUs, and what a workspace gives up that is shown them.
import { accessSync, constants, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Nodes of a GPU itself, without which the others are of no use. */
const GPU = /^(?:nvidia\d+|dri\/renderD\d+|kfd)$/;
const BESIDE = /^(?:nvidiactl|nvidia-uvm|nvidia-uvm-tools|nvidia-modeset|nvidia-caps\/nvidia-cap\d+)$/;

/** What `--gpu` gives up, as people read it. */
export const GPU_WEAKENS: readonly string[] = [
  "GPU: its driver runs in the kernel, takes requests that no filter looks into, and has had holes that reach the host",
  "GPU: programs on one GPU can watch each other's load and timing, and memory of an earlier program may not be cleared",
  "GPU: what the machine is made of is visible (/sys/devices); the GPU's own memory has no limit and outlives no command",
];

export interface GpuNodes {
  /** Paths below `/dev` that can be shown. */
  readonly devices: readonly string[];
  /** Nodes that are there and that the workspace's user may not open. */
  readonly shut: readonly string[];
}

/**
 * @param folder the host's `/dev`
 * @param uid effective uid of the caller; root hands over to a user that has the rights of others
 */
export function gpuNodes(folder: string, uid: number): GpuNodes {
  const found = ["", "dri", "nvidia-caps"].flatMap((below) =>
    names(join(folder, below)).map((name) => join(below, name)),
  );
  const nodes = found.filter((name) => (GPU.test(name) || BESIDE.test(name)) && isDevice(join(folder, name))).sort();
  const open = nodes.filter((name) => mayOpen(join(folder, name), uid));
  const devices = open.some((name) => GPU.test(name)) ? open : [];
  return {
    devices: devices.map((name) => `/dev/${name}`),
    shut: nodes.filter((name) => !open.includes(name)).map((name) => `/dev/${name}`),
  };
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isDevice(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isCharacterDevice() === true;
}

function mayOpen(path: string, uid: number): boolean {
  if (uid === 0) return ((lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o006) === 0o006;
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
