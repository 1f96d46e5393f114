// What every container of a workspace is, the holder and those of commands alike: the options that isolate it.
import { mkdtempSync, openSync, rmdirSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerProfile } from "../filter/container-profile.ts";
import { limitArguments } from "../limits/process-limits.ts";
import type { HolderState } from "../sandbox.ts";
import { INSIDE_UID } from "./ids.ts";

/**
 * Options of podman-run(1).
 *
 * @param given `diskBytes` is the size of the volume, and so of the largest file
 * @param profileFd podman's descriptor of the system call filter
 */
export function isolation(given: Pick<HolderState, "limits" | "diskBytes">, profileFd: number): readonly string[] {
  const user = `${String(INSIDE_UID)}:${String(INSIDE_UID)}`;
  return [
    ...["--pull", "never", "--user", user, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...["--security-opt", `seccomp=/proc/self/fd/${String(profileFd)}`],
    // One label for all containers of a workspace, where SELinux would keep each from the others' files.
    ...["--security-opt", "label=level:s0"],
    ...["--pid", "private", "--ipc", "private", "--uts", "private", "--hostname", "workspace", "--no-hosts"],
    ...["--read-only", "--read-only-tmpfs=false", "--log-driver", "none", "--http-proxy=false"],
    // The runtime starts under them; of memory it needs more than a workspace may have, see launch.ts.
    ...limitArguments(given, undefined).flatMap(ulimit),
  ];
}

/** `--nproc=1` is for prlimit(1) what `--ulimit nproc=1:1` is here. */
function ulimit(argument: string): readonly string[] {
  const [name = "", value = ""] = argument.slice(2).split("=");
  return ["--ulimit", `${name}=${value}:${value}`];
}

/**
 * The system call filter as an open file without a name, to be handed to podman as a descriptor: nothing is left behind,
 * whenever we end.
 */
export function openProfile(arch: string): number {
  const folder = mkdtempSync(join(tmpdir(), "cloister-filter-"));
  const name = join(folder, "profile.json");
  const fd = openSync(name, "wx+", 0o600);
  unlinkSync(name);
  rmdirSync(folder);
  writeSync(fd, containerProfile(arch));
  return fd;
}
