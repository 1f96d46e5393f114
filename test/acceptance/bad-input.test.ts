// What people and scripts get wrong, and folders that hold more than files: always a clear answer, never half a result.
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Listing } from "../../src/index.ts";
import { BIN, filesBelow, IS_ROOT, type Member, randomText, start, World } from "./harness.ts";

const world = new World();
let ana: Member;

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  ana.files(".", { one: "1", big: randomText(3_000_000) });
  await ana.ok("push", "one", "--name", "one");
});

describe("the command line", () => {
  it.each([
    [["push", "one", "--nmae", "x"], 2, "--name"],
    [["psuh", "one"], 2, "push"],
    [["workspace", "craete", "x"], 2, "create"],
    [["push", "one", "--name", "x", "--kind", "modle"], 2, "model"],
    [["push", "one", "--name", "x", "--class", "secret"], 2, "confidential"],
    [["push", "one"], 2, "--name"],
    [["pull"], 2, "ref"],
    [["show", "one", "two"], 2, "too many"],
    [["ws", "create", "x", "--disk", "much"], 2, "--disk"],
    [["run", "x", "ls"], 125, "--"],
    [["audit", "list", "--last", "0"], 2, "--last"],
  ])("%j ends with %d and says %j", async (args, exit, said) => {
    const failed = await ana.fails(...args);
    expect(failed).toMatchObject({ exit, code: "USAGE" });
    expect(`${failed.message} ${failed.why} ${failed.next}`).toContain(said);
  });

  it("takes only plain names, and prints no control character of another", async () => {
    const names = ["../x", "a/b/c", "/etc/passwd", "UPPER", "white space", "new\nline", "\u001b[31mred", "", "-x"];
    const ended = await Promise.all(
      [...names, "x".repeat(200), "ünï", "a:b:c"].map(async (name) => {
        const { exit, out, err } = await ana.cli("push", "one", `--name=${name}`);
        return { name, exit, out, usage: err.includes("[USAGE]"), controls: err.includes("\u001b") };
      }),
    );
    for (const how of ended) expect(how).toMatchObject({ exit: 2, out: "", usage: true, controls: false });
  });

  it("without a project ends with 7, without an identity with 4, and says what to do", async () => {
    const nobody = world.member("nobody");
    for (const args of [["list"], ["status"], ["push", "one", "--name", "x"], ["ws", "list"], ["audit", "verify"]]) {
      const failed = await nobody.fails(...args);
      expect(failed, args.join(" ")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
      expect(failed.next).toMatch(/cloister (init|join)/);
    }
    expect(await nobody.fails("whoami")).toMatchObject({
      exit: 4,
      next: expect.stringMatching(/cloister (init|join)/),
    });
    expect(await nobody.fails("list", "-C", ana.folder)).toMatchObject({ exit: 4, code: "NOT_AUTHENTICATED" });
    expect(await ana.fails("list", "-C", join(world.root, "nowhere"))).toMatchObject({ exit: 7 });
    expect((await nobody.cli("doctor")).out).toContain("identity");
  });

  it("with a wrong, missing or unreadable passphrase ends with 4 or 2, and tells nothing of it", async () => {
    await ana.ok("lock");
    ana.files(".", { wrong: "not the passphrase\n" });
    const failed = await ana.fails("list", "--passphrase-file", "wrong");
    expect(failed).toMatchObject({ exit: 4, code: "NOT_AUTHENTICATED" });
    expect(JSON.stringify(failed)).not.toContain("not the passphrase");
    expect([2, 4]).toContain((await ana.fails("list", "--passphrase-file", "nosuch")).exit);
    const { CLOISTER_PASSPHRASE_FILE: _, ...env } = ana.env;
    const none = await start([process.execPath, BIN, "list"], env, { cwd: ana.folder }).ended;
    expect([2, 4]).toContain(none.exit);
    expect(none.err).toContain("--passphrase-file");
    await ana.ok("list");
  });
});

describe("folders that hold more than files", () => {
  let count = 0;

  /** Pushes a folder made by `make`; it must be refused by name and leave no version. */
  async function refused(make: (folder: string) => unknown, said: string): Promise<void> {
    const folder = join(ana.folder, `odd-${String(count++)}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "fine"), "fine");
    await make(folder);
    const failed = await ana.fails("push", folder, "--name", "odd");
    expect(failed.exit, failed.message).toBe(1);
    expect(`${failed.message} ${failed.why}`).toContain(said);
    expect(failed.next).not.toBe("");
    expect(await ana.fails("show", "odd")).toMatchObject({ exit: 7 });
  }

  it("a symbolic link, dangling or not, to a file or a folder", async () => {
    await refused((folder) => symlinkSync("/etc/passwd", join(folder, "passwords")), "passwords");
    await refused((folder) => symlinkSync("nowhere", join(folder, "dangling")), "dangling");
    await refused((folder) => symlinkSync("/", join(folder, "root")), "root");
  });

  it("a pipe, which must not block", async () => {
    await refused((folder) => execFileSync("mkfifo", [join(folder, "fifo")]), "fifo");
  });

  it("a socket", async () => {
    const server = createServer();
    await refused((folder) => new Promise<void>((done) => server.listen(join(folder, "socket"), done)), "socket");
    server.close();
  });

  it.skipIf(!IS_ROOT)(`a device${IS_ROOT ? "" : " (skipped: only root can make one)"}`, async () => {
    await refused((folder) => spawnSync("mknod", [join(folder, "null"), "c", "1", "3"]), "null");
  });

  it("names that collide on other systems, that are not UTF-8, that a terminal or a checkout must not see", async () => {
    await refused((folder) => ["README", "readme"].map((name) => writeFileSync(join(folder, name), "")), "readme");
    await refused((folder) => ["é", "e\u0301"].map((name) => writeFileSync(join(folder, name), "")), "same as");
    await refused(
      (folder) => writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]), ""),
      "UTF-8",
    );
    for (const name of ["new\nline", "\u001b[31m", "\u202etxt.exe", "-rf", "nul.txt", "dot."]) {
      await refused((folder) => writeFileSync(join(folder, name), ""), "cannot");
    }
    await refused(
      (folder) => mkdirSync(join(folder, ".git")) ?? writeFileSync(join(folder, ".git/config"), ""),
      ".git",
    );
  });

  it("a file nobody else may read", async (context) => {
    if (!IS_ROOT) {
      await refused((folder) => {
        writeFileSync(join(folder, "closed"), "");
        chmodSync(join(folder, "closed"), 0);
      }, "closed");
      return;
    }
    // Root reads everything: the same as another user, in a copy of the home that is theirs.
    if (
      spawnSync("setpriv", ["--reuid", "65534", "--clear-groups", "test", "-x", BIN.replace("bin/cloister.js", "bin")])
        .status !== 0
    ) {
      context.skip("root reads everything, and no other user can reach the program");
    }
    const other = world.member("other");
    other.files("odd", { fine: "fine", closed: "closed" });
    execFileSync("chown", ["-R", "65534", world.root]);
    try {
      const as = async (...args: string[]) =>
        await start(["setpriv", "--reuid", "65534", "--clear-groups", process.execPath, BIN, ...args], other.env, {
          cwd: other.folder,
        }).ended;
      expect((await as("init", "--yes")).exit).toBe(0);
      chmodSync(join(other.folder, "odd/closed"), 0);
      const { exit, err } = await as("push", "odd", "--name", "odd");
      expect(exit, err).toBe(1);
      expect(err).toContain("cannot read closed");
      expect(err).toContain("EACCES");
      await as("lock");
    } finally {
      execFileSync("chown", ["-R", "0", world.root]);
    }
  });

  it.skipIf(!IS_ROOT)("a project in a folder of another user's, whatever its file is a link to", async () => {
    const trap = join(world.root, "trap");
    mkdirSync(join(trap, "below"), { recursive: true });
    const as = (link: boolean) => {
      rmSync(join(trap, ".cloister"), { recursive: true, force: true });
      mkdirSync(join(trap, ".cloister"));
      const config = join(trap, ".cloister/config.yaml");
      if (link) symlinkSync(join(ana.folder, ".cloister/config.yaml"), config);
      else cpSync(join(ana.folder, ".cloister/config.yaml"), config);
      chownSync(join(trap, ".cloister"), 65534, 65534);
      return ana.with({ cwd: join(trap, "below") }, "status");
    };
    for (const link of [false, true]) {
      const { exit, err } = await as(link);
      expect(exit).toBe(2);
      expect(err).toContain("belongs to another user");
    }
  });

  it("a file that grows or shrinks while it is read: no version, and a second try works", async () => {
    ana.files("busy", { log: randomText(30_000_000) });
    const file = join(ana.folder, "busy/log");
    for (const disturb of [() => appendFileSync(file, "more\n"), () => truncateSync(file, statSync(file).size - 1)]) {
      const running = ana.start(["push", "busy", "--name", "busy", "--json"]);
      const timer = setInterval(disturb, 5);
      const { exit, err } = await running.ended;
      clearInterval(timer);
      expect(exit, err).toBe(1);
      expect(err).toContain("changed while it was read");
      expect(await ana.fails("show", "busy")).toMatchObject({ exit: 7 });
    }
    await ana.ok("push", "busy", "--name", "busy");
    expect((await ana.json<Listing>("list", "busy")).versions).toHaveLength(1);
  });

  it("a path that is not there, and a device for the whole", async () => {
    expect(await ana.fails("push", "nosuch", "--name", "x")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
    expect(await ana.fails("push", "/dev/null", "--name", "x")).toMatchObject({ exit: 1 });
  });
});

const canMount = IS_ROOT && spawnSync("unshare", ["-m", "true"]).status === 0;

describe.skipIf(!canMount)(`a full disk${canMount ? "" : " (skipped: mounting a small one needs root)"}`, () => {
  /** Runs with a disk of this size mounted on a folder, for this command alone, holding what the folder held. */
  async function onSmallDisk(folder: string, kilobytes: number, ...args: readonly string[]) {
    const held = join(world.root, "held");
    cpSync(folder, held, { recursive: true });
    const script = `mount -t tmpfs -o size=${String(kilobytes)}k cloister-test "$0" && cp -a "$1/." "$0" && shift || exit 99
      before=$(find "$0" -type f | wc -l); "$@"; code=$?
      echo new files: $(($(find "$0" -type f | wc -l) - before)) >&2; exit $code`;
    const argv = ["unshare", "-m", "sh", "-c", script, folder, held, process.execPath, BIN, ...args];
    const ended = await start(argv, ana.env, { cwd: ana.folder }).ended;
    rmSync(held, { recursive: true });
    return ended;
  }

  it("under the target of a pull: a clear failure, which says what is kept", async () => {
    await ana.ok("push", "big", "--name", "big");
    const small = join(ana.folder, "small");
    mkdirSync(small);
    const { exit, out, err } = await onSmallDisk(small, 1500, "pull", "big", "-o", "small/here");
    expect({ exit, out }, err).toEqual({ exit: 1, out: "" });
    expect(err).toContain("the disk is full");
    expect(err).toMatch(/are kept in .*\/\.cloister-pull-/);
    expect(err).toMatch(/\nnew files: 2\n$/);
    await ana.ok("pull", "big", "-o", "small/here");
  });

  it("under the store: a clear failure that says to free space, no version, and no half object", async () => {
    const kilobytes = Number(execFileSync("du", ["-sk", ana.store], { encoding: "utf8" }).split("\t")[0]);
    ana.files(".", { bigger: randomText(5_000_000) });
    const { exit, out, err } = await onSmallDisk(ana.store, kilobytes + 2000, "push", "bigger", "--name", "bigger");
    expect([1, 8], err).toContain(exit);
    expect(out).toBe("");
    expect(err).toMatch(/full|space/i);
    expect(err).toMatch(/\nnew files: 0\n$/);
    expect(await ana.fails("show", "bigger")).toMatchObject({ exit: 7 });
    await ana.ok("push", "bigger", "--name", "bigger");
    expect((await ana.json<Listing>("list", "bigger")).versions).toHaveLength(1);
    expect(readdirSync(ana.folder).filter((name) => name.startsWith(".cloister-"))).toEqual([]);
    expect(filesBelow(ana.env["TMPDIR"] ?? "")).toEqual([]);
  });
});
