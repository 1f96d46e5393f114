// What a push records by itself: the state of the code and the machine.
import { readFileSync } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { arch, availableParallelism, cpus, release, totalmem, type } from "node:os";
import { dirname, join } from "node:path";
import { byUtf8, sha256Hex } from "../base/digest.ts";
import { CloisterError } from "../base/errors.ts";
import { pathProblem } from "../base/path.ts";
import { type GitOptions, type GitOutput, type WorkTree, withWorkTree } from "./git.ts";
import { captureGpu } from "./gpu.ts";
import type { Facts, GitState } from "./manifest.ts";
import { publicRemoteUrl } from "./remote-url.ts";

/** Of a patch that is kept, not only hashed: it stands in the signed statement. */
const PATCH_BYTES_MAX = 1024 * 1024;
const UNTRACKED_LISTED_MAX = 200;

/**
 * The state of the git work tree that `folder` lies in; undefined where it lies in none, where there is no commit yet,
 * and where git is not installed. Runs nothing that the repository configures, so filters (LFS) do not run either: a
 * file that one of them would rewrite may count as changed.
 *
 * @throws CloisterError FAILURE where git refuses the repository or takes too long, INTERRUPTED
 */
export async function captureGit(folder: string, options: GitOptions): Promise<GitState | undefined> {
  return await withWorkTree(folder, options, async (tree) => {
    if (tree.commit === undefined) return undefined;
    // ignore-submodules: looking for changes inside a submodule would read its configuration.
    const form = ["--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv"];
    const [diff, untracked] = await Promise.all([
      tree.run(tree.top, ["diff", ...form, "--ignore-submodules=dirty", tree.commit, "--"]),
      tree.run(tree.top, ["ls-files", "-z", "-o", "--exclude-standard", "--"]),
    ]);
    if (diff.exit !== 0) throw unreadable("git cannot compare the work tree with its commit");
    const unknown = [...names(untracked)].sort(byUtf8);
    const dirty = diff.stdout === undefined || diff.stdout.length > 0;
    return {
      commit: tree.commit,
      branch: tree.branch,
      remote: remoteUrl(tree),
      dirty,
      patchSha256: diff.stdout?.length ? sha256Hex(diff.stdout) : undefined,
      patch: kept(diff.stdout),
      untracked: unknown.length,
      untrackedFiles: unknown.slice(0, UNTRACKED_LISTED_MAX),
    };
  });
}

function kept(patch: Buffer | undefined): string | undefined {
  return patch?.length && patch.length <= PATCH_BYTES_MAX ? patch.toString("base64") : undefined;
}

function remoteUrl(tree: WorkTree): string | undefined {
  const url = tree.remotes.get("origin") ?? [...tree.remotes.values()].at(0);
  return url === undefined ? undefined : publicRemoteUrl(url);
}

export interface CodeListing {
  /** Relative to the folder, `/`-separated, in order of their UTF-8 bytes; regular files only. */
  readonly files: readonly string[];
  /** Files that cannot come along, and why. */
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

/**
 * The files of `folder` that are tracked by git, or neither tracked nor ignored; undefined outside a work tree or
 * without git. Links are never followed, also where a parent folder was replaced by one.
 *
 * @throws CloisterError FAILURE, INTERRUPTED
 */
export async function listCode(folder: string, options: GitOptions): Promise<CodeListing | undefined> {
  return await withWorkTree(folder, options, async (tree) => {
    const listed = names(await tree.run(folder, ["ls-files", "-z", "-co", "--exclude-standard", "--"]));
    // A conflicted file is there once for each side.
    const paths = [...new Set(listed)].sort(byUtf8);
    const inspect = inspector(await realpath(folder));
    const files: string[] = [];
    const skipped: { path: string; why: string }[] = [];
    for (const path of paths) {
      const found = await inspect(path);
      if (found === "file") files.push(path);
      else if (found !== "absent") skipped.push({ path, why: found.why });
    }
    return { files, skipped };
  });
}

type Inspected = "file" | "absent" | { readonly why: string };

/** Looks at paths below `root` one by one, remembering the folders that it has seen. */
function inspector(root: string): (path: string) => Promise<Inspected> {
  const folders = new Map<string, boolean>([[".", true]]);
  return async (path) => {
    const nested = path.endsWith("/");
    const problem = nested ? "it is another repository" : pathProblem(path);
    if (problem !== undefined) return { why: problem };
    const parent = dirname(path);
    let real = folders.get(parent);
    if (real === undefined) {
      real = (await realpath(join(root, parent)).catch(() => undefined)) === join(root, parent);
      folders.set(parent, real);
    }
    const stats = await lstat(join(root, path)).catch(() => undefined);
    if (stats === undefined) return "absent";
    if (!real) return { why: "it lies behind a symbolic link" };
    if (stats.isSymbolicLink()) return { why: "it is a symbolic link" };
    if (stats.isDirectory()) return { why: "it is a submodule" };
    return stats.isFile() ? "file" : { why: "it is no regular file" };
  };
}

function names(output: GitOutput): readonly string[] {
  if (output.exit !== 0) throw unreadable("git cannot list the files of the work tree");
  if (output.stdout === undefined) throw unreadable("the work tree has too many files");
  return output.stdout
    .toString("utf8")
    .split("\0")
    .filter((name) => name !== "");
}

function unreadable(message: string): CloisterError {
  return new CloisterError("FAILURE", message, { next: "run: git status" });
}

/** Facts about the machine that can matter for a result. No host, user or network names. */
export function captureHost(): Facts {
  return {
    os: distribution() ?? type(),
    arch: arch(),
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    ...captureGpu(),
  };
}

/** Linux distributions name themselves in os-release(5). */
function distribution(): string | undefined {
  try {
    return /^PRETTY_NAME="?([^"\n]{1,200})"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
