import { describe, expect, it } from "vitest";
import type { Copied, CopyInOptions, CopyOutOptions, ShellOptions, Synced, SyncOptions } from "../../src/index.ts";
import { cloister } from "./fake.ts";

const copied: Copied = {
  workspace: "t1",
  direction: "out",
  from: "/workspace/out",
  to: "/home/ana/churn/out",
  files: 2,
  bytes: 1500,
  class: "internal",
  logEntry: 7,
};

describe("ws cp", () => {
  function fake() {
    const seen: { in?: CopyInOptions; out?: CopyOutOptions } = {};
    const project = {
      copyIn: async (options: CopyInOptions) => {
        seen.in = options;
        return { ...copied, direction: "in" as const, from: "/home/ana/a", to: "/workspace/a", class: undefined };
      },
      copyOut: async (options: CopyOutOptions) => {
        seen.out = options;
        if (typeof options.to !== "string") options.to.write("bytes");
        return copied;
      },
    };
    return { seen, project };
  }

  it("tells the sides apart by NAME: before one of them", async () => {
    const { seen, project } = fake();
    expect(await cloister(["ws", "cp", "a", "t1:b/", "--force"], { project })).toMatchObject({
      exit: 0,
      out: "✓ copied /home/ana/a to t1:/workspace/a   2 files, 1.5 KB   log #7\n",
    });
    expect(seen.in).toEqual({ workspace: "t1", from: "a", to: "b/", force: true });
    const { out } = await cloister(["ws", "cp", "t1:out", "."], { project, tty: true });
    expect(seen.out).toEqual({ workspace: "t1", from: "out", to: ".", force: false });
    expect(out).toContain("class internal, which a push from there keeps");
    await cloister(["ws", "cp", "./t1:x", "t1:"], { project });
    expect(seen.in).toMatchObject({ from: "./t1:x", to: "" });
  });

  it("writes one file to standard output, and nothing else there", async () => {
    expect(await cloister(["ws", "cp", "t1:out", "-"], fake())).toMatchObject({ exit: 0, out: "bytes", err: "" });
    expect((await cloister(["ws", "cp", "t1:out", "-", "--json"], fake())).exit).toBe(2);
  });

  it.each([
    [["a", "b"], "cloister ws cp a WORKSPACE:b"],
    [["t1:a", "t2:b"], "cloister ws cp t1:a FILE"],
    [["-", "t1:a b"], "cloister run t1 -- sh -c 'cat > '\\''a b'\\'''"],
  ])("%j: says what to type", async (sides, next) => {
    const { exit, err } = await cloister(["ws", "cp", ...sides], fake());
    expect(exit).toBe(2);
    expect(err).toContain(`  next   ${next}\n`);
  });
});

describe("ws sync", () => {
  const synced: Synced = {
    workspace: "t1",
    folder: "/src",
    added: Array.from({ length: 12 }, (_, at) => `a${String(at)}`),
    updated: ["u"],
    removed: [],
    kept: ["k"],
    unchanged: 3,
    bytes: 1500,
    commit: "0123456789abcdef0123456789abcdef01234567",
    dirty: true,
    dryRun: false,
    logEntry: 9,
  };

  it("says what came in: all of it to programs, the first of many to people", async () => {
    let seen: SyncOptions | undefined;
    const project = {
      syncWorkspace: async (options: SyncOptions) => {
        seen = options;
        return synced;
      },
    };
    const piped = await cloister(["ws", "sync", "t1", "--delete", "--code", "src"], { project });
    expect(seen).toEqual({ workspace: "t1", code: "src", delete: true, force: false, dryRun: false });
    expect(piped.out.split("\n").filter((line) => line.startsWith("added\t"))).toHaveLength(12);
    expect(piped.out).toContain("kept\tk\n");
    expect(piped.err).toContain("1 file was changed inside and left alone; --force takes the folder's");
    const { out } = await cloister(["ws", "sync", "t1"], { project, tty: true });
    expect(out).toContain("✓ brought 13 files into workspace t1 (1.5 KB)   log #9");
    expect(out).toContain("from /src   commit 0123456789ab with changes");
    expect(out).toContain("and 2 more added");
  });

  it("says so where there was nothing to bring", async () => {
    const none = { ...synced, added: [], updated: [], kept: [], bytes: 0 };
    const { out, err } = await cloister(["ws", "sync", "t1"], { project: { syncWorkspace: async () => none } });
    expect([out, err]).toEqual(["✓ workspace t1 has this code already   log #9\n", ""]);
  });
});

describe("shell", () => {
  const end = { workspace: "t1", exit: 7, seconds: 61, output: undefined, over: false, logEntry: 5 };

  it("ends with the shell's code, and makes the terminal as it was", async () => {
    let seen: ShellOptions | undefined;
    const project = {
      shell: async (options: ShellOptions) => {
        seen = options;
        return end;
      },
    };
    const { exit, err } = await cloister(["shell", "t1", "--creds", "aws"], { project, tty: true });
    expect(exit).toBe(7);
    expect(seen).toEqual({ workspace: "t1", secrets: [], creds: "aws" });
    expect(err).toContain("\u001b[?25h");
    expect(err).toContain("the shell in t1 ended with 7 after 1 min 1 s   log #5");
  });

  it("says when it ended because the workspace did", async () => {
    const project = { shell: async () => ({ ...end, exit: 137, over: true }) };
    const { exit, err } = await cloister(["shell", "t1"], { project, tty: true });
    expect(exit).toBe(137);
    expect(err).toContain("the time of workspace t1 is over");
  });
});
