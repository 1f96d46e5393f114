// Runs git on a repository that nobody vouches for, so that nothing the repository configures is run.
//
// Many settings in .git/config name commands: fsmonitor, hooks, external diffs, textconv, clean filters, the transport
// that fetches missing objects of a partial clone. Switching off the known ones would miss the next. So git gets a
// folder of its own as GIT_DIR, with an empty configuration, and only the repository's objects, index and excludes.
// The real folder is asked only for paths, HEAD and single settings, which executes nothing.
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, lstat, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { CloisterError, systemCode } from "../base/errors.ts";
import { printable } from "../base/terminal.ts";

/** By absolute path: a `git` in the project or first in PATH may be anything. */
const GIT_PROGRAMS = ["/usr/bin/git", "/bin/git", "/usr/local/bin/git", "/opt/homebrew/bin/git"];
/** A repository of a million files answers in some seconds. */
const COMMAND_MS_MAX = 30_000;
/** Output kept of one command: names of about a million files, or a patch of that size. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** Settings that change what counts as a change, but run nothing; with the values that they may have. */
const HARMLESS = /^core\.(filemode|autocrlf|eol|ignorecase|symlinks|precomposeunicode)$/;
const HARMLESS_VALUE = /^(true|false|yes|no|on|off|0|1|input|lf|crlf|native)$/i;
const SWITCHED_OFF = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never"];

export interface GitOptions {
  /** The user's home folder: git's own settings lie there (`safe.directory`, global excludes). */
  readonly home: string;
  readonly signal: AbortSignal;
}

export interface GitOutput {
  readonly exit: number;
  /** Undefined where it was larger than 64 MiB. */
  readonly stdout: Buffer | undefined;
}

export interface WorkTree {
  /** Top folder, absolute, without symbolic links. */
  readonly top: string;
  /** Hex, or undefined before the first commit. */
  readonly commit: string | undefined;
  readonly branch: string | undefined;
  /** URLs of the remotes by name, as configured. */
  readonly remotes: ReadonlyMap<string, string>;
  /** Runs a git command in `folder` that sees nothing of the repository's configuration. @throws CloisterError */
  run(folder: string, args: readonly string[]): Promise<GitOutput>;
}

/**
 * Calls `use` with the work tree that `folder` lies in, or returns undefined where it lies in none or git is missing.
 *
 * @throws CloisterError FAILURE where git refuses the repository or takes over 30 s, INTERRUPTED
 */
export async function withWorkTree<T>(
  folder: string,
  options: GitOptions,
  use: (tree: WorkTree) => Promise<T>,
): Promise<T | undefined> {
  if (!(await mayBeInWorkTree(folder))) return undefined;
  const program = await findGit();
  if (program === undefined) return undefined;
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_NO_LAZY_FETCH: "1" };
  const ask = (args: readonly string[]) =>
    runGit(program, args, folder, { ...env, HOME: options.home }, options.signal);
  const places = await locate(ask);
  if (places === undefined) return undefined;
  const [settings, commit, branch] = await Promise.all([
    readSettings(ask),
    line(ask, ["rev-parse", "--verify", "--quiet", "HEAD"]),
    line(ask, ["symbolic-ref", "--short", "--quiet", "HEAD"]),
  ]);
  const own = await mkdtemp(join(tmpdir(), "cloister-git-"));
  try {
    await furnish(own, places);
    const shielded = { ...env, HOME: own, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
    const at = { GIT_DIR: own, GIT_WORK_TREE: places.top, GIT_INDEX_FILE: places.index };
    const objects = { GIT_OBJECT_DIRECTORY: places.objects };
    const excludes = `core.excludesFile=${settings.excludes ?? join(options.home, ".config/git/ignore")}`;
    const flags = [...settings.harmless, excludes].flatMap((setting) => ["-c", setting]);
    return await use({
      top: places.top,
      commit,
      branch,
      remotes: settings.remotes,
      run: (cwd, args) => runGit(program, [...flags, ...args], cwd, { ...shielded, ...at, ...objects }, options.signal),
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** Whether git could find a work tree: it has a `.git`, in the folder or above. Starting git to hear that takes longer. */
async function mayBeInWorkTree(folder: string): Promise<boolean> {
  // A folder that cannot be looked at is for git to speak about.
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined) return true;
  for (let at = real; ; at = dirname(at)) {
    const found = await lstat(join(at, ".git")).catch((error: unknown) => systemCode(error));
    if (found !== "ENOENT" && found !== "ENOTDIR") return true;
    if (at === dirname(at)) return false;
  }
}

type Ask = (args: readonly string[]) => Promise<GitOutput & { readonly stderr: string }>;

interface Places {
  readonly top: string;
  readonly index: string;
  readonly objects: string;
  /** Folder with `exclude`. */
  readonly info: string;
  /** `sha1` or `sha256`. */
  readonly format: string;
}

async function findGit(): Promise<string | undefined> {
  for (const program of GIT_PROGRAMS) {
    const found = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return program;
  }
  return undefined;
}

async function locate(ask: Ask): Promise<Places | undefined> {
  const paths = ["--show-toplevel", "--git-path", "index", "--git-path", "objects", "--git-path", "info"];
  const { exit, stdout, stderr } = await ask(["rev-parse", "--path-format=absolute", ...paths, "--show-object-format"]);
  if (exit !== 0 && /not a git repository|must be run in a work tree/.test(stderr)) return undefined;
  // A folder with a line feed in its name gives more lines.
  const [top, index, objects, info, format, ...more] = stdout?.toString("utf8").split("\n") ?? [];
  const known = format === "sha1" || format === "sha256";
  if (exit === 0 && top && index && objects && info && known && more.join("") === "") {
    return { top, index, objects, info, format };
  }
  throw new CloisterError("FAILURE", "git cannot read the repository of this folder", {
    why: printable(stderr.split("\n", 1)[0] ?? "").slice(0, 500) || undefined,
    next: "run: git status",
  });
}

interface Settings {
  readonly harmless: readonly string[];
  readonly excludes: string | undefined;
  readonly remotes: ReadonlyMap<string, string>;
}

async function readSettings(ask: Ask): Promise<Settings> {
  const [{ stdout }, excludes] = await Promise.all([
    ask(["config", "-z", "--get-regexp", "^(remote\\..*\\.url|core\\..*)$"]),
    line(ask, ["config", "--type=path", "--get", "core.excludesFile"]),
  ]);
  const harmless: string[] = [];
  const remotes = new Map<string, string>();
  for (const entry of stdout?.toString("utf8").split("\0") ?? []) {
    // `key LF value NUL`; a setting without a value means true.
    const [key = "", value = "true"] = splitOnce(entry, "\n");
    const remote = /^remote\.(.*)\.url$/s.exec(key)?.[1];
    if (remote !== undefined && !remotes.has(remote)) remotes.set(remote, value);
    if (HARMLESS.test(key) && HARMLESS_VALUE.test(value)) harmless.push(`${key}=${value}`);
  }
  return { harmless, excludes, remotes };
}

/** Makes the folder look like a repository: HEAD, configuration, and links to what is only read. */
async function furnish(own: string, places: Places): Promise<void> {
  const format = places.format === "sha1" ? "" : `[extensions]\n\tobjectFormat = ${places.format}\n`;
  const version = places.format === "sha1" ? 0 : 1;
  await writeFile(join(own, "config"), `[core]\n\trepositoryFormatVersion = ${String(version)}\n${format}`);
  await writeFile(join(own, "HEAD"), "ref: refs/heads/none\n");
  await mkdir(join(own, "refs"));
  await symlink(places.info, join(own, "info"));
  // A split index (git-update-index(1), SPLIT INDEX) is looked for in GIT_DIR.
  const beside = await readdir(dirname(places.index)).catch(() => []);
  for (const name of beside.filter((file) => file.startsWith("sharedindex."))) {
    await symlink(join(dirname(places.index), name), join(own, basename(name)));
  }
}

/** The one line that a command prints, or undefined where it fails or prints nothing. */
async function line(ask: Ask, args: readonly string[]): Promise<string | undefined> {
  const { exit, stdout } = await ask(args);
  const text = stdout?.toString("utf8").replace(/\n$/, "");
  return exit === 0 && text ? text : undefined;
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

async function runGit(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<GitOutput & { readonly stderr: string }> {
  const whole = [...SWITCHED_OFF.flatMap((setting) => ["-c", setting]), ...args];
  const how = { encoding: "buffer", maxBuffer: OUTPUT_BYTES_MAX, timeout: COMMAND_MS_MAX } as const;
  return await new Promise((resolve, reject) => {
    const child = execFile(program, whole, { ...how, cwd, env, signal }, (error, stdout, errors) => {
      const stderr = errors.toString("utf8");
      if (!error) return resolve({ exit: 0, stdout, stderr });
      if (error.name === "AbortError") return reject(interrupted());
      if (systemCode(error) === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") {
        return resolve({ exit: 0, stdout: undefined, stderr });
      }
      if (typeof error.code === "number") return resolve({ exit: error.code, stdout, stderr });
      const late = error.killed === true ? `it took over ${String(COMMAND_MS_MAX / 1000)} s` : undefined;
      const why = late ?? printable(error.message);
      reject(new CloisterError("FAILURE", "git did not answer", { why, next: "run: git status" }));
    });
    child.stdin?.end();
  });
}

function interrupted(): CloisterError {
  return new CloisterError("INTERRUPTED", "interrupted while git was running");
}
