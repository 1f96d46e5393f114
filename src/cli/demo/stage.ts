// The stage of the demo: a scratch folder, one home per member, and the real program spawned for every step.
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { DEMO_FILES, PROGRAM } from "../package-files.ts";
import { shellWord } from "../words.ts";

/** A person in the demo: a home of their own, and a folder to work in. */
export interface Actor {
  readonly name: string;
  readonly home: string;
  readonly folder: string;
}

/** What a spawned command did. */
export interface Outcome {
  /** As a person would type it. */
  readonly command: string;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** Time for one command; the slowest takes about two seconds. */
const COMMAND_MS_MAX = 120_000;

export class Stage {
  readonly scratch: string;
  /** Whether a terminal is there to show a command's output on while it runs. */
  readonly live: boolean;
  readonly #color: boolean;
  readonly #signal: AbortSignal;

  constructor(scratch: string, audience: { readonly live: boolean; readonly color: boolean }, signal: AbortSignal) {
    this.scratch = scratch;
    this.live = audience.live;
    this.#color = audience.color;
    this.#signal = signal;
  }

  /** A new person: an empty home with a random passphrase in a file, and a folder. */
  async actor(name: string): Promise<Actor> {
    const home = join(this.scratch, "home", name);
    const folder = join(this.scratch, name);
    await mkdir(home, { recursive: true, mode: 0o700 });
    await mkdir(folder, { recursive: true });
    await writeFile(join(home, "passphrase"), `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
    return { name, home, folder };
  }

  /** A file that comes with the demo. */
  template(file: string): string {
    return join(DEMO_FILES, file);
  }

  /** `cloister` as a person would type it. */
  static command(args: readonly string[], to?: string): string {
    return `cloister ${args.map(shellWord).join(" ")}${to === undefined ? "" : ` > ${to}`}`;
  }

  /** Runs `cloister` as a person, in their folder. `to` sends standard output to a file, or to the terminal. */
  async cloister(actor: Actor, args: readonly string[], to?: string | "terminal"): Promise<Outcome> {
    const file = to === "terminal" ? undefined : to;
    return this.#spawn(actor, PROGRAM, args, Stage.command(args, file), to);
  }

  /** Runs a Node.js script that comes with the demo. */
  async script(actor: Actor, file: string, args: readonly string[]): Promise<Outcome> {
    return this.#spawn(actor, this.template(file), args, `node ${file} ${args.map(shellWord).join(" ")}`, undefined);
  }

  async #spawn(
    actor: Actor,
    program: string,
    args: readonly string[],
    command: string,
    to: string | undefined,
  ): Promise<Outcome> {
    const { execa } = await import("execa");
    const started = performance.now();
    const result = await execa(process.execPath, [program, ...args], {
      cwd: actor.folder,
      // Nothing of the caller's environment: the demo must not meet their keychain, settings or projects.
      env: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME: actor.home,
        USER: actor.name,
        CLOISTER_PASSPHRASE_FILE: join(actor.home, "passphrase"),
        TMPDIR: this.scratch,
        ...(this.#color ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
      },
      extendEnv: false,
      stdin: "ignore",
      stdout: to === undefined ? "pipe" : to === "terminal" ? "inherit" : { file: join(actor.folder, to) },
      stderr: to === "terminal" ? "inherit" : "pipe",
      reject: false,
      timeout: COMMAND_MS_MAX,
      cancelSignal: this.#signal,
      stripFinalNewline: true,
    });
    this.#signal.throwIfAborted();
    const { exitCode, stdout = "", stderr = "" } = result;
    if (exitCode === undefined) {
      throw new CloisterError("FAILURE", `the demo could not run ${command}`, { why: result.shortMessage });
    }
    return { command, exit: exitCode, stdout, stderr, seconds: (performance.now() - started) / 1000 };
  }
}
