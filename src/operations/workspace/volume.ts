// Where a workspace's volume is to lie, and whether its inputs fit into it; both before anything is started.
import { join, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { CreateSpec, HolderState, Sandbox, VolumeKind } from "../../sandbox/sandbox.ts";
import { chooseVolume, memoryRoom } from "../../sandbox/volume/choose.ts";
import { cipherFolderOf } from "../../sandbox/volume/cipher-folder.ts";
import type { Version } from "../artifact/versions.ts";
import type { Host } from "../host.ts";
import { placesOf } from "../places.ts";
import type { Session } from "../session.ts";
import type { WorkspaceOptions } from "../types.ts";
import { type DriverChoice, driverOf } from "./sandbox.ts";

/** Room that is suggested beside the inputs, for what comes of them. */
const BESIDE_INPUTS = 1.5;
const GB = 1e9;

/** Folder of this device in which encrypted volumes keep their ciphertext, unless told otherwise. */
export function volumeFolderOf(host: Host): string {
  const given = host.env["CLOISTER_VOLUME_DIR"];
  return given ? resolve(host.cwd, given) : join(placesOf(host).state, "volumes");
}

/** @throws CloisterError UNSUPPORTED_HOST where such a volume has no place here */
export function planVolume(
  { host }: Session,
  sandbox: Sandbox,
  options: Pick<WorkspaceOptions, "volume" | "volumeFolder">,
  diskBytes: number,
): { readonly volume: VolumeKind; readonly volumeFolder: string } {
  const volume = chooseVolume(options.volume, diskBytes, memoryRoom(), () => sandbox.encryptedProblem());
  const given = options.volumeFolder;
  return { volume, volumeFolder: given === undefined ? volumeFolderOf(host) : resolve(host.cwd, given) };
}

/** @throws CloisterError USAGE where the inputs alone are larger than the volume, with a size to ask for */
export function requireRoom(inputs: readonly { readonly version: Version }[], diskBytes: number): void {
  const bytes = inputs.reduce((sum, { version }) => sum + version.header.bytes, 0);
  if (bytes <= diskBytes) return;
  throw new CloisterError("USAGE", "the inputs do not fit into the workspace", {
    why: `they are ${formatBytes(bytes)}, and its volume would hold ${formatBytes(diskBytes)}`,
    next: `--disk ${String(Math.ceil((bytes * BESIDE_INPUTS) / GB))}GB`,
  });
}

/** There is no process yet; but what a killed command may leave of the volume is known. */
export function nobody({ host }: Session, plan: CreateSpec & { planned: { use: DriverChoice } }): HolderState {
  const { id, ttlMs, diskBytes, volume, volumeFolder, limits = {}, planned } = plan;
  const encrypted = volume === "encrypted" && volumeFolder !== undefined;
  const cipherFolder = encrypted ? cipherFolderOf(volumeFolder, id) : undefined;
  return {
    ...{ driver: driverOf(planned.use), image: planned.use.image, id, pid: 0, startTime: "", bootId: "", uid: 0 },
    ...{ diskBytes, volume, cipherFolder, limits, expiresMs: host.now() + ttlMs },
  };
}
