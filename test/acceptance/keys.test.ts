// Keys as their holders see them, and new ones: what is pushed afterwards is out of reach for who is entitled no more.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, KeySummary, Listing, Pushed, Rotated } from "../../src/index.ts";
import { type Member, World } from "./harness.ts";

const world = new World();
let ana: Member;
let bo: Member;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  ana.files("data", { "rows.csv": "1\n" });
  await push("before");
});

async function push(name: string): Promise<Pushed> {
  return ana.json<Pushed>("push", "data", "--name", name, "--class", "internal", "--purpose", "modelling");
}

async function keysOf(member: Member): Promise<readonly KeySummary[]> {
  return (await member.json<{ keys: readonly KeySummary[] }>("key", "list")).keys;
}

function inUse(keys: readonly KeySummary[]): readonly string[] {
  return keys.filter((key) => key.inUse).map((key) => `${key.domain}/${key.class}/${String(key.epoch)}`);
}

const FIRST = ["_project/_audit/1", "churn/_names/1", "churn/confidential/1", "churn/internal/1", "churn/public/1"];

describe("key list", () => {
  it("shows every key, since when, where it is kept, and which open", async () => {
    const keys = await keysOf(ana);
    expect(inUse(keys)).toEqual(FIRST);
    for (const key of keys) expect(key).toMatchObject({ held: true, logEntry: 1 });
    expect(keys.every(({ kms }) => kms === undefined)).toBe(true);
    for (const { since } of keys) expect(Date.now() - Date.parse(since)).toBeLessThan(600_000);
    const [audit, ...others] = await keysOf(bo);
    expect(audit).toMatchObject({ class: "_audit", held: false, why: "not given to you" });
    expect(others.every(({ held }) => held)).toBe(true);
  });

  it("is a table with the reason in a pipe, too", async () => {
    const { out } = await bo.ok("key", "list");
    expect(out.split("\n")[0]).toMatch(/^_project\/_audit\t1\t\S+Z\tyes\tmembers\tno: not given to you$/);
  });
});

describe("key rotate", () => {
  it("changes nothing in a dry run, and asks where nobody can answer", async () => {
    const dry = await ana.json<Rotated>("key", "rotate", "--dry-run");
    expect(dry.keys.map(({ class: klass, epoch }) => `${klass}/${String(epoch)}`)).toEqual([
      "public/2",
      "internal/2",
      "confidential/2",
    ]);
    expect(dry).toMatchObject({ dryRun: true, policyVersion: 3 });
    expect(inUse(await keysOf(ana))).toEqual(FIRST);
    expect(await ana.fails("key", "rotate")).toMatchObject({ exit: 2, next: "pass --yes" });
    expect(readdirSync(join(ana.store, "epochs/churn/internal"))).toEqual(["1"]);
  });

  it("is refused to who may not, on record", async () => {
    const failed = await bo.fails("key", "rotate", "--yes");
    expect(failed).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(failed.logEntry).toBeTypeOf("number");
  });

  it("of one class makes one key, and says that the one before still counts", async () => {
    const ended = await ana.ok("key", "rotate", "--class", "internal", "--why", "a laptop was lost", "--yes");
    expect(ended.out).toContain("made 1 new key");
    expect(ended.out).toContain("still accepted");
    const keys = ["churn/confidential/1", "churn/internal/2", "churn/public/1"];
    expect(inUse(await keysOf(ana)).slice(2)).toEqual(keys);
    expect(await ana.fails("key", "rotate", "--class", "secret", "--yes")).toMatchObject({ exit: 2 });
    expect(await ana.fails("key", "rotate", "--domain", "other", "--yes")).toMatchObject({ exit: 7 });
  });

  it("raises the oldest epoch of the domain in the policy; old versions stay readable, for both", async () => {
    const rotated = await ana.json<Rotated>("key", "rotate", "--domain", "churn", "--yes");
    expect(rotated.keys.map(({ epoch }) => epoch)).toEqual([3, 3, 3]);
    expect(readFileSync(join(ana.folder, "cloister.policy.yaml"), "utf8")).toContain("epoch: 3");
    await push("after");
    for (const member of [ana, bo]) {
      const { versions, hidden, ignored } = await member.json<Listing>("list");
      expect([versions.map(({ name }) => name), hidden, ignored]).toEqual([["after", "before"], [], []]);
      await member.ok("pull", "before", "-o", "old", "--purpose", "modelling");
      await member.ok("pull", "after", "-o", "new", "--purpose", "modelling");
    }
    const rows = (await ana.json<{ entries: AuditRow[] }>("audit", "list", "--action", "key.rotate")).entries;
    expect(rows.filter(({ phase }) => phase === "done")).toHaveLength(2);
    expect(rows.find(({ details }) => details?.["class"] === "internal")?.details).toMatchObject({
      justification: "a laptop was lost",
    });
  });

  it("leaves a suspended member with what they held, and nothing of what comes", async () => {
    const file = join(ana.folder, "cloister.policy.yaml");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/^( {2}"?bo"?: \{.*) \}$/m, "$1, suspended: left }"));
    await ana.ok("policy", "propose", "--yes");
    await ana.ok("key", "rotate", "--yes");
    await push("gone");
    const devices = (epoch: number) => readdirSync(join(ana.store, `keys/churn/internal/${String(epoch)}`));
    expect([devices(1).length, devices(3).length, devices(4).length]).toEqual([2, 2, 1]);
    const keys = (await keysOf(bo)).filter(({ class: klass }) => klass === "internal");
    expect(keys.map(({ epoch, held }) => [epoch, held])).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [4, false],
    ]);
  });

  it("leaves an edited policy file alone, and says so", async () => {
    const file = join(ana.folder, "cloister.policy.yaml");
    const edited = `${readFileSync(file, "utf8")}\n# to be discussed\n`;
    writeFileSync(file, edited);
    const { err } = await ana.ok("key", "rotate", "--class", "public", "--yes");
    expect(err).toContain("set the epochs there, too");
    expect(readFileSync(file, "utf8")).toBe(edited);
  });
});
