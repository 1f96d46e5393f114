// What every escape attempt finds: a running workspace with one input, and a host that has something to steal.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FileEntry } from "../../../src/base/file-entry.ts";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import type { ExecResult, ExecSpec } from "../../../src/sandbox/exec-spec.ts";
import { SYSCALLS } from "../../../src/sandbox/filter/syscalls.ts";
import type { Limits } from "../../../src/sandbox/limits/limits.ts";
import type { HolderState, Sandbox, VolumeKind } from "../../../src/sandbox/sandbox.ts";
import type { Case } from "../../sandbox/cases.ts";

export const DISK_BYTES = 16 * 1024 * 1024;

export interface Ran extends ExecResult {
  readonly out: string;
  readonly err: string;
}

export class World {
  readonly sandbox: Sandbox;
  readonly state: HolderState;
  /** A folder of the host that holds a home with a key in it. */
  readonly folder: string;
  readonly keyPath: string;
  /** Content of the key. It must never be seen inside, nor leave by any output. */
  readonly secret: string;
  /** The program that runs the attempts, to be started again in other ways. */
  readonly program: string;

  private constructor(folder: string, program: string, sandbox: Sandbox, state: HolderState) {
    this.folder = folder;
    this.program = program;
    this.sandbox = sandbox;
    this.state = state;
    this.secret = `SECRET-${randomBytes(16).toString("hex")}`;
    this.keyPath = join(folder, "home/.ssh/id_ed25519");
    mkdirSync(join(folder, "home/.ssh"), { recursive: true, mode: 0o755 });
    writeFileSync(this.keyPath, this.secret, { mode: 0o644 });
  }

  static async make(
    parent: string,
    program: string,
    limits: Limits = {},
    diskBytes = DISK_BYTES,
    volume: VolumeKind = "memory",
    sandbox: Sandbox = new Bubblewrap({ now: Date.now }),
  ): Promise<World> {
    const folder = mkdtempSync(join(parent, "world-"));
    const volumeFolder = join(folder, "volumes");
    const state = await sandbox.create({ id: "attempts", ttlMs: 900_000, diskBytes, limits, volume, volumeFolder });
    const world = new World(folder, program, sandbox, state);
    await sandbox.fill(state, { input: "data" }, files({ "table.csv": "a,b\n1,2\n" }));
    return world;
  }

  /** What lies in /workspace: everything that is no folder, and the sizes of the regular files in bytes. */
  async measure(): Promise<{ readonly files: number; readonly bytes: number }> {
    const { entries } = await this.sandbox.list(this.state, "workspace");
    const sizes = [...entries.values()].map(({ isFile, bytes }) => (isFile ? bytes : 0));
    return { files: sizes.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
  }

  async end(): Promise<void> {
    await this.sandbox.stop(this.state);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async run(argv: readonly string[], state = this.state, more: Partial<ExecSpec> = {}): Promise<Ran> {
    const stdin = new PassThrough();
    stdin.end();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const texts = { out: "", err: "" };
    stdout.on("data", (chunk) => {
      texts.out += String(chunk);
    });
    stderr.on("data", (chunk) => {
      texts.err += String(chunk);
    });
    const spec: ExecSpec = {
      argv,
      env: {},
      inputs: [{ source: "data", path: "/inputs/data" }],
      tty: false,
      signal: new AbortController().signal,
      tools: [],
      ...more,
    };
    const ended = await this.sandbox.exec(state, spec, { stdin, stdout, stderr });
    return { ...ended, ...texts };
  }

  /** Runs a shell script; its `$1` and on are `args`. */
  sh(script: string, ...args: string[]): Promise<Ran> {
    return this.run(["/bin/sh", "-c", script, "attempt", ...args]);
  }

  /** Runs Perl, which can make any system call. `%nr` holds the numbers of this machine's. */
  perl(script: string, ...args: string[]): Promise<Ran> {
    const table = SYSCALLS[process.arch];
    const numbers = { ...table?.examined, ...table?.denied };
    const hash = Object.entries(numbers).map(([name, number]) => `${name}=>${String(number)}`);
    return this.run(["/usr/bin/perl", "-e", `$|=1; my %nr=(${hash.join(",")}); ${script}`, "--", ...args]);
  }

  /**
   * Runs a shell script in the workspace from a process of its own: with a file as standard input, with a descriptor 40
   * left open, or on a terminal.
   */
  again(mode: "stdin" | "tty", script: string, given: { readonly input?: string; readonly leak?: string }) {
    const command = [process.execPath, this.program, mode, JSON.stringify(this.state), script];
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const stdio = Array<"ignore" | "pipe" | number>(41).fill("ignore");
    stdio[0] = given.input === undefined ? "ignore" : openSync(given.input, "r");
    stdio[1] = "pipe";
    stdio[2] = "pipe";
    if (given.leak !== undefined) stdio[40] = openSync(given.leak, "r");
    const argv = mode === "tty" ? ["script", "-qec", quoted, "/dev/null"] : command;
    const [file = "", ...args] = argv;
    const result = spawnSync(file, args, { stdio, encoding: "utf8", timeout: 20_000 });
    for (const fd of stdio) if (typeof fd === "number") closeSync(fd);
    return Promise.resolve(result);
  }

  /** Tries to take something out; the error where it is refused. */
  async collect(path: string): Promise<{ readonly texts: Record<string, string>; readonly error: Error | undefined }> {
    const texts: Record<string, string> = {};
    try {
      for await (const file of this.sandbox.collect(this.state, path)) {
        texts[file.path] = "";
        for await (const chunk of file.read()) texts[file.path] += Buffer.from(chunk).toString("utf8");
      }
      return { texts, error: undefined };
    } catch (error) {
      return { texts, error: error as Error };
    }
  }
}

export async function* files(contents: Readonly<Record<string, string>>): AsyncGenerator<FileEntry> {
  for (const [path, text] of Object.entries(contents)) {
    yield {
      path,
      kind: "file",
      bytes: Buffer.byteLength(text),
      read: async function* () {
        yield Buffer.from(text);
      },
    };
  }
}

/** Command lines of the host's processes that hold a text; attempts mark theirs to be found again. */
export function processesWith(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(text));
}

/** {@link processesWith}, once the kernel has had time to end them. */
export async function survivorsWith(text: string): Promise<string[]> {
  for (let tries = 0; processesWith(text).length > 0 && tries < 500; tries++) await sleep(10);
  return processesWith(text);
}

/** One way out that must be closed; throws where it is open. */
export interface Attempt extends Case<World> {
  /** Made in a volume of this kind alone; default: in each. */
  readonly volume?: VolumeKind;
}
