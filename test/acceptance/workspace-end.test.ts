// How a workspace ends that nobody destroys: by its time to live alone, under a command, and at Ctrl-C.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Receipt, WorkspaceSummary } from "../../src/index.ts";
import { filesBelow, HAS_SANDBOX, type Member, until, World } from "./harness.ts";

const title = HAS_SANDBOX ? "the end of a workspace" : "the end of a workspace (skipped: no bubblewrap here)";

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "solo");
    ana.files("data", { "rows.csv": "1" });
    await ana.ok("push", "data", "--name", "cohort", "--class", "confidential");
  });

  async function create(name: string, ttl: string): Promise<void> {
    await ana.ok("ws", "create", name, "--input", "cohort", "--purpose", "modelling", "--ttl", ttl);
  }

  /** A command line, in a project of any name. */
  function line(text: string): RegExp {
    return new RegExp(`^${text.replace("PROJECT", "[a-z0-9-]+")}`);
  }

  it("comes when its time is over although no command runs, and later commands say so", async () => {
    await create("alone", "3s");
    const pid = holderOf(ana, "alone");
    expect(isAlive(pid)).toBe(true);
    await until("the end of the workspace's processes", 10_000, () => !isAlive(pid));
    const { workspaces } = await ana.json<{ workspaces: readonly WorkspaceSummary[] }>("ws", "list");
    expect(workspaces).toMatchObject([{ name: "alone", state: "expired" }]);
    const failed = await ana.fails("run", "alone", "--", "true");
    const next = "cloister ws create alone --input PROJECT/cohort:v1 --purpose modelling";
    expect(failed).toMatchObject({ exit: 125, code: "NOT_FOUND", next: expect.stringMatching(line(next)) });
    const unpushed = await ana.fails("push", "out", "--from", "alone", "--name", "out");
    expect(unpushed).toMatchObject({ exit: 7, next: failed.next });
    const receipt = await ana.json<Receipt>("ws", "destroy", "alone");
    expect(receipt).toMatchObject({ workspace: "alone", label: "confidential" });
  });

  it("takes a running command with it", async () => {
    const seconds = longSleep();
    await create("busy", "4s");
    const began = Date.now();
    const { exit } = await ana.cli("run", "busy", "--keep-output", "--", "sleep", seconds);
    expect(exit).not.toBe(0);
    expect(Date.now() - began).toBeLessThan(15_000);
    await until("the end of the command", 5_000, () => !sleeping(seconds));
    await ana.ok("ws", "destroy", "busy");
  });

  it("is not brought about by Ctrl-C, which ends the command with 130 and leaves the workspace", async () => {
    const seconds = longSleep();
    await create("kept", "5m");
    const running = ana.start(["run", "kept", "--", "sh", "-c", `echo ready; exec sleep ${seconds}`]);
    await new Promise((resolve) => running.child.stdout?.once("data", resolve));
    expect(sleeping(seconds)).toBe(true);
    running.child.kill("SIGINT");
    expect((await running.ended).exit).toBe(130);
    await until("the end of the command", 5_000, () => !sleeping(seconds));
    expect((await ana.cli("run", "kept", "--", "true")).exit).toBe(0);
    await ana.ok("ws", "destroy", "kept");
  });
});

/** The process that holds a workspace's volume, as the device remembers it. */
function holderOf(member: Member, name: string): number {
  const state = join(member.home, ".local/state/cloister");
  const file = filesBelow(state).find((path) => path.endsWith(`workspaces/${name}.json`)) ?? "none";
  return JSON.parse(readFileSync(join(state, file), "utf8")).holder.pid;
}

/** A process that ended but was not yet waited for (a zombie) does nothing any more. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${String(pid)}/stat`;
  return existsSync(stat) && !/^\d+ \(.*\) [ZX]/.test(readFileSync(stat, "utf8"));
}

/** Seconds to sleep that no other process sleeps. */
function longSleep(): string {
  return String(1_000_000 + randomInt(1_000_000));
}

function sleeping(seconds: string): boolean {
  return spawnSync("pgrep", ["-fx", `sleep ${seconds}`]).status === 0;
}
