// Stopped in the middle, killed, or not alone: there is one version or none, and the same command again finishes the work.
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, AuditVerified, Listing, Pushed, Synced, Verified } from "../../../src/index.ts";
import { filesBelow, HAS_SANDBOX, type Member, type Running, randomText, until, World } from "../harness.ts";

const world = new World();
let ana: Member;
let bo: Member;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  const many = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`small/${String(at)}`, randomText(500)]));
  ana.files("large", { ...many, "a.bin": randomBytes(50_000_000), "b.bin": randomBytes(30_000_000) });
  await ana.ok("push", "large", "--name", "large", "--class", "internal");
});

/** Waits until a push has begun to store content: its journal is there. */
async function writing(member: Member): Promise<void> {
  const state = join(member.home, ".local/state/cloister");
  await until("the journal of a push", 20_000, () => filesBelow(state).some((path) => path.endsWith("/head")));
}

/** Waits until a pull has begun to write files. */
async function restoring(member: Member): Promise<void> {
  await until("a pull that writes", 20_000, () => staging(member).length > 0);
}

function staging(member: Member): readonly string[] {
  return readdirSync(member.folder).filter((name) => name.startsWith(".cloister-"));
}

async function stop(running: Running, signal: "SIGINT" | "SIGTERM" | "SIGKILL"): Promise<number | string> {
  running.child.kill(signal);
  return (await running.ended).exit;
}

const ends = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGKILL", "SIGKILL"],
] as const;

describe.each(ends)("%s", (signal, exit) => {
  it("in the middle of a push: no version, then the same command makes exactly one", async () => {
    const name = `p-${signal.toLowerCase()}`;
    const push = ["push", "large", "--name", `${name}:one`, "--class", "internal"];
    const running = ana.start(push);
    await writing(ana);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await stop(running, signal)).toBe(exit);
    if (signal !== "SIGKILL") {
      expect((await running.ended).err).toContain("INTERRUPTED");
      expect((await running.ended).out).toBe("");
    }
    expect((await bo.json<Listing>("list")).versions.map((version) => version.name)).not.toContain(name);

    const pushed = await ana.json<Pushed>(...push);
    expect(pushed).toMatchObject({ number: 1, resumed: true, files: 402 });
    const listing = await bo.json<Listing>("list", name);
    expect([listing.versions.length, listing.ignored]).toEqual([1, []]);
    expect(filesBelow(join(ana.home, ".local/state/cloister")).filter((path) => path.includes("/pushes/"))).toEqual([]);
    expect((await ana.json<Pushed>(...push.with(3, name))).number).toBe(2);
  });

  it("in the middle of a pull: nothing at the target, then the same command works", async () => {
    const target = `out-${signal}`;
    const pull = ["pull", "large", "-o", target, "--purpose", "modelling"];
    const running = bo.start(pull);
    await restoring(bo);
    expect(await stop(running, signal)).toBe(exit);
    expect(readdirSync(bo.folder)).not.toContain(target);
    if (signal !== "SIGKILL") expect(staging(bo)).toEqual([]);
    await bo.ok(...pull);
    expect((await bo.json<Verified>("verify", target)).ok).toBe(true);
    rmSync(join(bo.folder, target), { recursive: true });
    for (const left of staging(bo)) rmSync(join(bo.folder, left), { recursive: true });
  });
});

describe.skipIf(!HAS_SANDBOX)("Ctrl-C in a workspace", () => {
  const records = () =>
    filesBelow(join(bo.home, ".local/state/cloister")).filter((path) => path.includes("/workspaces/"));

  it("while it is filled: no workspace, no record of one, and what to do next", async () => {
    const running = bo.start(["ws", "create", "w1", "--input", "large", "--purpose", "modelling"]);
    await until("a workspace that is being made", 20_000, () => records().some((path) => path.endsWith("/w1.json")));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await stop(running, "SIGINT")).toBe(130);
    expect((await running.ended).err).toContain("run the same command again; nothing was made");
    expect(records()).toEqual([]);
    const { entries } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list", "--last", "5");
    expect(entries).toContainEqual(expect.objectContaining({ action: "workspace.create", phase: "failed" }));
  });

  it("while files are copied or code is sent: none of them is there", async () => {
    await bo.ok("ws", "create", "w2", "--purpose", "modelling", "--disk", "500MB");
    bo.files("code", { "a.bin": randomBytes(80_000_000) });
    for (const words of [
      ["cp", "code", "w2:copied"],
      ["sync", "w2", "--code", "code"],
    ]) {
      const running = bo.start(["ws", ...words]);
      await until("a copy under way", 20_000, () => records().some((path) => path.includes("/w2.active-")));
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(await stop(running, "SIGINT")).toBe(130);
      expect((await running.ended).err).toContain("run the same command again");
      expect((await bo.ok("run", "w2", "--", "find", ".", "-type", "f", "-size", "+0")).out).toBe("");
    }
    expect(await bo.json<Synced>("ws", "sync", "w2", "--code", "code")).toMatchObject({ added: ["a.bin"], kept: [] });
    await bo.ok("ws", "destroy", "w2", "--yes");
  });
});

describe("several at once", () => {
  it("pushes of the same name from different people and folders all land, under different numbers", async () => {
    const pushers = [ana, ana, bo, bo].map((member, at) => {
      member.files(`mine-${String(at)}`, { "a.txt": randomText(1000) });
      return member.json<Pushed>("push", `mine-${String(at)}`, "--name", "shared", "--class", "internal");
    });
    const numbers = (await Promise.all(pushers)).map(({ number }) => number);
    expect(numbers.sort()).toEqual([1, 2, 3, 4]);
    const listing = await bo.json<Listing>("list", "shared");
    expect([listing.versions.length, listing.ignored]).toEqual([4, []]);
    expect(new Set(listing.versions.map(({ digest }) => digest)).size).toBe(4);
  });

  it("of two pushes of one label one wins, and the other says so", async () => {
    const ended = await Promise.all(
      [ana, bo].map((member, at) =>
        member.cli("push", `mine-${String(at * 2)}`, "--name", "one:only", "--class", "internal", "--json"),
      ),
    );
    expect(ended.map(({ exit }) => exit).sort()).toEqual([0, 2]);
    expect((await bo.json<Listing>("list", "one")).versions).toHaveLength(1);
  });

  it("reads and writes together leave the log whole, and nothing of a finished command open in it", async () => {
    await Promise.all([
      ana.ok("push", "mine-0", "--name", "a", "--class", "internal"),
      bo.ok("push", "mine-2", "--name", "b", "--class", "internal"),
      ana.ok("pull", "shared", "-o", "together", "--purpose", "modelling"),
      bo.ok("list"),
      bo.ok("audit", "verify"),
    ]);
    expect(await bo.json<AuditVerified>("audit", "verify")).toMatchObject({ ok: true });
    const { entries } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list", "--member", "bo");
    // What was stopped in the middle of a pull, and the push whose label another was given, stay open and say so.
    const open = entries.filter(({ phase }) => phase === "open").map(({ action }) => action);
    expect(open.filter((action) => action === "artifact.push").length).toBeLessThanOrEqual(1);
    expect(open.filter((action) => action === "artifact.pull").length).toBeLessThanOrEqual(3);
    expect(new Set([...open, "artifact.pull", "artifact.push"]).size).toBe(2);
    expect(filesBelow(ana.env["TMPDIR"] ?? "")).toEqual([]);
  });
});
