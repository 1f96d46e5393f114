// The driver for Linux: a holder per workspace, and a fresh bubblewrap sandbox inside it for every command.
import type { Server } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import type { Streams } from "../../base/streams.ts";
import type { StartFolderTask } from "../files/folder-task.ts";
import { measure } from "../files/measure.ts";
import { hasFilter } from "../filter/seccomp.ts";
import { isRunning } from "../host/process.ts";
import { explainFailure, findPrograms, type Problem, requirePrograms, unsupported } from "../host/programs.ts";
import { chooseUid, isWorkspaceUid } from "../host/user.ts";
import type { CreateSpec, ExecSpec, HolderState, Sandbox } from "../sandbox.ts";
import { ENFORCED, NOT_ENFORCED } from "./describe.ts";
import { execute } from "./exec.ts";
import { startFolderTask } from "./folder-task.ts";
import { startHolder, stopHolder } from "./holder.ts";
import type { Runtime } from "./runtime.ts";

export interface BubblewrapOptions {
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

/** Time for the trial sandbox of {@link Sandbox.problem}. */
const TRIAL = { id: "trial", ttlMs: 30_000, diskBytes: 1024 * 1024 };

/** The bubblewrap driver. Making it costs nothing; the host is looked at when something is asked of it. */
export class Bubblewrap implements Sandbox {
  readonly #now: () => number;
  #runtime: Runtime | undefined;

  constructor(options: BubblewrapOptions) {
    this.#now = options.now;
  }

  async problem(): Promise<Problem | undefined> {
    const missing = hostProblem() ?? findPrograms();
    if ("why" in missing) return missing;
    try {
      const state = await this.create(TRIAL);
      try {
        const task = startFolderTask(this.#ready(), state, { folder: "work", access: "read", script: ":", args: [] });
        task.stdin.end();
        task.stdout.resume();
        const { exit, message } = await task.ended;
        return exit === 0 ? undefined : explainFailure(message);
      } finally {
        await this.stop(state);
      }
    } catch (error) {
      if (!(error instanceof CloisterError)) throw error;
      return { why: error.why ?? error.message, next: error.next ?? "cloister doctor" };
    }
  }

  async create(spec: CreateSpec): Promise<HolderState> {
    const runtime = this.#ready();
    const uid = chooseUid(runtime.uid);
    const expiresMs = this.#now() + spec.ttlMs;
    const identity = await startHolder(runtime, { uid, ttlMs: spec.ttlMs, diskBytes: spec.diskBytes });
    return { driver: "bubblewrap", id: spec.id, ...identity, uid, diskBytes: spec.diskBytes, expiresMs };
  }

  alive(state: HolderState): boolean {
    // The holder's timer stops while the machine sleeps; the wall clock does not.
    return isRunning(state) && this.#now() < state.expiresMs;
  }

  async fill(
    state: HolderState,
    target: { readonly input: string } | "workspace",
    files: AsyncIterable<FileEntry>,
  ): Promise<void> {
    const { fill } = await import("../files/fill.ts");
    await fill(this.#tasks(state), state, target, files);
  }

  async exec(state: HolderState, spec: ExecSpec, streams: Streams): Promise<{ exit: number }> {
    return execute(this.#enter(state), state, spec, streams);
  }

  async listen(state: HolderState): Promise<Server> {
    const { listenInside } = await import("./loopback.ts");
    return listenInside(this.#enter(state), state);
  }

  async *collect(state: HolderState, path: string): AsyncGenerator<FileEntry> {
    const { collect } = await import("../files/collect.ts");
    yield* collect(this.#tasks(state), path);
  }

  async measure(state: HolderState): Promise<{ files: number; bytes: number }> {
    return measure(this.#tasks(state));
  }

  async stop(state: HolderState): Promise<void> {
    await stopHolder(state);
  }

  describe(): { driver: string; enforced: readonly string[]; notEnforced: readonly string[] } {
    return { driver: "bubblewrap", enforced: ENFORCED, notEnforced: NOT_ENFORCED };
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
