// Code and files that go in and out of a workspace while it lives.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Copied, Pushed, Receipt, Synced, VersionDetail, WorkspaceDetail } from "../../src/index.ts";
import { filesBelow, HAS_SANDBOX, holders, type Member, marker, World } from "../acceptance/harness.ts";

const title = HAS_SANDBOX ? "files of a workspace" : "files of a workspace (skipped: no bubblewrap here)";
const secret = marker();
const use = ["--purpose", "modelling", "--ttl", "10m"];

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let bo: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    ana.files("cohort", { "rows.csv": `id,${secret}\n` });
    ana.files("lookup", { "codes.csv": "a,b\n" });
    await ana.ok("push", "cohort", "--name", "cohort", "--class", "confidential");
    await ana.ok("push", "lookup", "--name", "lookup", "--class", "internal");
    const code = bo.files("code", {
      ".gitignore": "*.tmp\n",
      "train.py": "1\n",
      "lib/model.py": "1\n",
      "old.py": "1\n",
      "notes.md": "1\n",
    });
    git(code, "init -q . && git add . && git -c user.name=b -c user.email=b@x commit -qm 1");
    await bo.ok("ws", "create", "w1", "--input", "lookup", "--code", "code", ...use);
    await bo.ok("ws", "create", "w2", "--input", "cohort", "--code", "code", ...use);
  });

  function git(folder: string, line: string): void {
    execFileSync("sh", ["-c", `git ${line}`], { cwd: folder, env: bo.env });
  }

  const inside = async (script: string, name = "w1"): Promise<string> =>
    (await bo.ok("run", name, "--", "sh", "-c", script)).out;
  const sync = async (...args: readonly string[]): Promise<Synced> =>
    await bo.json<Synced>("ws", "sync", "w1", ...args);

  it("sync brings what differs, leaves alone what the workspace changed, and names the new commit", async () => {
    await inside("echo mine >> notes.md; rm lib/model.py; echo 5 > result");
    bo.files("code", { "train.py": "2\n", "new.py": "1\n", "x.tmp": "x", "notes.md": "2\n" });
    rmSync(join(bo.folder, "code/old.py"));
    git(join(bo.folder, "code"), "add -A . && git -c user.name=b -c user.email=b@x commit -qm 2");
    bo.files("code", { "untracked.py": "1\n" });
    const expected = {
      added: ["new.py", "untracked.py"],
      updated: ["train.py"],
      removed: [],
      kept: ["lib/model.py", "notes.md"],
    };
    expect(await sync("--dry-run")).toMatchObject({ schema: "cloister/workspace-sync@1", ...expected, dryRun: true });
    expect(await inside("cat train.py; ls")).toBe("1\nlib\nnotes.md\nold.py\nresult\ntrain.py\n");
    const done = await sync();
    expect(done).toMatchObject({
      ...expected,
      unchanged: 1,
      dryRun: false,
      dirty: false,
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(await inside("cat train.py notes.md")).toBe("2\n1\nmine\n");
    const { code } = await bo.json<WorkspaceDetail>("ws", "show", "w1");
    expect(code).toMatchObject({ commit: done.commit, files: 6 });
    expect(await sync("--delete")).toMatchObject({ added: [], updated: [], removed: ["old.py"], kept: expected.kept });
    expect(await sync("--force")).toMatchObject({
      added: ["lib/model.py"],
      updated: ["notes.md"],
      kept: [],
      unchanged: 4,
    });
    expect(await inside("cat lib/model.py notes.md result; ls old.py 2>&1 | wc -l")).toBe("1\n2\n5\n1\n");
    const plain = await bo.cli("ws", "sync", "w1");
    expect(plain).toMatchObject({
      exit: 0,
      err: "",
      out: expect.stringMatching(/^✓ workspace w1 has this code already {3}log #\d+\n/),
    });
  });

  it("what sync and cp brought is kept outside, and not asked about at the end; what was made there is", async () => {
    bo.files("brought", { "train.py": "1\n" });
    await bo.ok("ws", "create", "brought", ...use, "--code", "brought");
    bo.files("brought", { "train.py": "newer\n", "params.txt": "copied in\n" });
    await bo.ok("ws", "sync", "brought");
    await bo.ok("ws", "cp", "brought/params.txt", "brought:conf/");
    await inside("echo made > result", "brought");
    expect(await bo.fails("ws", "destroy", "brought")).toMatchObject({ why: "it would be lost: result" });
    await inside("rm result", "brought");
    await bo.ok("ws", "destroy", "brought");
  });

  it("cp says what to do instead of taking a git repository as a folder", async () => {
    expect(await bo.fails("ws", "cp", "code", "w1:again")).toMatchObject({
      exit: 2,
      why: expect.stringContaining(".git"),
      next: expect.stringContaining(`cloister ws sync w1 --code code`),
    });
  });

  it("what sync brought is kept elsewhere, and copying is a use of the workspace", async () => {
    await bo.ok("ws", "create", "w3", ...use, "--code", bo.files("kept", { "a.py": "a\n" }));
    const lost = async () => (await bo.json<Receipt>("ws", "destroy", "w3", "--dry-run")).lost?.named;
    const idle = async () => (await bo.json<WorkspaceDetail>("ws", "show", "w3")).idleMs;
    bo.files("kept", { "a.py": "newer\n", "b.py": "b\n" });
    await bo.ok("ws", "sync", "w3");
    expect(await lost()).toEqual([]);
    for (const args of [
      ["sync", "w3"],
      ["cp", "kept/a.py", "w3:c.py"],
      ["cp", "w3:c.py", "-"],
    ]) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const began = Date.now();
      await bo.ok("ws", ...args);
      expect(await idle()).toBeLessThan(Date.now() - began);
    }
    await bo.ok("run", "w3", "--", "sh", "-c", "echo made > out");
    expect(await lost()).toMatchObject([{ path: "out" }]);
    await bo.ok("ws", "destroy", "w3", "--yes");
  });

  it("sync takes code from another folder, and wants to know which where there is none", async () => {
    await bo.ok("ws", "create", "bare", ...use, "--code", bo.files("empty", { a: "1" }));
    bo.files("other", { "deep/er.py": "1\n" });
    expect(await bo.json<Synced>("ws", "sync", "bare", "--code", "other")).toMatchObject({ added: ["deep/er.py"] });
    expect(await bo.fails("ws", "sync", "bare", "--code", "nosuch")).toMatchObject({ exit: 7 });
    expect(await bo.fails("ws", "sync")).toMatchObject({
      exit: 2,
      why: expect.stringContaining("several are running"),
    });
    await bo.ok("ws", "destroy", "bare", "--yes");
  });

  it("cp takes files in, and overwrites only by force", async () => {
    bo.files("in", { "a.txt": "a\n", "deep/run.sh": "#!/bin/sh\necho ran\n" });
    execFileSync("chmod", ["+x", join(bo.folder, "in/deep/run.sh")]);
    const copied = await bo.json<Copied>("ws", "cp", "in", "w1:data");
    expect(copied).toMatchObject({
      schema: "cloister/workspace-copy@1",
      direction: "in",
      to: "/workspace/data",
      files: 2,
    });
    expect(await inside("data/deep/run.sh; cat data/a.txt")).toBe("ran\na\n");
    await bo.ok("ws", "cp", "in/a.txt", "w1:/workspace/data/deep");
    await bo.ok("ws", "cp", "in/a.txt", "w1:one/two/");
    expect(await inside("cat data/deep/a.txt one/two/a.txt")).toBe("a\na\n");
    writeFileSync(join(bo.folder, "in/a.txt"), "b\n");
    expect(await bo.fails("ws", "cp", "in/a.txt", "w1:data/a.txt")).toMatchObject({
      exit: 2,
      next: expect.stringContaining("--force"),
    });
    await bo.ok("ws", "cp", "in/a.txt", "w1:data/a.txt", "--force");
    expect(await inside("cat data/a.txt")).toBe("b\n");
    expect(await bo.fails("ws", "cp", "in/a.txt", "w1:data/deep/../../x")).toMatchObject({ exit: 2 });
    expect(await bo.fails("ws", "cp", "in/a.txt", "w1:/etc/passwd")).toMatchObject({ exit: 2 });
    symlinkSync("/etc/passwd", join(bo.folder, "in/link"));
    expect(await bo.fails("ws", "cp", "in", "w1:again")).toMatchObject({
      exit: 1,
      message: expect.stringContaining("link"),
    });
  });

  it("cp out is governed as pulling every input is, and nothing leaves where that is refused", async () => {
    await bo.ok("run", "w2", "--keep-output", "--", "sh", "-c", "cp /inputs/cohort/rows.csv out.csv");
    for (const to of ["out.csv", "-"]) {
      const { exit, out, err } = await bo.cli("ws", "cp", "w2:out.csv", to);
      expect({ exit, out }).toEqual({ exit: 3, out: "" });
      expect(err).toContain("confidential-stays-in-workspaces");
      expect(err).toContain("cloister push out.csv --from w2");
    }
    expect(existsSync(join(bo.folder, "out.csv"))).toBe(false);
    expect(holders(bo.folder, [secret])).toEqual([]);
    expect(await inside("echo fine > fine.txt", "w1")).toBe("");
    expect(await bo.cli("ws", "cp", "w1:fine.txt", "-")).toMatchObject({ exit: 0, out: "fine\n", err: "" });
  });

  it("cp out writes whole files, for their owner alone, and over nothing", async () => {
    await inside(
      "mkdir -p out/deep; echo m > out/model; echo d > out/deep/d; ln -sf /etc/passwd out-link; mkfifo out-pipe",
    );
    expect(await bo.json<Copied>("ws", "cp", "w1:out", "got")).toMatchObject({
      direction: "out",
      files: 2,
      class: "internal",
    });
    expect(filesBelow(join(bo.folder, "got"))).toEqual([".cloister-class.json", "deep/d", "model"]);
    await bo.ok("ws", "cp", "w1:out/model", ".");
    expect(statSync(join(bo.folder, "model")).mode & 0o777).toBe(0o600);
    expect(await bo.fails("ws", "cp", "w1:out/model", ".")).toMatchObject({ exit: 2, next: "--force overwrites it" });
    await inside("echo newer > out/model");
    await bo.ok("ws", "cp", "w1:out/model", ".", "--force");
    expect(readFileSync(join(bo.folder, "model"), "utf8")).toBe("newer\n");
    await bo.ok("ws", "cp", "w1:out", "got/deep");
    expect(await bo.fails("ws", "cp", "w1:out", "got/deep")).toMatchObject({ exit: 2 });
    await inside("echo newest > out/model");
    await bo.ok("ws", "cp", "w1:out", "got/deep", "--force");
    expect(readFileSync(join(bo.folder, "got/deep/out/model"), "utf8")).toBe("newest\n");
    rmSync(join(bo.folder, "got/deep/out"), { recursive: true });
  });

  it("cp out follows no link, inside or outside, and reads nothing odd", async () => {
    writeFileSync(join(bo.folder, "precious"), "precious");
    symlinkSync("precious", join(bo.folder, "aimed"));
    for (const force of [[], ["--force"]]) {
      expect(await bo.fails("ws", "cp", "w1:out/model", "aimed", ...force)).toMatchObject({ exit: 2 });
    }
    expect(readFileSync(join(bo.folder, "precious"), "utf8")).toBe("precious");
    bo.files("keys", {});
    symlinkSync("keys", join(bo.folder, "elsewhere"));
    for (const to of ["elsewhere", "elsewhere/", "elsewhere/model", "elsewhere/new/model"]) {
      const refused = await bo.fails("ws", "cp", "w1:out/model", to);
      expect(refused, to).toMatchObject({ exit: 2, why: "it is a symbolic link to keys" });
    }
    expect(filesBelow(join(bo.folder, "keys"))).toEqual([]);
    for (const odd of ["out-link", "out-pipe"]) {
      expect(await bo.fails("ws", "cp", `w1:${odd}`, "odd")).toMatchObject({ exit: 1 });
      expect(await bo.fails("ws", "cp", `w1:${odd}`, "odd", "--force")).toMatchObject({ exit: 1 });
    }
    expect(existsSync(join(bo.folder, "odd"))).toBe(false);
    expect(await bo.fails("ws", "cp", "w1:nosuch", "odd")).toMatchObject({ exit: 7 });
  });

  it("what was copied out keeps its class: in a push, and on the way into a workspace of less", async () => {
    const lower = await bo.fails("push", "got", "--name", "got", "--class", "public");
    expect(lower).toMatchObject({ exit: 3, refusals: [expect.objectContaining({ rule: "builtin:label-flow" })] });
    expect(await bo.fails("push", "model", "--name", "m", "--class", "public")).toMatchObject({ exit: 3 });
    const pushed = await bo.json<Pushed>("push", "got", "--name", "got");
    expect(pushed).toMatchObject({ class: "internal", classFrom: expect.stringContaining("w1"), files: 2 });
    // A file beside it that did not come out of the workspace carries nothing.
    expect(await bo.json<Pushed>("push", "precious", "--name", "own")).toMatchObject({ class: "public" });
    const flow = { exit: 3, refusals: [expect.objectContaining({ rule: "builtin:label-flow" })] };
    expect(await bo.fails("ws", "create", "lower", ...use, "--code", "got")).toMatchObject(flow);
    expect(await bo.fails("run", "lower", "--", "true")).toMatchObject({ code: "NOT_FOUND" });
    await bo.ok("ws", "create", "low", ...use, "--code", "empty");
    symlinkSync("model", join(bo.folder, "model-link"));
    git(bo.files("ignoring", { ".gitignore": ".*\n" }), "init -q .");
    await bo.ok("ws", "cp", "w1:out/model", "ignoring");
    for (const argv of [
      ["ws", "cp", "got", "low:got"],
      ["ws", "cp", "model", "low:model"],
      ["ws", "sync", "low", "--code", "got"],
      // What says so lies above, behind a link, or where git does not look.
      ["ws", "cp", "got/deep/d", "low:d"],
      ["ws", "cp", "got/deep", "low:deep"],
      ["push", "got/deep/d", "--name", "d", "--class", "public"],
      ["push", "model-link", "--name", "d", "--class", "public"],
      ["ws", "sync", "low", "--code", "ignoring"],
    ]) {
      expect(await bo.fails(...argv), argv.join(" ")).toMatchObject(flow);
    }
    await bo.ok("ws", "cp", "got", "w2:got");
  });

  it("copying is on record, and makes no run of what nothing ran", async () => {
    await bo.ok("ws", "cp", "precious", "low:model");
    const pushed = await bo.json<Pushed>("push", "model", "--from", "low", "--name", "never-ran", "--class", "public");
    const { run } = await bo.json<VersionDetail>("show", pushed.reference);
    expect(run).toBeUndefined();
    const lines = (await ana.ok("audit", "list")).out;
    expect(lines).toMatch(/workspace\.run\tintent\t.*files=.*precious to model/);
  });
});
