import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import type { PullOptions, Pushed, PushOptions, VersionDetail } from "../../src/index.ts";
import { cloister, version } from "./fake.ts";

const pushed: Pushed = {
  ...version,
  dryRun: false,
  bytesNew: 31_000_000,
  bytesReused: 381_000_000,
  bytesStored: 12_000_000,
  foundIn: ["churn/risk:1.1"],
  notSearched: [{ reference: "churn/risk:1.0", why: "say what it is for" }],
  classFrom: "churn/cohort:v3",
  resumed: false,
};

describe("push", () => {
  it("draws a success on a terminal", async () => {
    const { exit, out, err } = await cloister(["push", "out/model", "--name", "risk:1.2"], {
      tty: true,
      project: { push: async () => pushed },
    });
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    expect(out).toBe(
      "✓ pushed churn/risk:1.2  sha256:9c1e00000000…  412 MB (31 MB new)\n" +
        "  class internal (from churn/cohort:v3)   signed by bo   log #481\n" +
        "  381 MB found again in churn/risk:1.1   12 MB stored\n" +
        "  not searched: churn/risk:1.0 (say what it is for)\n",
    );
  });

  it("says what a dry run would do, and nothing that it cannot know", async () => {
    const { out } = await cloister(["push", "m", "--name", "risk", "--dry-run"], {
      project: { push: async () => ({ ...pushed, dryRun: true, classFrom: "lowest class" }) },
    });
    expect(out).toBe(
      "✓ would push churn/risk:1.2\n" + "  class internal (lowest class)   the policy allows it; nothing was written\n",
    );
  });

  it("hands every flag to the library, before or after the command's name", async () => {
    let seen: PushOptions | undefined;
    const argv = "--json push m --name d/n:1 --kind model --class secret --purpose p --owner ana --license MIT";
    const { exit, out } = await cloister(
      [...argv.split(" "), "--why", "a b", "--from", "t1", "--base", "x:1", "--base", "y"],
      {
        project: {
          push: async (options) => {
            seen = options;
            return pushed;
          },
        },
      },
    );
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toEqual({ schema: "cloister/push@1", ...pushed });
    expect(seen).toEqual({
      source: { path: "m" },
      name: "d/n:1",
      kind: "model",
      class: "secret",
      purpose: "p",
      owner: "ana",
      licence: "MIT",
      justification: "a b",
      from: "t1",
      bases: ["x:1", "y"],
      reread: false,
      dryRun: false,
    });
  });

  it("reads a stream from standard input, and the purpose from the environment", async () => {
    const stdin = Readable.from(["tar"]);
    let seen: PushOptions | undefined;
    const project = {
      push: async (options: PushOptions) => {
        seen = options;
        return pushed;
      },
    };
    await cloister(["push", "-", "--name", "raw"], { stdin, project, env: { CLOISTER_PURPOSE: "research" } });
    expect(seen).toMatchObject({ source: { stream: stdin }, purpose: "research" });
  });

  it("asks for a name with a suggestion, and names the flag where no one can be asked", async () => {
    const project = { push: async (options: PushOptions) => ({ ...pushed, reference: options.name }) };
    const asked = await cloister(["push", "data/My Cohort.csv"], { answers: {}, project });
    expect(asked.out).toContain("my-cohort.csv");
    const refused = await cloister(["push", "data"], { project });
    expect(refused).toMatchObject({ exit: 2, out: "" });
    expect(refused.err).toContain("--name");
  });

  it("asks nothing where there is no project", async () => {
    const open = async () => Promise.reject(new CloisterError("NOT_FOUND", "there is no project here"));
    expect(await cloister(["push", "data"], { answers: {}, library: { open } })).toMatchObject({ exit: 7, asked: [] });
  });

  it("can be continued after an interruption, and says so", async () => {
    const push = async () => Promise.reject(new DOMException("This operation was aborted", "AbortError"));
    const outcome = await cloister(["push", "m", "--name", "n"], {
      project: { push },
      interruption: { caught: () => "SIGINT" },
    });
    expect(outcome.exit).toBe(130);
    expect(outcome.err).toBe(
      "✗ interrupted  [INTERRUPTED]\n  next   run the same command again to continue:\n         cloister push m --name n\n",
    );
  });

  it.each([
    ["INTERRUPTED", undefined, "cloister push 'a b' --name n"],
    ["UNAVAILABLE", "try again", "try again"],
    ["FAILURE", "free some space", "free some space"],
  ] as const)("after %s says what is stored, and how to go on", async (code, given, next) => {
    const outcome = await cloister(["push", "a b", "--name", "n"], {
      library: {
        open: async (host) =>
          ({
            push: async () => {
              host.progress({ step: "pushing", bytes: 20e9, bytesTotal: 40e9, bytesNew: 9e9, bytesKept: 12.3e9 });
              throw new CloisterError(code, "interrupted", given === undefined ? {} : { next: given });
            },
          }) as never,
      },
    });
    expect(outcome.err).toContain("  kept   12.3 GB of 40 GB are stored, and the same command goes on from there");
    expect(outcome.err).toContain(next);
    expect(outcome.err.match(/cloister push 'a b' --name n\n/g)).toHaveLength(1);
  });

  it("refuses a kind that does not exist", async () => {
    const { exit, err } = await cloister(["push", "m", "--name", "n", "--kind", "modle", "--json"]);
    expect(exit).toBe(2);
    expect(JSON.parse(err).error).toMatchObject({ code: "USAGE", exit: 2, next: "cloister push --help" });
  });
});

describe("pull", () => {
  const pulled = {
    ...{ ...version, via: undefined, dryRun: false, partial: undefined, file: undefined },
    ...{ folder: "/home/ana/churn/model", pullEntry: 482 },
  };

  it("says where the files are", async () => {
    const { out } = await cloister(["pull", "risk:1.2", "-o", "./model"], {
      tty: true,
      project: { pull: async () => pulled },
    });
    expect(out).toBe(
      "✓ pulled churn/risk:1.2  sha256:9c1e00000000…  412 MB in 12 files  to ./model\n" +
        "  class internal   pushed by bo 2026-03-01 10:20 UTC   log #482\n",
    );
  });

  it("goes to a folder with the artifact's name by default", async () => {
    let seen: PullOptions | undefined;
    const project = {
      pull: async (options: PullOptions) => {
        seen = options;
        return pulled;
      },
    };
    await cloister(["pull", "churn/risk:1.2"], { project });
    expect(seen?.output).toEqual({ folder: "./risk" });
  });

  it("leaves standard output to the stream", async () => {
    const { out, err } = await cloister(["pull", "raw:d1", "-o", "-"], {
      project: {
        pull: async ({ output }) => {
          if ("stream" in output) output.stream.write("TAR");
          return pulled;
        },
      },
    });
    expect(out).toBe("TAR");
    expect(err).toBe("cloister: pulled churn/risk:1.2  log #482\n");
  });

  it.each([
    [["pull", "raw", "-o", "-"], true],
    [["pull", "raw", "-o", "-", "--json"], false],
  ])("refuses %j where the stream has no place", async (argv, tty) => {
    expect((await cloister(argv, { tty })).exit).toBe(2);
  });
});

describe("list", () => {
  const hostile = { ...version, reference: "churn/x\u001b[2J", kind: "dataset" as const };
  const listing = {
    versions: [version, hostile].map((each) => ({
      ...each,
      stage: undefined,
      tags: [],
      retired: undefined,
      held: undefined,
    })),
    shredded: [],
    hidden: [
      { where: "churn/secret", count: 2, why: undefined },
      { where: "churn/internal", count: 1, why: "AWS KMS refuses" },
    ],
    ignored: [{ what: "version 7", why: "its signer was suspended" }],
  };
  const project = { list: async () => listing };

  it("is tab-separated without headings in a pipe, with nothing cut and nothing that moves the cursor", async () => {
    const { out, err } = await cloister(["ls"], { project });
    const tail = `412000000\tbo\t2026-03-01T10:20:30.000Z\tsha256:${version.digest}`;
    expect(out).toBe(`churn/risk:1.2\tinternal\tmodel\t${tail}\nchurn/x\\u{1b}[2J\tinternal\tdataset\t${tail}\n`);
    expect(err).toBe(
      "! 2 more in churn/secret, for which you hold no key\n! 1 more in churn/internal, hidden: AWS KMS refuses\n! ignored version 7: its signer was suspended\n",
    );
  });

  it("is aligned under headings on a terminal", async () => {
    const { out } = await cloister(["list"], { tty: true, project, columns: 120 });
    const [heading = "", first = ""] = out.split("\n");
    expect(heading.indexOf("CLASS")).toBe(first.indexOf("internal"));
    expect(heading.indexOf("DIGEST")).toBe(first.indexOf("sha256:"));
  });

  it("leaves the digest out where the terminal is too narrow, and breaks no line", async () => {
    const { out } = await cloister(["list"], { tty: true, project, columns: 80 });
    expect(out).not.toContain("DIGEST");
    expect(out).toContain("2026-03-01 10:20\n");
    for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it("says so where there is no artifact of that name", async () => {
    const { exit, out, err } = await cloister(["list", "foo"], {
      project: { list: async () => ({ versions: [], shredded: [], hidden: [], ignored: [] }) },
    });
    expect({ exit, out }).toEqual({ exit: 0, out: "" });
    expect(err).toContain("there is no artifact foo");
  });

  it("counts an empty list as success", async () => {
    const empty = { list: async () => ({ versions: [], shredded: [], hidden: [], ignored: [] }) };
    expect(await cloister(["list"], { project: empty })).toMatchObject({ exit: 0, out: "", err: "" });
  });
});

describe("show", () => {
  const detail: VersionDetail = {
    ...version,
    ...{ stage: undefined, tags: [], retired: undefined, held: undefined, statements: [], ignored: [] },
    owner: "ana",
    licence: undefined,
    purpose: "churn-modelling",
    justification: undefined,
    workspace: "t1",
    inputs: [{ reference: "churn/cohort:v3", digest: "ab".repeat(32), class: "internal" }],
    run: { argv: ["python", "train.py"], exit: 0, seconds: 12.34 },
    runs: [
      {
        ...{ id: "r1", argv: ["python", "train.py"], seeds: {}, exit: 0, seconds: 12.34 },
        ...{ startedAt: "2026-01-02T03:04:05.000Z", part: "wrote" },
        outputs: {
          files: [{ path: "model.bin", bytes: 412_000_000, sha256: "cd".repeat(32) }],
          ...{ count: 9, deleted: ["old\u001b[2J"], deletedCount: 1, elsewhere: 1, known: true },
        },
        reads: {
          inputs: { cohort: 2, spare: 0 },
          ...{ workspace: [], workspaceCount: 0, elsewhere: 0, undeclared: ["/home/user/x"], undeclaredCount: 1 },
        },
      },
    ],
    origins: {
      ...{ brought: ["notes.md"], broughtCount: 8, changedSince: [], changedSinceCount: 0 },
      unfinished: [{ id: "r2", argv: ["sh"], startedOn: "2026-01-02T03:04:05.000Z" }],
    },
    git: {
      ...{ commit: "0123abc", dirty: true, patchSha256: "ef".repeat(32), patch: "LS0t" },
      ...{ untracked: 1, untrackedFiles: ["new.py"] },
    },
    environment: {},
    policyVersion: 4,
    signer: "bo",
    fileList: [{ path: "model.bin", bytes: 412_000_000, sha256: "cd".repeat(32) }],
  };

  it("prints one fact a line in a pipe", async () => {
    const { out } = await cloister(["show", "risk:1.2"], { project: { show: async () => detail } });
    expect(out).toContain("code\t0123abc with local changes (kept: --patch) and 1 file that git does not track\n");
    expect(out).toContain("run\tpython train.py  (exit 0, 12.3 s)\n");
    expect(out).toContain(`input\tchurn/cohort:v3\tinternal\tsha256:${"ab".repeat(32)}\n`);
    expect(out).toContain(`file\t412000000\t${"cd".repeat(32)}\tmodel.bin\n`);
    expect(out).not.toContain("licence");
    expect(out).toContain("run why\twrote files of this\n");
    expect(out).toContain("run wrote\tmodel.bin (412 MB), and 8 more; 1 file beside /workspace\n");
    expect(out).toContain("run deleted\told\\u{1b}[2J\n");
    expect(out).toContain("run opened\tcohort (2 files), spare (never opened)\n");
    expect(out).toContain("run undeclared\t/home/user/x\n");
    expect(out).toContain("not accounted for\tno run wrote notes.md and 7 more\n");
    expect(out).toContain("not accounted for\thad not ended, and may have written any of it: sh\n");
  });
});

describe("verify", () => {
  it("ends with 6 where a check is bad, also in the artifact noun", async () => {
    const verified = {
      target: "./model",
      ok: false,
      checks: [
        { name: "files", state: "bad" as const, text: "model.bin was changed" },
        { name: "log", state: "good" as const, text: "entry #481" },
      ],
      reference: "churn/risk:1.2",
    };
    let seen: unknown;
    const project = {
      verify: async (target: unknown) => {
        seen = target;
        return verified;
      },
    };
    const { exit, out } = await cloister(["a", "verify", "./model"], { tty: true, project });
    expect(exit).toBe(6);
    expect(seen).toEqual({ folder: "./model" });
    expect(out).toBe("  ✗ files   model.bin was changed\n  ✓ log     entry #481\n✗ ./model: BAD, do not use it\n");
    const good = await cloister(["verify", "risk:1.2", "--json"], {
      project: { verify: async () => ({ ...verified, ok: true, checks: [] }) },
    });
    expect(good.exit).toBe(0);
    expect(JSON.parse(good.out).schema).toBe("cloister/verify@1");
  });
});
