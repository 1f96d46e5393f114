// The driver for container images: a container that holds a workspace, and one for every command. It has no daemon.
import type { Server } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import type { ExecResult, ExecSpec, ShownFolder } from "../exec-spec.ts";
import { type Clocks, expiry, isOver, isPast } from "../expiry.ts";
import type { StartFolderTask } from "../files/folder-task.ts";
import { WorkspaceFiles } from "../files/workspace-files.ts";
import { explainFailure } from "../host/explain.ts";
import { isRunning, uidOf } from "../host/process.ts";
import { type Problem, unsupported } from "../host/programs.ts";
import { notOurs } from "../host/user.ts";
import type { HeldLimit } from "../limits/limits.ts";
import type { CreateSpec, Dialer, HolderState, LoopbackAddress, Sandbox, VolumeOptions } from "../sandbox.ts";
import { problemOf, tryOut } from "../trial.ts";
import { ENFORCED, NOT_ENFORCED } from "./describe.ts";
import { execute } from "./exec.ts";
import { startFolderTask } from "./folder-task.ts";
import { heldByPodman } from "./held.ts";
import { moveDeadline, startHolder, stopHolder } from "./holder.ts";
import { bringImage, checkImage } from "./image.ts";
import type { Held } from "./launch.ts";
import { hostProblem, notWithPodman } from "./problem.ts";
import { findPodman } from "./programs.ts";
import { demand, engine, podmanEnvironment, type Runtime } from "./runtime.ts";
import { tryContainer } from "./trial.ts";
import type { Watch } from "./watch.ts";

export interface PodmanOptions extends Clocks {
  /** The caller's environment: says where podman keeps its images. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Image of new workspaces, by digest. */
  readonly image?: string | undefined;
}

/** What the scripts on folders need, as GNU has it. */
const TOOLS = `tar --version | grep -q GNU && find / -maxdepth 0 -printf "" && echo | sort -z >/dev/null`;

const ENCRYPTED: Problem = {
  why: "with podman, a workspace's volume is memory only",
  next: "add --volume memory, or --driver bubblewrap",
};

/** The podman driver. Making it costs nothing; the host is looked at when something is asked of it. */
export class Podman extends WorkspaceFiles implements Sandbox {
  readonly #options: PodmanOptions;
  /** Workspaces that end with this process, by id. */
  readonly #started = new Map<string, Watch>();
  #runtime: Runtime | undefined;

  constructor(options: PodmanOptions) {
    super();
    this.#options = options;
  }

  async problem({ volume }: VolumeOptions = {}): Promise<Problem | undefined> {
    const missing = hostProblem() ?? (volume === "encrypted" ? ENCRYPTED : undefined);
    if (missing) return missing;
    if (this.#options.image === undefined) {
      const failure = await tryContainer(this.#ready());
      return failure === undefined ? undefined : explainFailure(failure, { program: "podman" });
    }
    return await tryOut(this, {});
  }

  encryptedProblem(): Problem {
    return ENCRYPTED;
  }

  holdable({ limits = {}, diskBytes }: Parameters<Sandbox["holdable"]>[0]): readonly HeldLimit[] {
    return heldByPodman(limits, diskBytes);
  }

  checkMounts(mounts: readonly ShownFolder[]): void {
    if (mounts.length > 0) throw notWithPodman("folders of the host", "--mount-ro");
  }

  gpu(): never {
    throw notWithPodman("GPUs", "--gpu");
  }

  async create(spec: CreateSpec): Promise<HolderState> {
    const { id, ttlMs, diskBytes, limits = {} } = spec;
    if (spec.volume === "encrypted") throw unsupported(ENCRYPTED);
    const runtime = this.#ready();
    const image = checkImage(this.#options.image);
    await bringImage(runtime, image);
    const expires = expiry(ttlMs, this.#options);
    const { holder, watch } = await startHolder(runtime, { image, ttlMs, diskBytes, limits });
    this.#started.set(id, watch);
    const inspect = [...engine(runtime), "volume", "inspect", "--format", "{{.Mountpoint}}", holder.container];
    const mountpoint = await demand(runtime, inspect, "the workspace has no volume");
    return { driver: "podman", id, ...holder, diskBytes, limits, ...expires, image, mountpoint };
  }

  async tried(state: HolderState): Promise<Problem | undefined> {
    const task = this.tasks(state)({ folder: "work", access: "read", script: TOOLS, args: [] });
    return await problemOf(task, (message) => ({
      why: `the image cannot be a workspace: ${message.trim().slice(0, 300) || "it lacks GNU tar, find or sort"}`,
      next: "use an image with GNU tar, findutils and coreutils",
    }));
  }

  async keep(state: HolderState): Promise<void> {
    this.#started.get(state.id)?.release();
    this.#started.delete(state.id);
  }

  alive(state: HolderState): boolean {
    return isRunning(state) && !isPast(state, this.#options);
  }

  async extend(state: HolderState, ttlMs: number): Promise<HolderState> {
    const { container } = this.#enter(state);
    const extended = { ...state, ...expiry(ttlMs, this.#options) };
    await moveDeadline(this.#ready(), container, ttlMs);
    // It may have ended just before.
    this.#enter(extended);
    return extended;
  }

  async stop(state: HolderState): Promise<void> {
    // Being made when that was interrupted: whoever watched has removed it.
    if (state.container === undefined) return;
    await stopHolder(this.#ready(), named(state));
    await this.keep(state);
  }

  async exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<ExecResult> {
    return execute(this.#ready(), this.#enter(state), spec, streams);
  }

  async listen(state: HolderState, at: readonly LoopbackAddress[]): Promise<readonly Server[]> {
    const { listenInside } = await import("../loopback/listen.ts");
    return listenInside(this.#ready(), this.#enter(state), at);
  }

  async dialer(state: HolderState): Promise<Dialer> {
    const { dialInto } = await import("../loopback/dial.ts");
    return dialInto(this.#ready(), this.#enter(state));
  }

  held({ limits, diskBytes }: HolderState): readonly HeldLimit[] {
    return heldByPodman(limits, diskBytes);
  }

  describe(): { driver: string; enforced: readonly string[]; notEnforced: readonly string[] } {
    return { driver: "podman", enforced: ENFORCED, notEnforced: NOT_ENFORCED };
  }

  protected tasks(state: HolderState): StartFolderTask {
    const [runtime, held] = [this.#ready(), this.#enter(state)];
    return (script) => startFolderTask(runtime, held, script);
  }

  #ready(): Runtime {
    if (this.#runtime) return this.#runtime;
    const programs = findPodman();
    if ("why" in programs) throw unsupported(programs);
    const environment = podmanEnvironment(this.#options.env);
    this.#runtime = { programs, uid: process.geteuid?.() ?? 0, arch: process.arch, environment };
    return this.#runtime;
  }

  /** A workspace that is certain to be there. */
  #enter(state: HolderState): Held {
    if (!this.alive(state)) throw isOver();
    // A state that was tampered with must not lead to a process of somebody else.
    const uid = uidOf(state.pid);
    if (state.uid === 0 || uid !== state.uid) throw notOurs(uid);
    return named(state);
  }
}

/** @throws {@link CloisterError} FAILURE for names that this driver did not give: they stand among podman's options */
function named(state: HolderState): Held {
  const { container = "", image = "", mountpoint = "" } = state;
  const own = /^cloister-[0-9a-f]{16}$/.test(container) && /^\/[^:,]*$/.test(mountpoint);
  if (own) return { ...state, container, image: checkImage(image), mountpoint };
  throw new CloisterError("FAILURE", "what this device knows of the workspace was changed");
}
