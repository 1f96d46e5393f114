// Workspaces: what runs in them, what gets in and out, how they end.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type {
  Pulled,
  Pushed,
  Receipt,
  RunResult,
  VersionDetail,
  WorkspaceDetail,
  WorkspaceSummary,
} from "../../src/index.ts";
import { filesBelow, HAS_SANDBOX, holders, type Member, marker, World } from "./harness.ts";

const title = HAS_SANDBOX ? "workspaces" : "workspaces (skipped: no bubblewrap here)";
const secret = marker();
const use = ["--purpose", "modelling", "--ttl", "5m"];

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let bo: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    ana.files("cohort", { "rows.csv": `id,${secret}\n1,2\n`, "deep/more.csv": "x\n" });
    ana.files("lookup", { "codes.csv": "a,b\n" });
    await ana.ok("push", "cohort", "--name", "cohort:v-1", "--class", "confidential");
    await ana.ok("push", "lookup", "--name", "lookup", "--class", "internal");
    const code = bo.files("code", {
      "train.sh": "exit 1\n",
      "notes.tmp": "x",
      ".gitignore": "*.tmp\n",
    });
    execFileSync("sh", ["-c", "git init -q . && git add . && git -c user.name=b -c user.email=b@x commit -qm 1"], {
      cwd: code,
      env: bo.env,
    });
    bo.files("code", { "untracked.sh": "echo\n", "train.sh": "cat /inputs/lookup/codes.csv > out.csv\n" });
  });

  it("needs a purpose and a sound time to live, and creates nothing without", async () => {
    const failed = await bo.fails("ws", "create", "w0", "--input", "cohort");
    expect(failed).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(failed.refusals.map(({ next }) => next).join()).toContain("--purpose");
    const long = await bo.fails("ws", "create", "w0", "--purpose", "modelling", "--ttl", "9h");
    expect(long).toMatchObject({ exit: 3, refusals: [expect.objectContaining({ why: expect.stringContaining("8") })] });
    expect(await bo.fails("ws", "create", "w0", "--purpose", "modelling", "--ttl", "soon")).toMatchObject({ exit: 2 });
    expect(await bo.fails("ws", "create", "W0", ...use)).toMatchObject({ exit: 2, next: "use w0" });
    expect(await bo.fails("ws", "create", "w0", "--input", "nosuch", ...use)).toMatchObject({ exit: 7 });
    const env = { CLOISTER_PURPOSE: "modelling" };
    const dry = await bo.with({ env }, "ws", "create", "w0", "--input", "cohort", "--ttl", "5m", "--dry-run", "--json");
    expect(JSON.parse(dry.out)).toMatchObject({ dryRun: true, label: "confidential" });
    expect((await bo.json<{ workspaces: [] }>("ws", "list")).workspaces).toEqual([]);
    expect(await bo.fails("run", "w0", "--", "true")).toMatchObject({ exit: 125, code: "NOT_FOUND" });
  });

  it("runs a command on read-only inputs without a network or the host, and ends with its exit code", async () => {
    const made = await bo.json<WorkspaceDetail>(
      "ws",
      "create",
      "w1",
      "--input",
      "lookup",
      "--input",
      "cohort:v-1:/inputs/old",
      "--code",
      "code",
      ...use,
    );
    expect(made).toMatchObject({
      schema: "cloister/workspace@1",
      state: "running",
      label: "confidential",
      domain: "churn",
    });
    expect(made.inputs.map(({ path }) => path)).toEqual(["/inputs/lookup", "/inputs/old"]);
    expect(made.code?.files).toBe(3);

    const kept = ["run", "w1", "--keep-output"];
    const inside = [
      "cat /inputs/lookup/codes.csv /inputs/old/rows.csv /inputs/old/deep/more.csv",
      "! echo x > /inputs/lookup/codes.csv",
      "! rm -f /inputs/old/rows.csv",
      "! touch /inputs/lookup/new",
      `test "$(ls -A | tr '\\n' ' ')" = ".cloister .gitignore train.sh untracked.sh "`,
      `! ls ${bo.home}`,
      `! ls ${ana.store}`,
      "! env | grep -e CLOISTER -e PASSPHRASE -e USER=bo",
    ];
    for (const [command, exit] of [
      ["exit 1", 1],
      ["exit 7", 7],
      ["kill -TERM $$", 143],
      ["kill -KILL $$", 137],
      [inside.join(" && "), 0],
    ] as const) {
      expect((await bo.cli(...kept, "--", "sh", "-c", command)).exit, command).toBe(exit);
    }
    expect((await bo.cli(...kept, "--", "./train.sh")).exit).toBe(126);
    expect((await bo.cli(...kept, "--", "no-such-command")).exit).toBe(127);
    const connect =
      "require('net').connect(80,'1.1.1.1').on('connect',()=>process.exit(0)).on('error',e=>process.exit(e.code==='ENETUNREACH'?9:8))";
    expect((await bo.cli(...kept, "--", "node", "-e", connect)).exit).toBe(9);
  });

  it("lets output that is no terminal out only where a pull were allowed, and else keeps it inside", async () => {
    const { exit, out, err } = await bo.cli("run", "w1", "--", "cat", "/inputs/old/rows.csv");
    expect({ exit, out }).toEqual({ exit: 125, out: "" });
    expect(err).toContain("POLICY_DENIED");
    expect(err).toContain("confidential-stays-in-workspaces");
    expect(err).toContain("--keep-output");
    expect(err).not.toContain(secret);
    const kept = await bo.json<RunResult>(
      "run",
      "w1",
      "--keep-output",
      "--seed",
      "7",
      "--",
      "sh",
      "-c",
      "cat /inputs/old/rows.csv; echo seed=$CLOISTER_SEED/$PYTHONHASHSEED",
    );
    expect(kept).toMatchObject({ schema: "cloister/run@1", exit: 0, workspace: "w1" });
    expect(kept.output).toMatch(/^\/workspace\//);
    expect((await bo.cli("run", "w1", "--keep-output", "--", "grep", "-q", "seed=7/7", kept.output ?? "")).exit).toBe(
      0,
    );

    await bo.ok("ws", "create", "w2", "--input", "lookup", ...use);
    expect(await bo.cli("run", "w2", "--", "sh", "-c", "cat /inputs/lookup/codes.csv; echo oops >&2; exit 3")).toEqual({
      ...{ exit: 3, out: "a,b\n", err: "oops\n", bytes: Buffer.from("a,b\n") },
    });
    expect(await bo.with({ input: "from outside" }, "run", "w2", "--", "cat")).toMatchObject({
      exit: 0,
      out: "from outside",
    });
    const json = await bo.cli("run", "w2", "--json", "--", "echo", "hi");
    expect([JSON.parse(json.out).schema, json.err]).toEqual(["cloister/run@1", "hi\n"]);
  });

  it("finds content of its inputs again in what is pushed from it, also of those that may not be pulled", async () => {
    await bo.ok("ws", "create", "again", "--input", "cohort:v-1", ...use);
    await bo.ok("run", "again", "--keep-output", "--", "cp", "-r", "/inputs/cohort", "copied");
    const pushed = await bo.json<Pushed>("push", "copied", "--from", "again", "--name", "copied");
    expect(pushed).toMatchObject({ class: "confidential", bytesNew: 0, bytesStored: 0, foundIn: ["churn/cohort:v-1"] });
    const refused = ["push", "cohort", "--name", "own", "--class", "confidential", "--base", "cohort:v-1"];
    bo.files("cohort", { "rows.csv": "1" });
    const why = [expect.objectContaining({ rule: "confidential-stays-in-workspaces" })];
    expect(await bo.fails(...refused, "--purpose", "modelling")).toMatchObject({ exit: 3, refusals: why });
    await bo.ok("ws", "destroy", "again", "--yes");
  });

  it("show and list say what it is: label and why, runs, what is enforced and what is not", async () => {
    const detail = await bo.json<WorkspaceDetail>("ws", "show", "w1");
    expect(detail.labelFrom).toContain("cohort");
    expect(detail.code?.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(detail.runs.map(({ exit }) => exit)).toEqual(expect.arrayContaining([0, 1, 7, 143, 137, 126, 127]));
    expect(detail.driver).toBe("bubblewrap");
    expect(detail.enforced.length).toBeGreaterThan(3);
    expect(detail.notEnforced.join()).toContain("kernel");
    const { workspaces } = await bo.json<{ workspaces: readonly WorkspaceSummary[] }>("ws", "ls");
    expect(workspaces.map(({ name, label }) => [name, label])).toEqual([
      ["w1", "confidential"],
      ["w2", "internal"],
    ]);
    expect((await bo.ok("status")).out).toMatch(/^workspace\tw1\trunning\tconfidential\t/m);
    expect(await bo.fails("run", "--", "true")).toMatchObject({ exit: 125, why: expect.stringContaining("w1, w2") });
    const mine = await ana.json<{ workspaces: readonly WorkspaceSummary[] }>("ws", "list");
    expect(mine.workspaces).toEqual([]);
  });

  it("push --from inherits the label, refuses a lower class, and records the run", async () => {
    await bo.ok(
      "run",
      "w1",
      "--keep-output",
      "--",
      "sh",
      "-c",
      "sh train.sh && mkdir model && cp out.csv model/weights && ln -s /etc/passwd model-link",
    );
    const bare = await bo.fails("push", "model", "--from", "w1", "--name", "risk", "--kind", "model");
    expect(bare.exit).toBe(3);
    expect(new Set(bare.refusals.map(({ rule }) => rule))).toEqual(new Set(["models-say-who-and-what"]));
    const next = bare.refusals.map((refusal) => refusal.next).join();
    for (const flag of ["--owner", "--licence"]) expect(next).toContain(flag);
    const said = ["--kind", "model", "--owner", "bo", "--licence", "MIT"];
    for (const lower of ["internal", "public"]) {
      const refused = await bo.fails("push", "model", "--from", "w1", "--name", "risk", "--class", lower, ...said);
      expect(refused).toMatchObject({ exit: 3, refusals: [expect.objectContaining({ rule: "builtin:label-flow" })] });
    }
    const pushed = await bo.json<Pushed>("push", "model", "--from", "w1", "--name", "risk:1.0", ...said);
    expect(pushed).toMatchObject({ class: "confidential", classFrom: expect.stringContaining("cohort"), files: 1 });
    const detail = await ana.json<VersionDetail>("show", "risk:1.0");
    expect(detail.inputs.map((input) => [/\/(\w+)[:@]/.exec(input.reference)?.[1], input.class])).toEqual([
      ["lookup", "internal"],
      ["cohort", "confidential"],
    ]);
    expect(detail.run?.argv.join(" ")).toContain("train.sh");
    expect(detail.git).toMatchObject({ commit: expect.stringMatching(/^[0-9a-f]{40}$/), dirty: true });
    for (const path of ["/etc/passwd", "../../etc/passwd", "model-link", "nosuch"]) {
      const failed = await bo.fails("push", path, "--from", "w1", "--name", "stolen");
      expect([1, 2, 3, 6, 7], `${path}: ${failed.message}`).toContain(failed.exit);
    }
    expect(await bo.fails("show", "stolen")).toMatchObject({ exit: 7 });
    const pulled = await ana.json<Pulled>("pull", "risk:1.0", "-o", "risk", "--purpose", "modelling");
    expect(readFileSync(join(ana.folder, "risk/weights"), "utf8")).toBe("a,b\n");
    expect(pulled.digest).toBe(pushed.digest);
  });

  it("destroy prints a receipt of what was pushed and what was lost, and nothing is left", async () => {
    const receipt = await bo.json<Receipt>("ws", "destroy", "w1", "--yes");
    expect(receipt).toMatchObject({ schema: "cloister/workspace-receipt@1", label: "confidential", workspace: "w1" });
    expect(receipt.pushed).toEqual(["churn/risk:1.0"]);
    expect(receipt.lost?.files).toBeGreaterThan(2);
    expect(receipt.erased).not.toBe("");
    expect(await bo.fails("run", "w1", "--", "true")).toMatchObject({ exit: 125, code: "NOT_FOUND" });
    expect(await bo.fails("ws", "destroy", "w1")).toMatchObject({ exit: 7 });
    await bo.ok("ws", "rm", "w2");
    expect((await bo.ok("ws", "list")).out).toBe("");
    expect(holders(world.root, [secret]).filter((path) => !path.startsWith("work-ana/cohort/"))).toEqual([]);
    expect(filesBelow(bo.env["TMPDIR"] ?? "")).toEqual([]);
  });
});
