// The driver for Linux: a holder per workspace, and a fresh bubblewrap sandbox inside it for every command.
import type { Server } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import type { Streams } from "../../base/streams.ts";
import { type Clocks, expiry, isPast } from "../expiry.ts";
import type { StartFolderTask } from "../files/folder-task.ts";
import { digest, list } from "../files/list.ts";
import { measure } from "../files/measure.ts";
import type { Snapshot } from "../files/snapshot.ts";
import { hasFilter } from "../filter/seccomp.ts";
import { explainFailure } from "../host/explain.ts";
import { isRunning } from "../host/process.ts";
import { findPrograms, type Problem, requirePrograms, unsupported } from "../host/programs.ts";
import { chooseUid, isWorkspaceUid } from "../host/user.ts";
import { enterWords, prepareCgroup, provenCgroup, removeCgroup } from "../limits/cgroup.ts";
import { heldLimits, holdableLimits } from "../limits/held.ts";
import type { HeldLimit } from "../limits/limits.ts";
import { chooseProcessors } from "../limits/processors.ts";
import { amountsOf } from "../limits/settings.ts";
import type {
  CreateSpec,
  Dialer,
  ExecResult,
  ExecSpec,
  HolderState,
  Listed,
  ListedFile,
  LoopbackAddress,
  Sandbox,
  ShownFolder,
  VolumeOptions,
  WorkspaceFile,
} from "../sandbox.ts";
import { makeCipherFolder, removeCipherFolder } from "../volume/cipher-folder.ts";
import { encryptedProblem } from "../volume/fuse-device.ts";
import { moveDeadline } from "./deadline.ts";
import { describeBubblewrap } from "./describe.ts";
import { GPU_WEAKENS, type GpuNodes, gpuNodes } from "./devices.ts";
import { execute } from "./exec.ts";
import { startFolderTask } from "./folder-task.ts";
import { FOLDERS, type StartedHolder, startHolder, stopHolder } from "./holder.ts";
import { openMounts } from "./mounts.ts";
import type { Runtime } from "./runtime.ts";

export interface BubblewrapOptions extends Clocks {
  /** The folder of the host's device nodes; default: `/dev`. */
  readonly devices?: string | undefined;
}

/** Time for the trial sandbox of {@link Sandbox.problem}. */
const TRIAL = { id: "trial", ttlMs: 30_000, diskBytes: 1024 * 1024 };

/** The bubblewrap driver. Making it costs nothing; the host is looked at when something is asked of it. */
export class Bubblewrap implements Sandbox {
  readonly #clocks: Clocks;
  readonly #devices: string;
  /** Holders that were not kept yet, by workspace. */
  readonly #started = new Map<string, StartedHolder>();
  #runtime: Runtime | undefined;

  constructor(options: BubblewrapOptions) {
    this.#clocks = options;
    this.#devices = options.devices ?? "/dev";
  }

  async problem(volume: VolumeOptions = {}): Promise<Problem | undefined> {
    const missing =
      hostProblem() ?? (volume.volume === "encrypted" ? this.encryptedProblem() : undefined) ?? findPrograms();
    if ("why" in missing) return missing;
    try {
      const state = await this.create({ ...TRIAL, ...volume });
      try {
        return await this.tried(state);
      } finally {
        await this.stop(state);
      }
    } catch (error) {
      if (!(error instanceof CloisterError)) throw error;
      return { why: error.why ?? error.message, next: error.next ?? "cloister doctor" };
    }
  }

  async tried(state: HolderState): Promise<Problem | undefined> {
    const task = startFolderTask(this.#ready(), state, { folder: "work", access: "read", script: ":", args: [] });
    task.stdin.end();
    task.stdout.resume();
    const { exit, message } = await task.ended;
    return exit === 0 ? undefined : explainFailure(message);
  }

  async create(spec: CreateSpec): Promise<HolderState> {
    const { id, ttlMs, diskBytes, volume = "memory", limits = {} } = spec;
    const runtime = this.#ready();
    const uid = chooseUid(runtime.uid);
    const expires = expiry(ttlMs, this.#clocks);
    // What lies on the disk takes no memory.
    const amounts = amountsOf(limits, volume === "memory" ? diskBytes : 0);
    const cipherFolder = volume === "encrypted" ? makeCipherFolder(runtime, uid, spec) : undefined;
    const prepared = prepareCgroup(runtime, id, amounts);
    let started: StartedHolder | undefined;
    try {
      started = await startHolder(runtime, { uid, ttlMs, diskBytes, volume, within: prepared?.words ?? [] });
      const { identity } = started;
      const cgroup = prepared && provenCgroup(prepared.cgroup, amounts, identity.pid);
      const counted = limits.cpus === undefined || cgroup?.holds.includes("cpu") === true;
      const processors = counted ? undefined : chooseProcessors(limits.cpus ?? 0, id);
      if (cipherFolder !== undefined) {
        const { mountEncrypted } = await import("../volume/encrypted.ts");
        const within = enterWords(runtime, cgroup);
        const target = { folder: cipherFolder, diskBytes, folders: `set -e\n${FOLDERS}`, within };
        await mountEncrypted(runtime, { pid: identity.pid, uid }, target);
      }
      this.#started.set(id, started);
      const kept = { diskBytes, volume, cipherFolder, limits, cgroup, processors, ...expires };
      return { driver: "bubblewrap", id, ...identity, uid, ...kept };
    } catch (error) {
      if (started) await stopHolder(started.identity);
      if (cipherFolder !== undefined) await removeCipherFolder(runtime, cipherFolder);
      await removeCgroup(prepared?.cgroup);
      throw error;
    }
  }

  async keep(state: HolderState): Promise<void> {
    await this.#started.get(state.id)?.keep();
    this.#started.delete(state.id);
  }

  alive(state: HolderState): boolean {
    // The holder looks now and then; whoever asks meanwhile is told the truth.
    return isRunning(state) && !isPast(state, this.#clocks);
  }

  async extend(state: HolderState, ttlMs: number): Promise<HolderState> {
    const runtime = this.#enter(state);
    if (state.expiresBootMs === undefined) {
      throw new CloisterError("UNSUPPORTED_HOST", "the end of this workspace is fixed", {
        why: "an earlier version of cloister made it",
        next: "push what you need, and create another one",
      });
    }
    const extended = { ...state, ...expiry(ttlMs, this.#clocks) };
    await moveDeadline(runtime, state, ttlMs);
    // It may have ended just before.
    this.#enter(extended);
    return extended;
  }

  async fill(
    state: HolderState,
    target: { readonly input: string } | "workspace",
    files: AsyncIterable<FileEntry>,
  ): Promise<void> {
    const { fill } = await import("../files/fill.ts");
    await fill(this.#tasks(state), state, target, files);
  }

  async exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<ExecResult> {
    return execute(this.#enter(state), state, spec, streams);
  }

  async listen(state: HolderState, at: readonly LoopbackAddress[]): Promise<readonly Server[]> {
    const { listenInside } = await import("./loopback.ts");
    return listenInside(this.#enter(state), state, at);
  }

  async dialer(state: HolderState): Promise<Dialer> {
    const { dialInto } = await import("./dial.ts");
    return dialInto(this.#enter(state), state);
  }

  async *collect(state: HolderState, path: string): AsyncGenerator<FileEntry> {
    const { collect } = await import("../files/collect.ts");
    yield* collect(this.#tasks(state), path);
  }

  async lookUp(state: HolderState, paths: readonly string[]): Promise<ReadonlyMap<string, WorkspaceFile>> {
    const { lookUp } = await import("../files/lookup.ts");
    return lookUp(this.#tasks(state), paths);
  }

  async remove(state: HolderState, paths: readonly string[]): Promise<void> {
    const { remove } = await import("../files/lookup.ts");
    await remove(this.#tasks(state), paths);
  }

  async measure(state: HolderState): Promise<{ files: number; bytes: number }> {
    return measure(this.#tasks(state));
  }

  async snapshot(state: HolderState): Promise<Snapshot> {
    return (await import("../files/snapshot.ts")).snapshot(this.#tasks(state));
  }

  async list(state: HolderState, filesMax: number): Promise<Listed> {
    return list(this.#tasks(state), filesMax);
  }

  async digest(state: HolderState, files: readonly ListedFile[]): Promise<ReadonlyMap<string, string>> {
    return digest(this.#tasks(state), files);
  }

  checkMounts(mounts: readonly ShownFolder[], keep: { secluded: readonly string[]; home: string }): void {
    openMounts(mounts, { uid: this.#ready().uid, ...keep }).close();
  }

  gpu(): GpuNodes & { readonly weakens: readonly string[] } {
    return { ...gpuNodes(this.#devices, this.#ready().uid), weakens: GPU_WEAKENS };
  }

  async stop(state: HolderState): Promise<void> {
    await stopHolder(state);
    this.#started.delete(state.id);
    await removeCgroup(state.cgroup);
    // By now nothing can read it any more: its key was in the memory of a process that has ended.
    if (state.cipherFolder !== undefined) await removeCipherFolder(this.#ready(), state.cipherFolder);
  }

  held(state: HolderState): readonly HeldLimit[] {
    return heldLimits(state, process.geteuid?.() ?? 0);
  }

  holdable(spec: Parameters<Sandbox["holdable"]>[0]): readonly HeldLimit[] {
    return holdableLimits(spec, process.geteuid?.() ?? 0);
  }

  describe(state?: HolderState) {
    return describeBubblewrap(state?.volume);
  }

  encryptedProblem(): Problem | undefined {
    return encryptedProblem(process.geteuid?.() ?? 0);
  }

  #tasks(state: HolderState): StartFolderTask {
    const runtime = this.#enter(state);
    return (script) => startFolderTask(runtime, state, script);
  }

  #ready(): Runtime {
    const problem = hostProblem();
    if (problem) throw unsupported(problem);
    this.#runtime ??= {
      programs: requirePrograms(),
      uid: process.geteuid?.() ?? 0,
      arch: process.arch,
      devices: this.#devices,
    };
    return this.#runtime;
  }

  /** What is needed to go into a workspace, once it is certain that there is one. */
  #enter(state: HolderState): Runtime {
    if (!this.alive(state)) {
      throw new CloisterError("NOT_FOUND", "the workspace is over", {
        why: "its time ran out, it was destroyed, or the machine was started anew",
        next: "cloister ws create NAME",
      });
    }
    const runtime = this.#ready();
    // A state that was tampered with must not make root enter as root.
    if (!isWorkspaceUid(runtime.uid, state.uid)) {
      throw new CloisterError("FAILURE", "the workspace belongs to another user of this machine", {
        why: `it runs under user id ${String(state.uid)}`,
      });
    }
    return runtime;
  }
}

function hostProblem(): Problem | undefined {
  if (process.platform !== "linux") {
    return { why: "sandboxed workspaces need Linux", next: "work on a Linux machine, or in a Linux virtual machine" };
  }
  if (!hasFilter(process.arch)) {
    return { why: `there is no system call filter for ${process.arch}`, next: "use an x64 or arm64 machine" };
  }
  return undefined;
}
