// What a signed statement says of the runs behind a version, from commands as people type them.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Pushed, RunSummary, VersionDetail, WorkspaceDetail } from "../../src/index.ts";
import { HAS_SANDBOX, has, type Member, World } from "../acceptance/harness.ts";

const title = HAS_SANDBOX ? "records of runs" : "records of runs (skipped: no bubblewrap here)";
const use = ["--purpose", "modelling", "--ttl", "10m"];

interface Statement {
  readonly predicate: {
    readonly buildDefinition: {
      readonly externalParameters: { readonly runs: readonly { readonly argv: readonly string[] }[] };
      readonly internalParameters: Readonly<Record<string, unknown>>;
      readonly resolvedDependencies: readonly {
        readonly name: string;
        readonly content?: string;
        readonly digest: Readonly<Record<string, string>>;
        readonly annotations: { readonly role: string };
      }[];
    };
  };
}

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let code: string;
  const sh = (script: string) => execFileSync("sh", ["-c", script], { cwd: code, env: ana.env, encoding: "utf8" });
  const commandOf = ({ argv }: RunSummary) => argv.join(" ");
  const run = async (workspace: string, script: string, ...flags: readonly string[]) =>
    (await ana.cli("run", workspace, "--keep-output", ...flags, "--", "sh", "-c", script)).exit;

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    ana.files("cohort", { "rows.csv": "1,2\n3,4\n" });
    ana.files("spare", { "s.csv": "5\n" });
    await ana.ok("push", "cohort", "--name", "cohort", "--class", "internal");
    await ana.ok("push", "spare", "--name", "spare", "--class", "internal");
    code = ana.files("code", {
      "train.sh": "mkdir -p out; wc -l < /inputs/cohort/rows.csv > out/model\n",
      "params.txt": "rate 1\n",
      "requirements.txt": "numpy==1.24.2\n",
    });
    sh("git init -q . && git add . && git -c user.name=a -c user.email=a@x commit -qm 1");
    ana.files("code", { "params.txt": "rate 2\n", "scratch.txt": "new" });
    await ana.ok("ws", "create", "w1", "--input", "cohort", "--input", "spare", "--code", "code", ...use);
  });

  it("say which limit or signal ended a run, to what it was held, and what was not held", async () => {
    await ana.ok("ws", "create", "w4", "--disk", "300MB", "--volume", "memory", "--open-files", "512", ...use);
    expect(await run("w4", "echo part > late; sleep 30", "--time", "2s")).toBe(124);
    expect(await run("w4", "echo part > cut; kill -9 $$")).toBe(137);
    await ana.json<Pushed>("push", ".", "--from", "w4", "--name", "cut", "--class", "internal");
    const { limits, runs } = await ana.json<WorkspaceDetail>("ws", "show", "w4");
    const notHeld = limits.filter(({ held, value }) => !held && value !== undefined).map(({ limit }) => limit);
    const held = { diskBytes: 300_000_000, openFiles: 512, processes: 4096, network: "none" };
    const expected = [
      { exit: 124, stoppedBy: { limit: "run-time", value: 2000 }, limits: { ...held, runMs: 2000 } },
      { exit: 137, signal: "SIGKILL", limits: held },
    ];
    for (const [at, one] of expected.entries()) {
      expect(runs[at]).toMatchObject({
        ...one,
        limits: { ...one.limits, ...(notHeld[0] && { notHeld: notHeld.join(" ") }) },
      });
    }
    expect((await ana.json<VersionDetail>("show", "cut")).runs).toMatchObject(expected);
    for (const words of [
      ["ws", "show", "w4"],
      ["show", "cut"],
    ]) {
      const { out } = await ana.ok(...words);
      expect(out).toContain("(exit 124 (its time of 2 s was over), ");
      expect(out).toContain("(exit 137 (SIGKILL), ");
    }
    await ana.ok("ws", "destroy", "w4", "--yes");
  });

  it("run, change one file, run again, push: the statement says exactly that", async () => {
    expect(await run("w1", "sh train.sh")).toBe(0);
    expect(await run("w1", "ls; cat out/model")).toBe(0);
    expect(await run("w1", "echo 'cat params.txt >> out/model' >> train.sh")).toBe(0);
    expect(await run("w1", "sh train.sh", "--seed", "7")).toBe(0);
    expect(await run("w1", "exit 3")).toBe(3);
    await ana.json<Pushed>("push", "out", "--from", "w1", "--name", "m:1", "--class", "internal");
    const shown = await ana.json<VersionDetail>("show", "m:1");
    const [first, edit, second, ...more] = shown.runs;
    expect(more).toEqual([]);
    expect([first, edit, second].map((one) => one?.part)).toEqual([
      ...["could-have-been-read", "could-have-been-read", "wrote"],
    ]);
    expect(edit && commandOf(edit)).toContain("echo");
    expect(second).toMatchObject({ exit: 0, seeds: { PYTHONHASHSEED: "7", CLOISTER_SEED: "7" } });
    const model = second?.outputs?.files.find(({ path }) => path === "out/model");
    expect(model?.sha256).toBe(shown.fileList?.[0]?.sha256);
    expect(first?.outputs?.files.find(({ path }) => path === "out/model")?.sha256).not.toBe(model?.sha256);
    expect(shown.origins).toMatchObject({ broughtCount: 0, changedSinceCount: 0, unfinished: [] });
  });

  it("the signed file beside a pulled version says it in SLSA's places, and holds the patch", async () => {
    await ana.ok("pull", "m:1", "-o", "m1", "--purpose", "modelling");
    const bundle = JSON.parse(readFileSync(join(ana.folder, "m1/provenance.sigstore.json"), "utf8"));
    const statement: Statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, "base64").toString());
    const { externalParameters, internalParameters, resolvedDependencies } = statement.predicate.buildDefinition;
    expect(externalParameters.runs).toHaveLength(3);
    expect(internalParameters["processes"]).toHaveLength(3);
    const byRole = (role: string) => resolvedDependencies.filter(({ annotations }) => annotations.role === role);
    const patch = Buffer.from(byRole("source-patch")[0]?.content ?? "", "base64");
    expect(patch.toString()).toBe(sh("git diff --binary --full-index HEAD"));
    const lock = createHash("sha256").update("numpy==1.24.2\n").digest("hex");
    expect(byRole("lock")).toMatchObject([{ name: "requirements.txt", digest: { sha256: lock } }]);
    expect(byRole("software")).toHaveLength(1);
    expect((await ana.ok("verify", "m1")).out).toContain("good");
    // A fresh checkout and the patch give the code back.
    const { bytes } = await ana.ok("show", "m:1", "--patch");
    expect(bytes.equals(patch)).toBe(true);
    sh("git worktree add -q ../fresh HEAD");
    execFileSync("git", ["apply", "-"], { cwd: join(ana.folder, "fresh"), input: bytes, env: ana.env });
    expect(readFileSync(join(ana.folder, "fresh/params.txt"), "utf8")).toBe("rate 2\n");
    const { git } = await ana.json<VersionDetail>("show", "m:1");
    expect(git).toMatchObject({ dirty: true, untracked: 1, untrackedFiles: ["scratch.txt"] });
    const none = await ana.cli("show", "cohort", "--patch");
    expect(none).toMatchObject({ exit: 7, out: "", err: expect.stringContaining("has no patch") });
  });

  it("files that no run wrote are said to be so", async () => {
    await ana.json<Pushed>("push", ".", "--from", "w1", "--name", "all:1", "--class", "internal");
    const { origins, runs } = await ana.json<VersionDetail>("show", "all:1");
    expect(origins?.brought).toEqual(["params.txt", "requirements.txt", "scratch.txt"]);
    // The logs of the runs that only looked are there, and so are they.
    expect(runs.map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 3]);
    const piped = (await ana.ok("show", "all:1")).out;
    expect(piped).toContain("not accounted for\tno run wrote params.txt, requirements.txt, scratch.txt\n");
  });

  it("a run whose program was killed is said not to have ended", async () => {
    const { child, ended } = ana.start(["run", "w1", "--keep-output", "--", "sh", "-c", "echo x > half; sleep 60"]);
    await expect
      .poll(async () => (await ana.json<WorkspaceDetail>("ws", "show", "w1")).runs.length, { timeout: 20_000 })
      .toBe(6);
    await expect.poll(async () => await run("w1", "test -e half"), { timeout: 20_000 }).toBe(0);
    child.kill("SIGKILL");
    await ended;
    await ana.json<Pushed>("push", "half", "--from", "w1", "--name", "half", "--class", "internal");
    const { origins, runs } = await ana.json<VersionDetail>("show", "half");
    expect(runs).toEqual([]);
    expect(origins).toMatchObject({
      brought: ["half"],
      unfinished: [{ argv: ["sh", "-c", "echo x > half; sleep 60"] }],
    });
    const page = (await ana.ok("ws", "show", "w1")).out;
    expect(page).toContain("(not ended, or its end was not recorded)");
    expect((await ana.ok("verify", "half")).exit).toBe(0);
  });

  it.skipIf(!has("strace"))("--trace says which inputs were opened, and what nobody declared", async () => {
    await ana.ok("ws", "create", "w2", "--input", "cohort", "--input", "spare", ...use);
    expect(await run("w2", "echo noise > noise", "--trace")).toBe(0);
    expect(await run("w2", "mkdir -p ~/.cache && echo w > ~/.cache/weights", "--trace")).toBe(0);
    expect(await run("w2", "cat /inputs/cohort/rows.csv > table", "--trace")).toBe(0);
    expect(await run("w2", "cat table ~/.cache/weights > model", "--trace")).toBe(0);
    await ana.json<Pushed>("push", "model", "--from", "w2", "--name", "traced", "--class", "internal");
    const { runs } = await ana.json<VersionDetail>("show", "traced");
    expect(runs.map(({ part }) => part)).toEqual(["could-have-been-read", "read", "wrote"]);
    expect(runs[1]?.reads).toMatchObject({ inputs: { cohort: 1, spare: 0 }, undeclared: [] });
    expect(runs[2]?.reads).toMatchObject({ workspace: ["table"], undeclared: ["/home/user/.cache/weights"] });
    const page = (await ana.ok("show", "traced")).out;
    expect(page).toContain("run opened\tcohort (1 file), spare (never opened)\n");
    expect(page).toContain("run undeclared\t/home/user/.cache/weights\n");
  });

  it("hostile names in a workspace neither break the record nor reach the terminal", async () => {
    await ana.ok("ws", "create", "w3", ...use);
    const script = `printf x > "$(printf 'e\\033[2Jvil')"; printf x > "$(printf 'n\\nl')"; printf x > "$(printf '\\377')"; echo ok > fine; mkdir shut; chmod 0 shut`;
    expect(await run("w3", script)).toBe(0);
    expect(await run("w3", "chmod 700 shut; rm -f e* n* && echo more > fine")).toBe(0);
    const { runs } = await ana.json<WorkspaceDetail>("ws", "show", "w3");
    // The first left a folder that nobody could look into, the second opened it.
    expect(runs.map(({ outputs }) => outputs?.known)).toEqual([false, false]);
    expect(await run("w3", "echo last > fine; rm -f new")).toBe(0);
    const last = (await ana.json<WorkspaceDetail>("ws", "show", "w3")).runs.at(-1);
    expect(last?.outputs).toMatchObject({ known: true, count: 2, deletedCount: 0 });
    expect((await ana.ok("ws", "show", "w3")).out).not.toContain("\u001b");
  });

  it("the end of a workspace is the end of its records on this device", async () => {
    const { id } = await ana.json<WorkspaceDetail>("ws", "show", "w3");
    await ana.ok("ws", "destroy", "w3", "--yes");
    await ana.ok("ws", "create", "w3", ...use);
    const again = await ana.json<WorkspaceDetail>("ws", "show", "w3");
    expect(again.id).not.toBe(id);
    expect(again.runs).toEqual([]);
    for (const name of ["w1", "w2", "w3"]) await ana.cli("ws", "destroy", name, "--yes");
  });
});
