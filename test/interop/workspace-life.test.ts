// What keeps a workspace, gives it more time, and tidies up after it; what is lost is named before it is.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, Pruned, Receipt, WorkspaceExtended, WorkspaceSummary } from "../../src/index.ts";
import { filesBelow, HAS_SANDBOX, type Member, until, World } from "../acceptance/harness.ts";

const title = HAS_SANDBOX ? "the life of a workspace" : "the life of a workspace (skipped: no bubblewrap here)";
const use = ["--purpose", "modelling", "--input", "cohort"];

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let bo: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    ana.files("data", { "rows.csv": "1" });
    await ana.ok("push", "data", "--name", "cohort", "--class", "internal");
    bo.files("code", {
      "train.sh": "mkdir -p out && echo weights > out/model && echo more > notes.txt\n",
      "lib.sh": ":",
    });
  });

  const list = async (): Promise<readonly WorkspaceSummary[]> =>
    (await bo.json<{ workspaces: readonly WorkspaceSummary[] }>("ws", "list")).workspaces;
  const create = (name: string, ...more: string[]) => bo.ok("ws", "create", name, ...use, ...more);

  it("names what was not pushed and erases it only with --yes; code as it came and what was pushed count as kept", async () => {
    await create("w1", "--ttl", "5m", "--code", "code");
    await bo.ok("run", "w1", "--", "sh", "train.sh");
    const refused = await bo.fails("ws", "destroy", "w1");
    expect(refused).toMatchObject({ exit: 2, code: "USAGE", next: expect.stringContaining("--yes") });
    expect(refused.why).toContain("notes.txt, out/model");
    await bo.ok("push", "out/model", "--from", "w1", "--name", "weights");
    await bo.ok("run", "w1", "--", "sh", "-c", "cp lib.sh out/copy.sh; cp out/model out/again; : > out/empty");
    const planned = await bo.json<Receipt>("ws", "destroy", "w1", "--dry-run");
    expect(planned.lost).toEqual({
      ...{ files: 1, bytes: 5, complete: true },
      named: [{ path: "notes.txt", bytes: 5, sha256: sha256("more\n") }],
    });
    expect((await list()).map(({ name, state }) => [name, state])).toEqual([["w1", "running"]]);
    await bo.ok("run", "w1", "--", "rm", "notes.txt");
    const receipt = await bo.json<Receipt>("ws", "destroy", "w1");
    expect(receipt).toMatchObject({ why: "destroyed", label: "internal", runs: 3, lost: { files: 0 } });
    expect(receipt).toMatchObject({ inputs: ["churn/cohort:v1"], pushed: ["churn/weights:v1"] });
    expect(filesBelow(recordsOf(bo))).toEqual([]);
  });

  it("logs the counts of a receipt for everybody, and names and digests sealed", async () => {
    await create("w2", "--ttl", "5m");
    await bo.ok("run", "w2", "--", "sh", "-c", "echo lost > gone.txt");
    await bo.ok("ws", "destroy", "w2", "--yes");
    const done = (await ana.json<{ entries: readonly AuditRow[] }>("audit", "list", "--action", "workspace.destroy"))
      .entries;
    expect(JSON.stringify(done.at(-1))).toContain(`${sha256("lost\n")} 5 gone.txt`);
  });

  it("is extended within what the policy lets it live from its creation", async () => {
    await create("w3", "--ttl", "5m");
    const dry = await bo.json<WorkspaceExtended>("ws", "extend", "w3", "--ttl", "1h", "--dry-run");
    expect(dry).toMatchObject({ schema: "cloister/workspace-extended@1", leftMs: 3_600_000 });
    expect((await list())[0]?.leftMs).toBeLessThanOrEqual(300_000);
    const extended = await bo.json<WorkspaceExtended>("ws", "extend", "w3", "--ttl", "1h");
    expect(extended.leftMs).toBeGreaterThan(3_500_000);
    expect((await list())[0]?.leftMs).toBeGreaterThan(3_500_000);
    const shorter = await bo.fails("ws", "extend", "w3", "--ttl", "10m");
    expect(shorter).toMatchObject({ exit: 2, code: "USAGE" });
    const longer = await bo.fails("ws", "extend", "w3", "--ttl", "8h");
    expect(longer).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(longer.refusals[0]?.next).toContain("ws extend w3 --ttl 7h".replace("ws", "workspace"));
    // Nor by a record that says it was made only later.
    const record = join(recordsOf(bo), "w3.json");
    const state = JSON.parse(readFileSync(record, "utf8")) as { createdMs: number };
    writeFileSync(record, JSON.stringify({ ...state, createdMs: state.createdMs + 7 * 3_600_000 }));
    expect(await bo.fails("ws", "extend", "w3", "--ttl", "8h")).toMatchObject({ exit: 3 });
    expect(await bo.fails("ws", "extend", "w3")).toMatchObject({ exit: 2 });
    expect(await bo.fails("ws", "extend", "nosuch", "--ttl", "1h")).toMatchObject({ exit: 7 });
    await bo.ok("ws", "destroy", "w3");
  });

  it("says for how long nobody used it, and prune ends those that were idle too long", async () => {
    await create("busy", "--ttl", "5m");
    await create("idle", "--ttl", "5m");
    const running = bo.start(["run", "busy", "--keep-output", "--", "sleep", "30"]);
    await until("the command", 20_000, () => spawnSync("pgrep", ["-fx", "sleep 30"]).status === 0);
    await bo.ok("run", "idle", "--keep-output", "--", "sh", "-c", "echo x; echo kept > result");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const byName = new Map((await list()).map((each) => [each.name, each]));
    expect(byName.get("busy")).toMatchObject({ active: true, idleMs: 0 });
    expect(byName.get("idle")?.active).toBe(false);
    expect(byName.get("idle")?.idleMs).toBeGreaterThan(1000);
    expect(byName.get("idle")?.idleMs).toBeLessThan(60_000);
    const held = await bo.fails("ws", "prune", "--idle", "1s");
    expect(held).toMatchObject({ exit: 2, why: expect.stringContaining("result") });
    const pruned = await bo.json<Pruned>("ws", "prune", "--idle", "1s", "--yes");
    expect(pruned).toMatchObject({ kept: 1, pruned: [{ workspace: "idle", why: "destroyed", lost: { files: 2 } }] });
    running.child.kill("SIGKILL");
    await running.ended;
    await bo.ok("ws", "destroy", "busy", "--yes");
  });

  it("that is over is logged by the next command that logs anything, and prune forgets it with its receipt", async () => {
    await create("short", "--ttl", "2s");
    await create("killed", "--ttl", "5m");
    process.kill(JSON.parse(readFileSync(join(recordsOf(bo), "killed.json"), "utf8")).holder.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect((await list()).map(({ name, state }) => [name, state])).toEqual([
      ["short", "expired"],
      ["killed", "gone"],
    ]);
    const before = await ends();
    bo.files("more", { "a.txt": "x" });
    await bo.ok("push", "more", "--name", "more");
    const logged = (await ends()).slice(before.length);
    expect(logged.map(({ phase }) => phase)).toEqual(["intent", "done", "intent", "done"]);
    const dry = await bo.json<Pruned>("ws", "prune", "--dry-run");
    expect(dry.pruned.map(({ workspace, why }) => [workspace, why])).toEqual([
      ["short", "expired"],
      ["killed", "gone"],
    ]);
    const { pruned } = await bo.json<Pruned>("ws", "prune");
    expect(pruned.map(({ logEntry }) => logEntry)).toEqual(
      logged.filter(({ phase }) => phase === "done").map(({ entry }) => entry),
    );
    expect(await ends()).toHaveLength(before.length + 4);
    expect(filesBelow(recordsOf(bo))).toEqual([]);
  });

  it("does not live on where the command that makes it is killed, at whatever moment", async () => {
    const made: string[] = [];
    for (const ms of [250, 350, 450, 600, 800]) {
      const name = `half${String(ms)}`;
      const making = bo.start(["ws", "create", name, ...use, "--ttl", "5m", "--code", "code"]);
      await new Promise((resolve) => setTimeout(resolve, ms));
      making.child.kill("SIGKILL");
      if ((await making.ended).exit === 0) made.push(name);
    }
    const running = (await list()).filter(({ state }) => state === "running").map(({ name }) => name);
    expect(running).toEqual(expect.arrayContaining(made));
    // Killed after it was done, before it could say so.
    for (const name of running) expect(await bo.ok("run", name, "--", "sh", "lib.sh")).toMatchObject({ exit: 0 });
    for (const name of running) await bo.ok("ws", "destroy", name);
    const { pruned } = await bo.json<Pruned>("ws", "prune");
    expect(pruned.every(({ why }) => why === "gone")).toBe(true);
    expect(filesBelow(recordsOf(bo))).toEqual([]);
  });

  it("whose record is damaged ends at its time all the same, and prune forgets the record", async () => {
    await create("torn", "--ttl", "3s");
    const record = join(recordsOf(bo), "torn.json");
    const { pid } = JSON.parse(readFileSync(record, "utf8")).holder;
    truncateSync(record, 100);
    writeFileSync(join(recordsOf(bo), "empty.json"), "");
    expect(await list()).toEqual([]);
    await until("the end of its holder", 10_000, () => !alive(pid));
    const pruned = await bo.json<Pruned>("ws", "prune");
    expect([...pruned.damaged].sort()).toEqual(["empty", "torn"]);
    expect(filesBelow(recordsOf(bo))).toEqual([]);
  });

  it("is destroyed once where two commands do at the same time", async () => {
    await create("twice", "--ttl", "5m");
    const before = await ends();
    const both = await Promise.all([bo.cli("ws", "destroy", "twice"), bo.cli("ws", "destroy", "twice")]);
    expect(both.map(({ exit }) => exit).sort()).toEqual([0, 7]);
    expect((await ends()).length - before.length).toBe(2);
    expect(filesBelow(recordsOf(bo))).toEqual([]);
  });

  async function ends(): Promise<readonly AuditRow[]> {
    const all = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list", "--action", "workspace.destroy");
    return all.entries;
  }
});

/** Where a member's device keeps what it knows of workspaces. */
function recordsOf(member: Member): string {
  const state = join(member.home, ".local/state/cloister");
  const project = readdirSync(state).find((name) => /^[0-9a-f]{32}$/.test(name)) ?? "none";
  return join(state, project, "workspaces");
}

function alive(pid: number): boolean {
  return spawnSync("sh", ["-c", `grep -q '^[0-9]* (.*) [^ZX]' /proc/${String(pid)}/stat`]).status === 0;
}

function sha256(text: string): string {
  return spawnSync("sha256sum", { input: text }).stdout.toString().slice(0, 64);
}
