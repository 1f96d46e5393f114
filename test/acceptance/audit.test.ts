// The log: complete, readable for those who may, and nothing in it can be changed unseen.
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, AuditVerified } from "../../src/index.ts";
import { type Member, overwrite, World } from "./harness.ts";

const world = new World();
let ana: Member;
let bo: Member;

async function rows(member: Member, ...args: readonly string[]): Promise<readonly AuditRow[]> {
  return (await member.json<{ entries: readonly AuditRow[] }>("audit", "list", ...args)).entries;
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  ana.files("data", { "a.csv": "a" });
  await ana.ok("push", "data", "--name", "cohort:one", "--class", "confidential", "--why", "first delivery");
  await bo.fails("pull", "cohort", "--purpose", "modelling");
  await ana.ok("push", "data", "--name", "lookup", "--class", "public");
  await bo.ok("pull", "lookup", "--purpose", "modelling");
});

describe("audit list", () => {
  it("shows every operation twice, refusals once, and the sealed part to those who hold the audit key", async () => {
    const all = await rows(ana);
    expect(all.map(({ entry }) => entry)).toEqual(all.map((_, at) => at));
    const of = (action: string) =>
      all.filter((row) => row.action === action).map(({ member, phase }) => `${member} ${phase}`);
    expect(of("policy.change")).toEqual(["ana intent", "ana done"]);
    expect(of("member.add")).toEqual(["ana intent", "ana done"]);
    expect(of("artifact.push")).toEqual(["ana intent", "ana done", "ana intent", "ana done"]);
    expect(of("artifact.pull")).toEqual(["bo refused", "bo intent", "bo done"]);
    const [push] = all.filter(({ action }) => action === "artifact.push");
    expect(push).toMatchObject({ domain: "churn", class: "confidential", policyVersion: 2, rules: ["role:steward"] });
    expect(push?.details).toMatchObject({ artifact: "churn/cohort:one", justification: "first delivery" });
    const pushed = all.filter(({ operation }) => operation === push?.operation);
    expect(pushed.map(({ phase }) => phase)).toEqual(["intent", "done"]);
    expect(pushed[1]?.versionId).toMatch(/^[0-9a-f]{64}$/);
  });

  it("filters by what was refused, by action, member and number", async () => {
    const refused = await rows(ana, "--refused");
    expect(refused).toMatchObject([
      { member: "bo", action: "artifact.pull", rules: ["confidential-stays-in-workspaces"] },
    ]);
    expect(new Set((await rows(ana, "--member", "bo")).map(({ member }) => member))).toEqual(new Set(["bo"]));
    expect(await rows(ana, "--last", "2")).toHaveLength(2);
    expect(await rows(ana, "--action", "share.create")).toEqual([]);
    const lines = (await ana.ok("audit", "ls", "--last", "3")).out.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^#\d+\t[^\t]+Z\t\w+\t[a-z.-]+\t(intent|done|refused|open)\t[^\t]+\t/);
  });

  it("is refused to a role without audit.read, which is logged, but anybody can verify", async () => {
    const refused = await bo.fails("audit", "list");
    expect(refused).toMatchObject({ exit: 3, code: "POLICY_DENIED", logEntry: expect.any(Number) });
    const [last] = await rows(ana, "--refused", "--last", "1");
    expect(last).toMatchObject({ member: "bo", action: "audit.read", entry: refused.logEntry });
    const verified = await bo.json<AuditVerified>("audit", "verify");
    expect(verified).toMatchObject({ schema: "cloister/audit-verify@1", ok: true });
    expect(verified.root).toBe((await ana.json<AuditVerified>("audit", "verify")).root);
  });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[200] = (copy[200] ?? 0) ^ 1;
  return copy;
}

describe("a log that somebody with the store tampers with", () => {
  let commits: string;
  let names: readonly string[];
  let saved: string;
  let states = 0;

  beforeAll(async () => {
    await ana.ok("audit", "verify");
    await bo.ok("list");
    commits = join(ana.store, "log/commit");
    saved = join(world.root, "saved");
    cpSync(commits, saved, { recursive: true });
    names = readdirSync(commits).sort();
  });

  afterEach(() => {
    rmSync(commits, { recursive: true });
    cpSync(saved, commits, { recursive: true });
  });

  /** As a device that joined, holds the same keys and saw nothing of the log. */
  async function fresh(member: Member, ...args: readonly string[]) {
    const state = join(world.root, `state-${String(states++)}`);
    return await member.with({ env: { XDG_STATE_HOME: state } }, ...args);
  }

  function at(index: number): string {
    return join(commits, names.at(index) ?? "none");
  }

  const exchange = () => {
    renameSync(at(4), `${at(4)}.x`);
    renameSync(at(5), at(4));
    renameSync(`${at(4)}.x`, at(5));
  };

  it.each([
    ["a bit changed", () => overwrite(at(4), flipped(readFileSync(at(4))))],
    ["cut short", () => overwrite(at(4), readFileSync(at(4)).subarray(0, -1))],
    ["junk", () => overwrite(at(4), "junk")],
    ["missing", () => rmSync(at(4))],
    ["exchanged with the next", exchange],
  ])(
    "a commit in the middle: %s; who saw it notices, and who sees the log for the first time, too",
    async (_, harm) => {
      harm();
      const ended = await Promise.all([ana.cli("audit", "verify"), fresh(bo, "audit", "verify"), fresh(bo, "list")]);
      expect(
        ended.map(({ exit }) => exit),
        ended.map(({ out, err }) => out + err).join(),
      ).toEqual([6, 6, 6]);
    },
  );

  it("rolled back: devices that saw more refuse everything and write nothing", async () => {
    for (const name of names.slice(-2)) rmSync(join(commits, name));
    expect((await ana.cli("audit", "verify")).exit).toBe(6);
    const failed = await bo.fails("pull", "lookup", "-o", "rolled", "--purpose", "modelling");
    expect(failed).toMatchObject({ exit: 6, code: "INTEGRITY" });
    expect(await ana.fails("push", "data", "--name", "rolled")).toMatchObject({ exit: 6 });
    expect(readdirSync(commits)).toHaveLength(names.length - 2);
    expect(readdirSync(bo.folder)).not.toContain("rolled");
  });

  it("junk beyond the end counts as empty and stops nobody", async () => {
    const next = names.length;
    for (const [step, junk] of ["junk", "", readFileSync(at(-1))].entries()) {
      writeFileSync(join(commits, String(next + step).padStart(16, "0")), junk);
    }
    await ana.ok("push", "data", "--name", "beyond", "--class", "public");
    await bo.ok("pull", "beyond", "-o", `beyond-${String(Date.now())}`, "--purpose", "modelling");
    const verified = JSON.parse((await fresh(bo, "audit", "verify", "--json")).out) as AuditVerified;
    expect(verified.ok).toBe(true);
    expect(verified.checks).toContainEqual(expect.objectContaining({ name: "junk", state: "unknown" }));
  });
});
