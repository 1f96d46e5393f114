import { describe, expect, it } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import type { DestroyOptions, Receipt, RunOptions, Streams, WorkspaceSummary } from "../../src/index.ts";
import { cloister } from "./fake.ts";

const summary: WorkspaceSummary = {
  name: "t1",
  id: "1",
  state: "running",
  domain: "churn",
  label: "internal",
  createdAt: "2026-03-01T10:00:00.000Z",
  expiresAt: "2026-03-01T18:00:00.000Z",
  leftMs: 28_800_000,
  active: false,
  idleMs: 0,
  inputs: [{ reference: "churn/cohort:v3", class: "internal", path: "/inputs/cohort" }],
};

function fake(exit: number, workspaces: readonly WorkspaceSummary[] = [summary]) {
  const seen: { options?: RunOptions; streams?: Streams } = {};
  const project = {
    listWorkspaces: async () => workspaces,
    run: async (options: RunOptions, streams: Streams) => {
      seen.options = options;
      seen.streams = streams;
      streams.stdout.write("hello\n");
      return { workspace: options.workspace, exit, seconds: 61, output: undefined, over: false, logEntry: 5 };
    },
  };
  return { seen, project };
}

describe("run", () => {
  it.each([0, 1, 6, 126, 127, 137])("ends with the command's code %i", async (exit) => {
    const { project } = fake(exit);
    expect(await cloister(["run", "t1", "--", "false"], { project })).toMatchObject({ exit, out: "hello\n", err: "" });
  });

  it("takes everything after -- as it is", async () => {
    const { project, seen } = fake(0);
    await cloister(["run", "t1", "--seed", "7", "--", "python", "train.py", "--seed", "9", "--json", "--", "-h"], {
      project,
    });
    expect(seen.options).toEqual({
      workspace: "t1",
      argv: ["python", "train.py", "--seed", "9", "--json", "--", "-h"],
      seed: 7,
      secrets: [],
      keepOutput: false,
      trace: false,
    });
  });

  it("takes the only workspace that runs, and asks which where there are more", async () => {
    const one = fake(0, [summary, { ...summary, name: "old", state: "expired" }]);
    await cloister(["run", "--", "ls"], { project: one.project });
    expect(one.seen.options?.workspace).toBe("t1");
    const two = fake(0, [summary, { ...summary, name: "t2" }]);
    const { exit, err } = await cloister(["run", "--", "ls"], { project: two.project });
    expect(exit).toBe(125);
    expect(err).toContain("several are running: t1, t2");
  });

  it("keeps standard output for the document with --json", async () => {
    const { project } = fake(3);
    const { exit, out, err } = await cloister(["ws", "run", "t1", "--json", "--", "ls"], { project });
    expect(exit).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ schema: "cloister/run@1", exit: 3 });
    expect(err).toBe("hello\n");
  });

  it.each([
    [["run"], "cloister run WORKSPACE -- COMMAND"],
    [["run", "t1"], "cloister run t1 -- COMMAND"],
    [["run", "t1", "python", "a b.py"], "cloister run t1 -- python 'a b.py'"],
    [["run", "t1", "t2", "--", "ls"], "cloister run t1 -- ls"],
  ])("%j: 125, and says what to type", async (argv, next) => {
    const { exit, err } = await cloister(argv, fake(0));
    expect(exit).toBe(125);
    expect(err).toContain(`  next   ${next}\n`);
  });

  it("says also off a terminal which hosts were refused, where the command's own error does not say why", async () => {
    const refused = {
      host: "bad.example",
      port: 443,
      allowed: false,
      why: "not listed",
      count: 1,
      sent: 0,
      received: 0,
    };
    const network = { allowed: [], decisions: [refused] };
    const ended = { workspace: "t1", exit: 7, seconds: 1, output: undefined, over: false, logEntry: 5, network };
    const project = { run: async () => ended };
    const { exit, err } = await cloister(["run", "t1", "--", "curl"], { project });
    expect(exit).toBe(7);
    expect(err).toContain("refused by the network list: bad.example:443: not listed");
    expect((await cloister(["run", "t1", "--quiet", "--", "curl"], { project })).err).toBe("");
  });

  it("ends with 125 for failures of our own, also of the parser and in JSON", async () => {
    const project = {
      run: async () => {
        throw new CloisterError("POLICY_DENIED", "run in t1");
      },
    };
    expect((await cloister(["run", "t1", "--", "ls"], { project })).exit).toBe(125);
    const { exit, err } = await cloister(["run", "--sed", "4", "--json", "--", "ls"]);
    expect(exit).toBe(125);
    expect(JSON.parse(err).error).toMatchObject({ code: "USAGE", exit: 125, why: "Did you mean --seed?" });
  });

  it("ends with 143 when it was terminated", async () => {
    const { project } = fake(137);
    const outcome = await cloister(["run", "t1", "--", "x"], { project, interruption: { caught: () => "SIGTERM" } });
    expect(outcome.exit).toBe(143);
  });

  it("leaves Ctrl-C to the child only where the child has the terminal", async () => {
    for (const tty of [true, false]) {
      let left = false;
      const interruption = {
        leaveToChild: async <T>(work: () => Promise<T>) => {
          left = true;
          return await work();
        },
      };
      await cloister(["run", "t1", "--", "x"], { ...fake(0), tty, interruption });
      expect(left).toBe(tty);
    }
  });
});

describe("workspace", () => {
  const detail = {
    ...summary,
    labelFrom: undefined,
    purpose: undefined,
    diskBytes: 4e9,
    volume: "memory" as const,
    code: undefined,
    driver: "bubblewrap",
    template: undefined,
    mounts: [],
    gpu: [],
    image: undefined,
    limits: [],
    enforced: [],
    notEnforced: [],
    runs: [],
    logEntry: 9,
  };

  it("lists with the time left: words for people, seconds for pipes", async () => {
    const { project } = fake(0);
    expect((await cloister(["ws", "ls"], { project })).out).toBe(
      "t1\trunning\tchurn\tinternal\t28800\t0\tchurn/cohort:v3\n",
    );
    expect((await cloister(["ws", "ls"], { project, tty: true })).out).toContain("8 h");
  });

  it("says what a new workspace reaches, what limits it, and how little time it has", async () => {
    const limits = [
      { limit: "cpus", value: 2, held: true, how: "" },
      { limit: "memory", value: 4e9, held: true, how: "" },
      { limit: "processes", value: 4096, held: true, how: "" },
      { limit: "run-time", value: undefined, held: false, how: "no limit is set" },
    ] as const;
    const made = { ...detail, leftMs: 29_500, network: ["pypi.acme.example:443", "a.example:80"], limits };
    const { out } = await cloister(["ws", "create", "t1"], { project: { createWorkspace: async () => made } });
    expect(out).toContain("label internal   30 s left\n");
    expect(out).toContain("  network pypi.acme.example:443 a.example:80\n  limits cpus 2   memory 4 GB\n");
  });

  it("names what a run read beside its inputs by its folder, where that is much", async () => {
    const undeclared = ["bin/python", "lib/a.py", "lib/b.py", "lib/c.py", "pyvenv.cfg"].map(
      (path) => `/home/user/venv/${path}`,
    );
    const reads = { inputs: {}, workspace: [], workspaceCount: 0, elsewhere: 0, undeclaredCount: 9 };
    const show = async (paths: readonly string[]) => {
      const run = {
        id: "r",
        argv: ["x"],
        seeds: {},
        exit: 0,
        seconds: 1,
        startedAt: "",
        part: undefined,
        reads: { ...reads, undeclared: paths },
      };
      const project = { showWorkspace: async () => ({ ...detail, runs: [run] }) };
      return (await cloister(["ws", "show", "t1"], { project })).out;
    };
    expect(await show(undeclared)).toContain(`run undeclared\t${undeclared.join(", ")}, and 4 more\n`);
    expect(await show([...undeclared, "/home/user/.netrc"])).toContain(
      "run undeclared\t/home/user/venv/ (5 files), /home/user/.netrc, and 3 more\n",
    );
  });

  it("creates with typed flags", async () => {
    let seen: unknown;
    const project = {
      createWorkspace: async (options: unknown) => {
        seen = options;
        return detail;
      },
    };
    const argv = ["ws", "create", "t1", "--input", "a", "--input", "b:/x", "--ttl", "8h", "--disk", "4GB"];
    const { out } = await cloister(argv, { project });
    expect(seen).toMatchObject({ name: "t1", inputs: ["a", "b:/x"], ttlMs: 28_800_000, diskBytes: 4e9, dryRun: false });
    expect(out).toBe(
      "✓ created workspace t1   label internal   8 h left\n" +
        "  domain churn   disk 4 GB in memory   bubblewrap   log #9\n" +
        "  input churn/cohort:v3 (internal) at /inputs/cohort\n",
    );
    expect((await cloister(["ws", "create", "t1", "--ttl", "soon"], { project })).exit).toBe(2);
    expect((await cloister(["ws", "create", "t1", "--disk", "much"], { project })).exit).toBe(2);
  });

  describe("destroy", () => {
    const named = [{ path: "out/a.bin", bytes: 1500, sha256: "ab".repeat(32) }];
    const receipt: Receipt = {
      workspace: "t1",
      id: "1",
      why: "destroyed",
      livedMs: 3_600_000,
      label: "internal",
      inputs: ["churn/cohort:v3"],
      runs: 2,
      pushed: ["churn/risk:1.2"],
      lost: { files: 3, bytes: 4500, named, complete: true },
      erased: "memory was released",
      logEntry: 12,
    };

    function ending(lost: Receipt["lost"] = receipt.lost) {
      const asked: DestroyOptions[] = [];
      const destroyWorkspace = async (_name: string, options: DestroyOptions = {}) => {
        asked.push(options);
        return { ...receipt, lost, logEntry: options.dryRun ? undefined : 12 };
      };
      return { asked, project: { destroyWorkspace } };
    }

    it("names what was not pushed and asks, where someone can be asked", async () => {
      const refused = ending();
      const no = await cloister(["ws", "rm", "t1"], { project: refused.project, answers: { "--yes": false } });
      expect(no.exit).toBe(130);
      expect(no.err).toContain("Not pushed from workspace t1:\n  out/a.bin  1.5 KB\n  and 2 files more\n");
      expect(refused.asked).toEqual([{ dryRun: true }]);
      const agreed = ending();
      const yes = await cloister(["ws", "rm", "t1"], { project: agreed.project, answers: { "--yes": true } });
      expect(yes.exit).toBe(0);
      expect(agreed.asked).toEqual([{ dryRun: true }, { discard: true, dryRun: false }]);
    });

    it("asks nothing where nothing is lost, where no one can be asked, and where --yes is given", async () => {
      const { project, asked } = ending({ files: 0, bytes: 0, named: [], complete: true });
      expect(await cloister(["ws", "rm", "t1"], { project, answers: {} })).toMatchObject({ exit: 0, asked: [] });
      await cloister(["ws", "rm", "t1"], { project });
      await cloister(["ws", "rm", "t1", "--yes"], { project, answers: {} });
      expect(asked.map(({ discard }) => discard)).toEqual([undefined, false, false, true]);
      const gone = { destroyWorkspace: async () => Promise.reject(new CloisterError("NOT_FOUND", "gone")) };
      expect(await cloister(["ws", "rm", "t1"], { project: gone, answers: {} })).toMatchObject({ exit: 7, asked: [] });
    });

    it("prints the receipt", async () => {
      const { out } = await cloister(["ws", "destroy", "t1"], { project: ending().project, tty: true });
      expect(out).toBe(
        "✓ destroyed workspace t1 after 1 h   log #12\n" +
          "  label    internal\n  inputs   churn/cohort:v3\n  runs     2\n  pushed   churn/risk:1.2\n" +
          "  lost     3 files, 4.5 KB\n           out/a.bin  1.5 KB\n           and 2 files more\n" +
          "  erased   memory was released\n",
      );
      const piped = await cloister(["ws", "destroy", "t1"], { project: ending().project });
      expect(piped.out).toContain(`file\t${"ab".repeat(32)} 1500 out/a.bin\n`);
      const planned = await cloister(["ws", "destroy", "t1", "--dry-run"], { project: ending().project });
      expect(planned.out).toContain("lost\t3 files, 4.5 KB   (asks first, or takes --yes)\n");
    });
  });
});
