// A policy that two people sign, from the first proposal to a member who leaves: the real program, three devices and more.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type {
  Joined,
  MemberChanged,
  MemberSummary,
  MemberSuspended,
  PolicyLogRow,
  PolicySigned,
  ProposalShown,
  ProposalSummary,
  Proposed,
} from "../../../src/index.ts";
import { type Member, World } from "../harness.ts";

const world = new World();
let ana: Member;
let omar: Member;
let bo: Member;

const PENDING = 5;

async function pending<T>(member: Member, ...args: readonly string[]): Promise<T> {
  const { exit, out, err } = await member.cli(...args, "--json");
  expect({ exit, err }).toMatchObject({ exit: PENDING });
  return JSON.parse(out) as T;
}

function edit(member: Member, from: RegExp, to: string): void {
  const file = join(member.folder, "cloister.policy.yaml");
  const before = readFileSync(file, "utf8");
  expect(before).toMatch(from);
  writeFileSync(file, before.replace(from, to));
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  omar = await world.colleague(ana, "omar", "steward");
  bo = world.member("bo");
});

describe("two owners", () => {
  it("become two by a version that both sign: the second before it is in force", async () => {
    edit(ana, /^owners:.*$/m, "owners: { threshold: 2, members: [ana, omar] }");
    const asked = await pending<Proposed>(ana, "policy", "propose", "--yes", "--why", "two of us sign from now on");
    expect(asked).toMatchObject({ version: 3, pending: { complete: false } });
    expect(asked.pending?.sides.map(({ signed, can }) => [signed, can])).toEqual([
      [["ana"], []],
      [["ana"], ["omar"]],
    ]);
    const [open] = (await omar.json<{ proposals: readonly ProposalSummary[] }>("policy", "list")).proposals;
    expect(open).toMatchObject({ digest: asked.digest, why: "two of us sign from now on", stale: false });
    const shown = await omar.json<ProposalShown>("policy", "show", "--proposal");
    expect(shown.changes.map(({ sign, text }) => `${sign} ${text}`)).toContain("+ owner omar");
    // Omar is no owner yet: he signs, and somebody who is one puts it into force.
    const signed = await pending<PolicySigned>(omar, "policy", "sign", "--yes");
    expect(signed.pending).toMatchObject({ complete: true, publishers: ["ana"] });
    expect((await ana.json<PolicySigned>("policy", "sign", "--yes")).logEntry).toBeGreaterThan(0);
    expect(readFileSync(join(ana.folder, "cloister.policy.yaml"), "utf8")).toContain("version: 3");
  });

  it("add a member with both signatures, and the member gets the keys", async () => {
    const { line } = await bo.json<Joined>("join", ana.store, "--as", "bo", "--name", "Bo Chen");
    await pending(omar, "member", "add", line, "--role", "data-scientist", "--yes");
    expect(await bo.fails("list")).toMatchObject({ exit: 4 });
    const alone = await pending<PolicySigned>(omar, "policy", "sign", "--yes");
    expect(alone).toMatchObject({ again: true });
    expect((await ana.json<PolicySigned>("policy", "sign", "--yes")).lacking).toEqual([]);
    ana.files("data", { "rows.csv": "1\n" });
    await ana.ok("push", "data", "--name", "cohort:1", "--class", "internal", "--purpose", "modelling");
    await bo.ok("pull", "cohort:1", "--purpose", "modelling", "-o", "mine");
  });

  it("add a device: another key, the same person", async () => {
    const laptop = world.member("laptop");
    const { line } = await laptop.json<Joined>("join", ana.store, "--as", "bo", "--name", "Bo Chen");
    const asked = await pending<MemberChanged>(ana, "member", "add-device", line, "--name", "laptop", "--yes");
    await omar.ok("policy", "sign", asked.policyDigest.slice(0, 8), "--yes");
    await laptop.ok("pull", "cohort:1", "--purpose", "modelling", "-o", "again");
    const { members } = await laptop.json<{ members: readonly MemberSummary[] }>("member", "list");
    const me = members.find(({ you }) => you);
    expect([me?.id, me?.devices.map(({ name, here }) => [name ?? null, here])]).toEqual([
      "bo",
      [
        [null, false],
        ["laptop", true],
      ],
    ]);
    const removed = await pending<MemberChanged>(omar, "member", "remove-device", "bo", "laptop", "--yes");
    await ana.ok("policy", "sign", removed.policyDigest.slice(0, 8), "--yes");
    expect(await laptop.fails("pull", "cohort:1", "--purpose", "modelling", "-o", "late")).toMatchObject({ exit: 4 });
    await ana.ok("push", "data", "--name", "cohort:2", "--class", "internal", "--purpose", "modelling");
    await bo.ok("pull", "cohort:2", "--purpose", "modelling", "-o", "second");
  });

  it("suspend a member: what they pulled is told, and nothing new opens for them", async () => {
    expect(await ana.fails("member", "suspend", "bo", "--yes")).toMatchObject({ exit: 2, code: "USAGE" });
    const asked = await pending<MemberSuspended>(ana, "member", "suspend", "bo", "--why", "left the team", "--yes");
    expect(asked.domains).toEqual([{ domain: "churn", epoch: 3 }]);
    expect(asked.released.versions.map(({ reference, class: klass, times }) => [reference, klass, times])).toEqual([
      ["churn/cohort:1", "internal", 2],
      ["churn/cohort:2", "internal", 1],
    ]);
    expect((await omar.cli("policy", "sign", "--yes")).out).toContain("it is in force");
    expect(await bo.fails("pull", "cohort:2", "--purpose", "modelling", "-o", "x")).toMatchObject({ exit: 3 });
    await ana.ok("push", "data", "--name", "cohort:3", "--class", "internal", "--purpose", "modelling");
    await pending(omar, "member", "restore", "bo", "--yes");
    await ana.ok("policy", "sign", "--yes");
    await bo.ok("pull", "cohort:3", "--purpose", "modelling", "-o", "third");
  });

  it("see what was changed when, by whom, in one history that every reader verifies", async () => {
    const { versions } = await bo.json<{ versions: readonly PolicyLogRow[] }>("policy", "log");
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(versions.slice(3).map(({ signed }) => signed)).toEqual(Array.from({ length: 5 }, () => ["ana", "omar"]));
    expect(versions[3]?.changes.map(({ text }) => text).join()).toContain("bo");
    expect((await bo.json<{ ok: boolean }>("audit", "verify")).ok).toBe(true);
  });

  it("take a signature back, and what was overtaken cannot be signed", async () => {
    const rotated = await pending<{ policyDigest: string }>(ana, "key", "rotate", "--class", "public", "--yes");
    await ana.ok("policy", "withdraw");
    expect(await omar.fails("policy", "sign", "--yes")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
    const again = await pending<{ policyDigest: string }>(ana, "key", "rotate", "--class", "public", "--yes");
    expect(again.policyDigest).toBe(rotated.policyDigest);
    const other = await pending<{ policyDigest: string }>(omar, "member", "suspend", "bo", "--why", "away", "--yes");
    await ana.ok("policy", "sign", other.policyDigest.slice(0, 8), "--yes");
    const late = await omar.fails("policy", "sign", again.policyDigest.slice(0, 8), "--yes");
    expect(late).toMatchObject({ exit: 2, message: expect.stringContaining("overtaken") });
    expect((await omar.json<{ proposals: [] }>("policy", "list")).proposals).toEqual([]);
    expect((await omar.json<{ proposals: [] }>("policy", "list", "--all")).proposals).toHaveLength(1);
  });
});
