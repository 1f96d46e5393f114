// Whether podman can isolate anything here, tried without an image: a container of the programs of this machine.
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginningOf, startProgram } from "../host/spawn.ts";
import { isolation, mappedIds, openProfile } from "./container.ts";
import { engine, lastWords, type Runtime } from "./runtime.ts";

const PROFILE_FD = 3;
const TRIAL_MS = 60_000;
const MESSAGE_CHARS_MAX = 16 * 1024;
const DISK_BYTES = 1024 * 1024;
/** What podman and its runtime put something at; who runs in the container could not make them. */
const FOLDERS = ["dev", "etc", "proc", "run", "sys", "tmp", "usr"];
const FILES = ["etc/group", "etc/hostname", "etc/hosts", "etc/passwd", "etc/resolv.conf", "run/.containerenv"];

/** Undefined where a container ran; otherwise what podman said. */
export async function tryContainer(runtime: Runtime): Promise<string | undefined> {
  // The ids that root's containers are mapped to cannot go through a temporary folder of root's own.
  const folder = mkdtempSync(join(runtime.uid === 0 ? "/tmp" : tmpdir(), "cloister-trial-"));
  const profile = openProfile(runtime.arch);
  try {
    const shown = rootOf(folder).flatMap((path) => ["--volume", `${path}:${path}:ro`]);
    const command = [
      ...[...engine(runtime), "run", "--rm", ...isolation({ limits: {}, diskBytes: DISK_BYTES }, PROFILE_FD)],
      ...[...mappedIds(runtime.uid), "--network", "none", ...shown, "--rootfs", folder, "/usr/bin/env", "true"],
    ];
    const child = startProgram(command, {
      ...{ cwd: "/", env: runtime.environment, detached: true, timeout: TRIAL_MS, killSignal: "SIGKILL" },
      stdio: ["ignore", "ignore", "pipe", profile],
    });
    const message = beginningOf(child.stderr, MESSAGE_CHARS_MAX);
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0 ? undefined : lastWords(message());
  } finally {
    closeSync(profile);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes an empty root. @returns what of the host is to be shown in it */
function rootOf(folder: string): readonly string[] {
  // The ids that a container is mapped to are not ours.
  chmodSync(folder, 0o755);
  for (const name of FOLDERS) mkdirSync(join(folder, name));
  for (const name of FILES) writeFileSync(join(folder, name), "");
  const shown = ["/usr"];
  for (const name of ["bin", "lib", "lib64"]) {
    const stat = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) symlinkSync(readlinkSync(`/${name}`), join(folder, name));
    else if (stat) {
      mkdirSync(join(folder, name));
      shown.push(`/${name}`);
    }
  }
  return shown;
}
