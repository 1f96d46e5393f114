import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { captureGit, captureHost, listCode } from "../../src/provenance/capture.ts";

const noGit = !existsSync("/usr/bin/git");
let base: string;
let repo: string;
let options: { home: string; signal: AbortSignal };

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "cloister-test-"));
  repo = join(base, "repo");
  options = { home: join(base, "home"), signal: new AbortController().signal };
  mkdirSync(repo);
  mkdirSync(options.home);
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

function git(...args: string[]): string {
  const env = { PATH: "/usr/bin:/bin", HOME: options.home, GIT_CONFIG_NOSYSTEM: "1" };
  const who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
  return execFileSync("/usr/bin/git", [...who, ...args], {
    cwd: repo,
    env,
    encoding: "utf8",
    stdio: "pipe",
    timeout: 20_000,
  });
}

function write(path: string, content = path): void {
  mkdirSync(join(repo, path, ".."), { recursive: true });
  writeFileSync(join(repo, path), content);
}

function commitAll(): string {
  git("add", "-A");
  git("commit", "-q", "-m", "x");
  return git("rev-parse", "HEAD").trim();
}

describe.skipIf(noGit)(`captureGit${noGit ? " (skipped: no /usr/bin/git)" : ""}`, () => {
  test("a clean work tree, from a folder inside it", async () => {
    git("init", "-q");
    write("src/a.ts");
    const commit = commitAll();
    git("remote", "add", "zzz", "https://other.example/x");
    git("remote", "add", "origin", "https://alice:s3cret@git.example/a.git");
    const state = await captureGit(join(repo, "src"), options);
    const remote = "https://git.example/a.git";
    const untracked = { untracked: 0, untrackedFiles: [] };
    expect(state).toEqual({ commit, branch: "main", remote, dirty: false, ...untracked });
  });

  test("changes: the digest is that of a patch that git applies", async () => {
    git("init", "-q");
    write("a", "one\n");
    write("b", "two\n");
    const commit = commitAll();
    git("checkout", "-q", "--detach");
    write("a", "changed\n");
    write("b", "\0binary");
    write("new");
    write(".gitignore", "ignored\n");
    write("ignored");
    const patch = git("diff", "--binary", "--full-index", "HEAD");
    const patchSha256 = createHash("sha256").update(patch).digest("hex");
    const index = readFileSync(join(repo, ".git/index"));
    const state = await captureGit(repo, options);
    const kept = { patchSha256, patch: Buffer.from(patch).toString("base64") };
    const untracked = { untracked: 2, untrackedFiles: [".gitignore", "new"] };
    expect(state).toEqual({ commit, dirty: true, ...kept, ...untracked });
    expect(readFileSync(join(repo, ".git/index")).equals(index)).toBe(true);
  });

  test("a patch over a mebibyte is hashed and not kept; of many new files the first are named", async () => {
    git("init", "-q");
    write("a", "one\n");
    commitAll();
    write("a", randomBytes(800_000).toString("hex"));
    for (let at = 0; at < 210; at++) write(`new-${String(at).padStart(3, "0")}`);
    const state = await captureGit(repo, options);
    expect(state).toMatchObject({ dirty: true, patch: undefined, untracked: 210 });
    expect(state?.patchSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(state?.untrackedFiles).toHaveLength(200);
    expect(state?.untrackedFiles?.at(-1)).toBe("new-199");
  });

  test("staged changes count, too", async () => {
    git("init", "-q");
    write("a");
    commitAll();
    write("staged");
    git("add", "staged");
    expect(await captureGit(repo, options)).toMatchObject({ dirty: true, untracked: 0 });
  });

  test("SHA-256 repositories, linked work trees, split indexes", async () => {
    git("init", "-q", "--object-format=sha256");
    write("a");
    const commit = commitAll();
    expect(commit).toHaveLength(64);
    git("update-index", "--split-index");
    expect(await captureGit(repo, options)).toMatchObject({ commit, dirty: false });
    git("worktree", "add", "-q", "-b", "side", join(base, "linked"));
    expect(await captureGit(join(base, "linked"), options)).toMatchObject({ commit, branch: "side", dirty: false });
  });

  test("undefined outside a work tree, in .git, in a bare repository, before the first commit", async () => {
    expect(await captureGit(base, options)).toBeUndefined();
    git("init", "-q");
    expect(await captureGit(repo, options)).toBeUndefined();
    expect(await captureGit(join(repo, ".git"), options)).toBeUndefined();
    git("init", "-q", "--bare", "bare");
    expect(await captureGit(join(repo, "bare"), options)).toBeUndefined();
  });

  test("a repository that git cannot read is an error, not silence", async () => {
    git("init", "-q");
    writeFileSync(join(repo, ".git/config"), "[core\n");
    await expect(captureGit(repo, options)).rejects.toMatchObject({ code: "FAILURE" });
  });

  test("an aborted signal stops it", async () => {
    git("init", "-q");
    const aborted = { ...options, signal: AbortSignal.abort() };
    await expect(captureGit(repo, aborted)).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe.skipIf(noGit)(`a hostile repository runs nothing${noGit ? " (skipped: no /usr/bin/git)" : ""}`, () => {
  /** A command that leaves a file behind, in `base`, named for the setting that ran it. */
  function trap(name: string): string {
    const script = join(base, `${name}.sh`);
    writeFileSync(script, `#!/bin/sh\ntouch '${base}/ran-${name}'\nexit 1\n`);
    chmodSync(script, 0o755);
    return script;
  }
  const ran = () => readdirSync(base).filter((name) => name.startsWith("ran-"));

  function prepare(): void {
    git("init", "-q");
    write("a.txt", "one\n");
    write("b.bin", "two\n");
    commitAll();
    write(".gitattributes", "*.txt diff=evil filter=evil\n*.bin diff=evil2 filter=evil2\n");
    git("config", "core.fsmonitor", trap("fsmonitor"));
    git("config", "diff.external", trap("external"));
    git("config", "diff.evil.textconv", trap("textconv"));
    git("config", "diff.evil2.command", trap("driver"));
    git("config", "filter.evil.clean", trap("clean"));
    git("config", "filter.evil2.process", trap("process"));
    git("config", "core.pager", trap("pager"));
    git("config", "core.sshCommand", trap("ssh"));
    git("config", "core.hooksPath", join(base, "hooks"));
    git("config", "alias.diff", `!${trap("alias")}`);
    git("config", "alias.ls-files", `!${trap("alias")}`);
    mkdirSync(join(base, "hooks"));
    for (const hook of ["post-index-change", "post-checkout", "pre-commit"]) {
      writeFileSync(join(base, "hooks", hook), `#!/bin/sh\ntouch '${base}/ran-${hook}'\n`, { mode: 0o755 });
    }
    // As long as before: git has to look at the content, through the filter.
    write("a.txt", "ONE\n");
    write("b.bin", "TWO\n");
  }

  test("settings, attributes and hooks", async () => {
    prepare();
    expect(await captureGit(repo, options)).toMatchObject({ dirty: true, untracked: 1 });
    expect((await listCode(repo, options))?.files).toEqual([".gitattributes", "a.txt", "b.bin"]);
    expect(ran()).toEqual([]);
  });

  test("the traps are real: plain git walks into them", () => {
    prepare();
    expect(() => git("diff", "HEAD")).toThrow();
    expect(ran()).toEqual(expect.arrayContaining(["ran-clean", "ran-fsmonitor", "ran-process"]));
  });

  test("submodules' settings", async () => {
    git("init", "-q");
    write("a");
    commitAll();
    git("init", "-q", "sub");
    git("-C", "sub", "commit", "-q", "--allow-empty", "-m", "x");
    git("-c", "advice.addEmbeddedRepo=false", "add", "sub");
    git("commit", "-q", "-m", "sub");
    write("sub/new");
    git("-C", "sub", "config", "core.fsmonitor", trap("sub-fsmonitor"));
    expect(await captureGit(repo, options)).toMatchObject({ dirty: false });
    expect(await listCode(repo, options)).toEqual({
      files: ["a"],
      skipped: [{ path: "sub", why: expect.stringContaining("submodule") }],
    });
    expect(ran()).toEqual([]);
  });

  test("objects that a partial clone would fetch", async () => {
    git("init", "-q");
    write("a", "one\n");
    const commit = commitAll();
    const blob = git("rev-parse", `${commit}:a`).trim();
    rmSync(join(repo, ".git/objects", blob.slice(0, 2), blob.slice(2)));
    git("config", "remote.origin.url", join(base, "x"));
    git("config", "remote.origin.promisor", "true");
    git("config", "remote.origin.uploadpack", trap("uploadpack"));
    git("config", "core.repositoryFormatVersion", "1");
    git("config", "extensions.partialClone", "origin");
    write("a", "changed\n");
    await expect(captureGit(repo, options)).rejects.toMatchObject({ code: "FAILURE" });
    expect(ran()).toEqual([]);
    expect(() => git("diff", "HEAD")).toThrow();
    expect(ran()).toEqual(["ran-uploadpack"]);
  });
});

describe.skipIf(noGit)(`listCode${noGit ? " (skipped: no /usr/bin/git)" : ""}`, () => {
  test("tracked and untracked, not ignored, not deleted; relative to the folder", async () => {
    git("init", "-q");
    for (const path of ["code/b", "code/a/x", "code/gone", "other"]) write(path);
    write(".gitignore", "*.log\n");
    commitAll();
    rmSync(join(repo, "code/gone"));
    write("code/new");
    write("code/x.log");
    mkdirSync(join(repo, ".git/info"), { recursive: true });
    writeFileSync(join(repo, ".git/info/exclude"), "private\n");
    write("code/private");
    mkdirSync(join(options.home, ".config/git"), { recursive: true });
    writeFileSync(join(options.home, ".config/git/ignore"), "*.swp\n");
    write("code/a.swp");
    expect(await listCode(join(repo, "code"), options)).toEqual({ files: ["a/x", "b", "new"], skipped: [] });
  });

  test("the user's own excludes file", async () => {
    git("init", "-q");
    writeFileSync(join(options.home, "excludes"), ".env\n");
    git("config", "--global", "core.excludesFile", "~/excludes");
    write(".env");
    write("a");
    expect((await listCode(repo, options))?.files).toEqual(["a"]);
  });

  test("works before the first commit; undefined outside a work tree", async () => {
    git("init", "-q");
    write("-n");
    write("a");
    expect(await listCode(repo, options)).toEqual({
      files: ["a"],
      skipped: [{ path: "-n", why: expect.stringContaining("starts with -") }],
    });
    expect(await listCode(base, options)).toBeUndefined();
  });

  test("links are not followed: neither files nor folders, nor a work tree elsewhere", async () => {
    git("init", "-q");
    write("dir/passwd", "mine");
    symlinkSync("/etc/passwd", join(repo, "link"));
    commitAll();
    rmSync(join(repo, "dir"), { recursive: true });
    symlinkSync("/etc", join(repo, "dir"));
    const listed = await listCode(repo, options);
    expect(listed?.files).toEqual([]);
    expect(listed?.skipped.map(({ path }) => path)).toEqual(["dir", "dir/passwd", "link"]);
    git("config", "core.worktree", "/etc");
    expect((await listCode(repo, options))?.files ?? []).toEqual([]);
  });

  test("nested repositories stay outside", async () => {
    git("init", "-q");
    write("a");
    git("init", "-q", "nested");
    write("nested/b");
    expect(await listCode(repo, options)).toEqual({
      files: ["a"],
      skipped: [{ path: "nested/", why: expect.stringContaining("repository") }],
    });
  });

  test("a link to the folder is fine", async () => {
    git("init", "-q");
    write("a/b");
    symlinkSync(repo, join(base, "alias"));
    expect((await listCode(join(base, "alias"), options))?.files).toEqual(["a/b"]);
  });
});

test("captureHost tells the machine but not its name", () => {
  const facts = captureHost();
  expect(facts).toMatchObject({ arch: process.arch, node: process.versions.node });
  for (const key of ["os", "kernel", "cpu"]) expect(facts[key]).toMatch(/./);
  for (const key of ["cores", "memoryBytes"]) expect(facts[key]).toBeGreaterThan(0);
  expect(Object.values(facts)).not.toContain(hostname());
});
