// Whether an encrypted volume can be mounted by this user of this host.
import { accessSync, constants, statSync } from "node:fs";
import { findProgram, type Problem } from "../host/programs.ts";

export const FUSE_DEVICE = "/dev/fuse";
const OTHERS_MAY_OPEN = 0o006;

/**
 * `open`: whoever a workspace runs under can open it; `closed`: root can, and gives the workspace's user a node of its
 * own; undefined: it cannot be used.
 */
export function fuseDevice(callerUid: number): "open" | "closed" | undefined {
  const stat = statSync(FUSE_DEVICE, { throwIfNoEntry: false });
  if (!stat?.isCharacterDevice()) return undefined;
  if (callerUid === 0) return (stat.mode & OTHERS_MAY_OPEN) === OTHERS_MAY_OPEN ? "open" : "closed";
  try {
    accessSync(FUSE_DEVICE, constants.R_OK | constants.W_OK);
    return "open";
  } catch {
    return undefined;
  }
}

/** Undefined where encrypted volumes work here; otherwise what is missing. Nothing is started. */
export function encryptedProblem(callerUid: number): Problem | undefined {
  if (findProgram("gocryptfs") === undefined) {
    return {
      why: "gocryptfs is not installed",
      next: "apt install gocryptfs (Debian, Ubuntu), dnf install gocryptfs (Fedora), pacman -S gocryptfs (Arch)",
    };
  }
  if (fuseDevice(callerUid) !== undefined) return undefined;
  if (!statSync(FUSE_DEVICE, { throwIfNoEntry: false })) {
    return {
      why: `there is no ${FUSE_DEVICE}`,
      next: "sudo modprobe fuse; in a container, start it with --device /dev/fuse",
    };
  }
  return {
    why: `you may not open ${FUSE_DEVICE}`,
    next: `sudo chmod 0666 ${FUSE_DEVICE}, which is what systems with udev have`,
  };
}
