// How podman is started: which program, with which settings, and in which view of the file system.
import { existsSync, readFileSync } from "node:fs";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { isOver } from "../expiry.ts";
import { parentOf } from "../host/process.ts";
import { beginningOf, startProgram } from "../host/spawn.ts";
import type { HolderState } from "../sandbox.ts";
import type { PodmanPrograms } from "./programs.ts";

export interface Runtime {
  readonly programs: PodmanPrograms;
  /** Effective uid of this process. */
  readonly uid: number;
  /** As `process.arch` has it. */
  readonly arch: string;
  /** What podman sees of our environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Variables that say where a user's podman keeps images and containers. */
const PASSED_ON = [
  "HOME",
  "XDG_RUNTIME_DIR",
  "XDG_DATA_HOME",
  "XDG_CONFIG_HOME",
  "CONTAINERS_STORAGE_CONF",
  "REGISTRY_AUTH_FILE",
  "DBUS_SESSION_BUS_ADDRESS",
];

const SECOND_MS = 1000;
const ANSWER_MS = 60 * SECOND_MS;
const TEXT_CHARS_MAX = 1024 * 1024;

/** The environment of podman and of the programs around it. */
export function podmanEnvironment(
  given: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // Settings of containers.conf could add folders of the host, devices or variables to every container.
  return {
    ...Object.fromEntries(passed),
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    CONTAINERS_CONF: "/dev/null",
  };
}

/** podman with what is the same for all its commands. crun knows no mixture of cgroups v1 and v2; runc does. */
export function engine({ programs }: Runtime): readonly string[] {
  const pure = existsSync("/sys/fs/cgroup/cgroup.controllers");
  return [programs.podman, ...(!pure && programs.runc !== undefined ? ["--runtime", programs.runc] : [])];
}

/**
 * {@link engine} where a workspace's volume is mounted. Without root that is podman's own mount namespace, where it goes
 * by itself. What root mounts there would be the whole host's, and every new namespace's: so root makes one for each
 * workspace, and conmon, which waits for the holder, keeps it.
 *
 * @throws {@link CloisterError} NOT_FOUND where the workspace is over
 */
export function engineInside(runtime: Runtime, state: HolderState): readonly string[] {
  if (runtime.uid !== 0) return engine(runtime);
  const keeper = parentOf(state.pid) ?? 0;
  if (nameOf(keeper) !== "conmon") {
    throw isOver("the process that keeps its volume has ended");
  }
  return [runtime.programs.nsenter, `--mount=/proc/${String(keeper)}/ns/mnt`, "--", ...engine(runtime)];
}

export interface Answer {
  readonly exit: number;
  readonly text: string;
  readonly message: string;
}

/** Runs one of podman's commands to its end. A command that hangs is ended, and has then failed. */
export async function ask(
  { environment }: Runtime,
  command: readonly string[],
  { input, withinMs = ANSWER_MS }: { readonly input?: readonly Uint8Array[]; readonly withinMs?: number } = {},
): Promise<Answer> {
  const child = startProgram(command, {
    ...{ cwd: "/", env: environment, detached: true, timeout: withinMs, killSignal: "SIGKILL" },
    stdio: [input ? "pipe" : "ignore", "pipe", "pipe"],
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input ? Buffer.concat(input) : undefined);
  const [text, message] = [child.stdout, child.stderr].map((stream) => beginningOf(stream, TEXT_CHARS_MAX));
  const exit = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)));
  return { exit, text: text?.().trim() ?? "", message: message?.() ?? "" };
}

/** {@link ask}. @throws {@link CloisterError} FAILURE with podman's own words */
export async function demand(runtime: Runtime, command: readonly string[], what: string): Promise<string> {
  const { exit, text, message } = await ask(runtime, command);
  if (exit === 0) return text;
  throw new CloisterError("FAILURE", what, { why: lastWords(message), next: "cloister doctor" });
}

/** What podman said last: warnings come before the error. */
export function lastWords(message: string): string {
  const lines = message
    .trim()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("time="));
  return printable((lines.at(-1) ?? message.trim()).replace(/^Error: /, "").slice(0, 500)) || "podman gave no reason";
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
