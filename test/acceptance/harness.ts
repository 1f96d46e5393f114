// The real program as people type it: one temporary HOME per member, nothing of this machine's own settings.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

export const BIN = join(import.meta.dirname, "../../bin/cloister.js");
export const IS_ROOT = process.getuid?.() === 0;
export const HAS_SANDBOX = has("bwrap");

/** Whether a program is installed. */
export function has(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** How a process ended and what it printed. */
export interface Ended {
  /** Exit code; 128 + signal number is what shells say, here the name of the signal. */
  readonly exit: number | NodeJS.Signals;
  readonly out: string;
  readonly err: string;
  readonly bytes: Buffer;
}

/** The document on standard error of a command with `--json` that failed. */
export interface Failed {
  readonly exit: number | NodeJS.Signals;
  readonly code: string;
  readonly message: string;
  readonly why: string;
  readonly next: string;
  readonly refusals: readonly { readonly rule: string; readonly line?: number; readonly why: string; next?: string }[];
  readonly logEntry: number | undefined;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface SpawnOptions {
  readonly cwd?: string;
  readonly input?: Buffer | string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program with exactly this environment. */
export function start(argv: readonly string[], env: Readonly<Record<string, string>>, options: SpawnOptions): Running {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    env: { ...env, ...options.env },
    cwd: options.cwd,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const bytes = Buffer.concat(out);
      resolve({ exit: signal ?? code ?? -1, out: bytes.toString(), err: Buffer.concat(err).toString(), bytes });
    });
  });
  return { child, ended };
}

/** A person with a device of their own. */
export class Member {
  readonly id: string;
  readonly home: string;
  /** Where they work: the project's folder. */
  readonly folder: string;
  readonly passphrase = randomBytes(12).toString("hex");
  readonly env: Readonly<Record<string, string>>;
  readonly more: Readonly<Record<string, string>>;

  /** @param more what their environment holds besides */
  constructor(root: string, id: string, more: Readonly<Record<string, string>> = {}) {
    this.id = id;
    this.more = more;
    this.home = join(root, `home-${id}`);
    this.folder = join(root, `work-${id}`);
    const temporary = join(root, `tmp-${id}`);
    for (const folder of [this.home, this.folder, temporary]) mkdirSync(folder, { mode: 0o700 });
    const passphraseFile = join(root, `passphrase-${id}`);
    writeFileSync(passphraseFile, `${this.passphrase}\n`, { mode: 0o600 });
    this.env = {
      PATH: process.env["PATH"] ?? "",
      HOME: this.home,
      TMPDIR: temporary,
      USER: id,
      LANG: "C.UTF-8",
      CLOISTER_PASSPHRASE_FILE: passphraseFile,
      ...more,
    };
  }

  start(args: readonly string[], options: SpawnOptions = {}): Running {
    return start([process.execPath, ...this.argv(args)], this.env, { cwd: this.folder, ...options });
  }

  /** What Node is to run for a command. */
  argv(args: readonly string[]): readonly string[] {
    return [BIN, ...args];
  }

  /** Runs `cloister` in the member's folder to its end. */
  async cli(...args: readonly string[]): Promise<Ended> {
    return await this.start(args).ended;
  }

  async with(options: SpawnOptions, ...args: readonly string[]): Promise<Ended> {
    return await this.start(args, options).ended;
  }

  /** Runs a command that must succeed; says what it printed where it does not. */
  async ok(...args: readonly string[]): Promise<Ended> {
    const ended = await this.cli(...args);
    if (ended.exit === 0) return ended;
    throw new Error(`cloister ${args.join(" ")} ended with ${String(ended.exit)}:\n${ended.out}${ended.err}`);
  }

  /** The JSON document of a command that must succeed. */
  async json<T>(...args: readonly string[]): Promise<T & { readonly schema: string }> {
    return JSON.parse((await this.ok(...jsonFlag(args))).out);
  }

  /** The JSON error of a command that must fail. */
  async fails(...args: readonly string[]): Promise<Failed> {
    const { exit, out, err } = await this.cli(...jsonFlag(args));
    if (exit === 0) throw new Error(`cloister ${args.join(" ")} succeeded:\n${out}${err}`);
    const last = err.trimEnd().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`cloister ${args.join(" ")}: no JSON on standard error:\n${out}${err}`);
    return { refusals: [], why: "", next: "", ...JSON.parse(last).error, exit };
  }

  /** Writes files below a new folder in the member's folder and returns its path. */
  files(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.folder, folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    return join(this.folder, folder);
  }

  get store(): string {
    return join(this.folder, ".cloister/store");
  }
}

function jsonFlag(args: readonly string[]): readonly string[] {
  const dashes = args.indexOf("--");
  return dashes < 0 ? [...args, "--json"] : [...args.slice(0, dashes), "--json", ...args.slice(dashes)];
}

/** Workspaces that a test left running would wait for their time with nobody who knows of them. */
function endWorkspaces(home: string): void {
  for (const path of filesBelow(home).filter((each) => /\/workspaces\/[^/]+\.json$/.test(each))) {
    try {
      const { holder } = JSON.parse(readFileSync(join(home, path), "utf8"));
      const same = readFileSync(`/proc/${String(holder.pid)}/stat`, "utf8").includes(` ${String(holder.startTime)} `);
      if (same) process.kill(holder.pid, "SIGKILL");
    } catch {
      // A record that a test damaged, or a workspace that is over.
    }
  }
}

/** A temporary folder with people in it; gone after the file's last test, with what the kernel remembers of them. */
export class World {
  readonly root: string;
  readonly #members: Member[] = [];

  /** @param parent the folder to make it in */
  constructor(parent = tmpdir()) {
    this.root = mkdtempSync(join(parent, "cloister-acceptance-"));
    afterAll(async () => {
      const devices = this.#members.filter(({ home }) => existsSync(join(home, ".config")));
      await Promise.all(devices.map((member) => member.cli("lock")));
      for (const { home } of devices) endWorkspaces(home);
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  member(id: string, more: Readonly<Record<string, string>> = {}): Member {
    const member = new Member(this.root, id, more);
    this.#members.push(member);
    return member;
  }

  /** The same person with a copy of their device, of their project's folder and of the store in it. */
  twin(member: Member): Member {
    const twin = this.member(`${member.id}-${String(this.#members.length)}`, member.more);
    const { CLOISTER_PASSPHRASE_FILE: from = "" } = member.env;
    const { CLOISTER_PASSPHRASE_FILE: to = "" } = twin.env;
    cpSync(from, to);
    cpSync(member.home, twin.home, { recursive: true });
    cpSync(member.folder, twin.folder, { recursive: true });
    return twin;
  }

  /** A member with a project of their own. */
  async project(id: string, template: "solo" | "demo"): Promise<Member> {
    const member = this.member(id);
    const answers = ["--template", template, "--project", "churn", "--domain", "churn", "--purpose", "modelling"];
    await member.ok("init", ...answers, "--as", id, "--name", `Person ${id}`, "--yes");
    return member;
  }

  /** A second person, joined and added with a role. */
  async colleague(steward: Member, id: string, role: string): Promise<Member> {
    const member = this.member(id);
    const { line } = await member.json<{ line: string }>("join", steward.store, "--as", id, "--name", `Person ${id}`);
    await steward.ok("member", "add", line, "--role", role, "--yes");
    return member;
  }
}

/** Text that occurs nowhere else. */
export function marker(): string {
  return `marker${randomBytes(10).toString("hex")}`;
}

/** Random lower-case text of about this many bytes, in lines. */
export function randomText(bytes: number): string {
  return randomBytes(Math.ceil(bytes / 2))
    .toString("hex")
    .replace(/(.{79})/g, "$1\n");
}

/** Every regular file below a folder, as paths relative to it. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isFile())
    .sort();
}

/** Which files below a folder hold one of these strings, in their content or their path. */
export function holders(folder: string, needles: readonly string[]): readonly string[] {
  return filesBelow(folder).flatMap((path) => {
    const content = readFileSync(join(folder, path));
    return needles.filter((needle) => path.includes(needle) || content.includes(needle)).map((at) => `${path}: ${at}`);
  });
}

/** Waits until something is true, looking every 20 ms. @throws Error after `ms` */
export async function until(what: string, ms: number, test: () => boolean): Promise<void> {
  const end = Date.now() + ms;
  while (!test()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${String(ms)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Writes over an object of a store. They are read-only, which stops nobody who owns them. */
export function overwrite(path: string, bytes: Buffer | string): void {
  if (existsSync(path)) chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}
