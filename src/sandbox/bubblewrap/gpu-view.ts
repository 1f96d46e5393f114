// GPUs in a command's view, as bwrap's options.
import { join } from "node:path";

/** Where libraries find which GPU a node belongs to, and which of them serves it. */
const LOOKED_UP = [
  ...["/sys/bus/pci", "/sys/class/drm", "/sys/class/kfd", "/sys/dev/char", "/sys/devices"],
  ...["/etc/OpenCL", "/etc/glvnd", "/etc/vulkan"],
];

/** bwrap's options, while `/dev` can still be filled. @param folder the host's `/dev` */
export function deviceArguments(devices: readonly string[], folder: string): readonly string[] {
  return devices.flatMap((path) => ["--dev-bind", join(folder, path.slice("/dev/".length)), path]);
}

/** bwrap's options for what GPU libraries look up. */
export function lookedUpArguments(devices: readonly string[]): readonly string[] {
  return devices.length === 0 ? [] : LOOKED_UP.flatMap((path) => ["--ro-bind-try", path, path]);
}
