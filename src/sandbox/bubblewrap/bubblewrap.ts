// The driver for Linux: a holder per workspace, and a fresh bubblewrap sandbox inside it for every command.
import type { Server } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import type { ExecResult, ExecSpec, ShownFolder } from "../exec-spec.ts";
import { type Clocks, expiry, isOver, isPast } from "../expiry.ts";
import type { StartFolderTask } from "../files/folder-task.ts";
import { WorkspaceFiles } from "../files/workspace-files.ts";
import { explainFailure } from "../host/explain.ts";
import { GPU_WEAKENS, type GpuNodes, gpuNodes } from "../host/gpu-nodes.ts";
import { platformProblem } from "../host/platform.ts";
import { isRunning } from "../host/process.ts";
import { findPrograms, type Problem, requirePrograms, unsupported } from "../host/programs.ts";
import { isWorkspaceUid, notOurs } from "../host/user.ts";
import { removeCgroup } from "../limits/cgroup.ts";
import { heldLimits, holdableLimits } from "../limits/held.ts";
import type { HeldLimit } from "../limits/limits.ts";
import type { CreateSpec, Dialer, HolderState, LoopbackAddress, Sandbox, VolumeOptions } from "../sandbox.ts";
import { problemOf, tryOut } from "../trial.ts";
import { removeCipherFolder } from "../volume/cipher-folder.ts";
import { encryptedProblem } from "../volume/fuse-device.ts";
import { createWorkspace } from "./create.ts";
import { moveDeadline } from "./deadline.ts";
import { describeBubblewrap } from "./describe.ts";
import { execute } from "./exec.ts";
import { startFolderTask } from "./folder-task.ts";
import { type StartedHolder, stopHolder } from "./holder.ts";
import { openMounts } from "./mounts.ts";
import type { Runtime } from "./runtime.ts";

export interface BubblewrapOptions extends Clocks {
  /** The folder of the host's device nodes; default: `/dev`. */
  readonly devices?: string | undefined;
}

/** The bubblewrap driver. Making it costs nothing; the host is looked at when something is asked of it. */
export class Bubblewrap extends WorkspaceFiles implements Sandbox {
  readonly #clocks: Clocks;
  readonly #devices: string;
  /** Holders that were not kept yet, by workspace. */
  readonly #started = new Map<string, StartedHolder>();
  #runtime: Runtime | undefined;

  constructor(options: BubblewrapOptions) {
    super();
    this.#clocks = options;
    this.#devices = options.devices ?? "/dev";
  }

  async problem(volume: VolumeOptions = {}): Promise<Problem | undefined> {
    const encrypted = volume.volume === "encrypted" ? this.encryptedProblem() : undefined;
    const missing = platformProblem() ?? encrypted ?? findPrograms();
    if ("why" in missing) return missing;
    return await tryOut(this, volume);
  }

  encryptedProblem(): Problem | undefined {
    return encryptedProblem(callerUid());
  }

  holdable(spec: Parameters<Sandbox["holdable"]>[0]): readonly HeldLimit[] {
    return holdableLimits(spec, callerUid());
  }

  checkMounts(mounts: readonly ShownFolder[], keep: { secluded: readonly string[]; home: string }): void {
    openMounts(mounts, { uid: this.#ready().uid, ...keep }).close();
  }

  gpu(): GpuNodes & { readonly weakens: readonly string[] } {
    return { ...gpuNodes(this.#devices, this.#ready().uid), weakens: GPU_WEAKENS };
  }

  async create(spec: CreateSpec): Promise<HolderState> {
    const { state, holder } = await createWorkspace(this.#ready(), spec, this.#clocks);
    this.#started.set(state.id, holder);
    return state;
  }

  async tried(state: HolderState): Promise<Problem | undefined> {
    const task = this.tasks(state)({ folder: "work", access: "read", script: ":", args: [] });
    return await problemOf(task, explainFailure);
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

  async stop(state: HolderState): Promise<void> {
    await stopHolder(state);
    this.#started.delete(state.id);
    await removeCgroup(state.cgroup);
    // By now nothing can read it any more: its key was in the memory of a process that has ended.
    if (state.cipherFolder !== undefined) await removeCipherFolder(this.#ready(), state.cipherFolder);
  }

  async exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<ExecResult> {
    return execute(this.#enter(state), state, spec, streams);
  }

  async listen(state: HolderState, at: readonly LoopbackAddress[]): Promise<readonly Server[]> {
    const { listenInside } = await import("../loopback/listen.ts");
    return listenInside(this.#enter(state), state, at);
  }

  async dialer(state: HolderState): Promise<Dialer> {
    const { dialInto } = await import("../loopback/dial.ts");
    return dialInto(this.#enter(state), state);
  }

  held(state: HolderState): readonly HeldLimit[] {
    return heldLimits(state, callerUid());
  }

  describe(state?: HolderState) {
    return describeBubblewrap(state?.volume);
  }

  protected tasks(state: HolderState): StartFolderTask {
    const runtime = this.#enter(state);
    return (script) => startFolderTask(runtime, state, script);
  }

  #ready(): Runtime {
    const problem = platformProblem();
    if (problem) throw unsupported(problem);
    this.#runtime ??= {
      programs: requirePrograms(),
      uid: callerUid(),
      arch: process.arch,
      devices: this.#devices,
    };
    return this.#runtime;
  }

  /** What is needed to go into a workspace, once it is certain that there is one. */
  #enter(state: HolderState): Runtime {
    if (!this.alive(state)) throw isOver();
    const runtime = this.#ready();
    // A state that was tampered with must not make root enter as root.
    if (!isWorkspaceUid(runtime.uid, state.uid)) throw notOurs(state.uid);
    return runtime;
  }
}

function callerUid(): number {
  return process.geteuid?.() ?? 0;
}
