// People: joining, what a role gives and what it does not, leaving.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Joined, Listing, MemberAdded, MemberSummary, WhoAmI } from "../../src/index.ts";
import { holders, type Member, marker, World } from "./harness.ts";

const world = new World();
const secret = marker();
let ana: Member;
let bo: Member;
let cy: Member;
let joined: Joined;

/** The local policy file, edited. */
function edit(member: Member, change: (text: string) => string): void {
  const file = join(member.folder, "cloister.policy.yaml");
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error("the edit changed nothing");
  writeFileSync(file, after);
}

/** Devices that a private half was wrapped for. */
function holdersOf(place: string): number {
  return readdirSync(join(ana.store, "keys", place)).length;
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  edit(ana, (text) =>
    text.replace(
      /^always:/m,
      "  visitor:\n    can: [artifact.pull, artifact.read-metadata]\n    up-to: public\n\nalways:",
    ),
  );
  await ana.ok("policy", "propose", "--yes", "--why", "visitors may read what is public");
  ana.files("data", { "rows.csv": `${secret}\n` });
  for (const klass of ["public", "internal", "confidential"]) {
    await ana.ok("push", "data", "--name", `${klass}-data`, "--class", klass, "--kind", "report");
  }
  bo = world.member("bo");
  cy = world.member("cy");
});

describe("joining", () => {
  it("prints one line and fingerprints to compare; before being added nothing works, and it says what to do", async () => {
    joined = await bo.json<Joined>("join", ana.store, "--as", "bo", "--name", "Bo Chen");
    expect(joined).toMatchObject({ schema: "cloister/join@1", project: "churn", policyVersion: 2 });
    expect(joined.member).toBeUndefined();
    expect(joined.line).toMatch(/^\S+$/);
    expect((await bo.json<WhoAmI>("whoami")).fingerprint).toBe(joined.fingerprint);
    for (const args of [["list"], ["push", "x", "--name", "x"], ["audit", "list"]]) {
      bo.files(".", { x: "x" });
      const failed = await bo.fails(...args);
      expect(failed, args.join(" ")).toMatchObject({ exit: 4, code: "NOT_AUTHENTICATED" });
      expect(`${failed.why} ${failed.next}`, args.join(" ")).toMatch(/join line|cloister join|steward|owner|ana/);
    }
  });

  it("refuses another policy fingerprint than the one that was told, and writes nothing of the project", async () => {
    const eve = world.member("eve");
    const wrong = await eve.fails("join", ana.store, "--expect", "0".repeat(64));
    expect(wrong).toMatchObject({ exit: 6, code: "INTEGRITY" });
    expect(readdirSync(eve.folder)).toEqual([]);
    await eve.ok("join", ana.store, "--as", "eve", "--expect", joined.policyFingerprint);
    expect(await world.member("dee").fails("join", join(world.root, "nowhere"))).toMatchObject({ exit: 7 });
  });

  it("refuses a line that was changed anywhere, or is for another project", async () => {
    const { line } = joined;
    for (const at of [20, Math.floor(line.length / 2), line.length - 3]) {
      const other = line[at] === "A" ? "B" : "A";
      const failed = await ana.fails(
        "member",
        "add",
        `${line.slice(0, at)}${other}${line.slice(at + 1)}`,
        "--role",
        "visitor",
        "--yes",
      );
      expect([2, 6], `character ${String(at)}: ${failed.message}`).toContain(failed.exit);
    }
    expect((await ana.fails("member", "add", line.slice(0, -20), "--role", "visitor", "--yes")).exit).not.toBe(1);
    const other = await world.project("otto", "solo");
    expect(await other.fails("member", "add", line, "--role", "owner", "--yes")).toMatchObject({ exit: 2 });
    expect((await ana.json<{ members: [] }>("member", "list")).members).toHaveLength(1);
  });

  it("needs a role that exists, and a person who compares the fingerprint unless told --yes", async () => {
    expect(await ana.fails("member", "add", joined.line)).toMatchObject({
      exit: 2,
      next: expect.stringContaining("--role"),
    });
    expect(await ana.fails("member", "add", joined.line, "--role", "visitor")).toMatchObject({
      exit: 2,
      message: expect.stringContaining("--yes"),
    });
    expect(await ana.fails("member", "add", joined.line, "--role", "visiter", "--yes")).toMatchObject({ exit: 2 });
    expect(await ana.json<MemberAdded>("member", "add", joined.line, "--role", "visitor", "--dry-run")).toMatchObject({
      dryRun: true,
    });
    expect((await ana.json<{ members: [] }>("member", "list")).members).toHaveLength(1);
  });

  it("adds the member with the keys of their role and no others", async () => {
    const added = await ana.json<MemberAdded>("member", "add", joined.line, "--role", "data-scientist", "--yes");
    expect(added).toMatchObject({ schema: "cloister/member-add@1", member: "bo", name: "Bo Chen", policyVersion: 3 });
    expect(added.fingerprint).toBe(joined.fingerprint);
    expect([...added.keys].filter((key) => key.startsWith("churn/") && !key.includes("_")).sort()).toEqual([
      "churn/confidential",
      "churn/internal",
      "churn/public",
    ]);
    const { line } = await cy.json<Joined>("join", ana.store, "--as", "cy", "--name", "Cy");
    const visitor = await ana.json<MemberAdded>("member", "add", line, "--role", "visitor", "--yes");
    expect(visitor.keys.filter((key) => !key.includes("_"))).toEqual(["churn/public"]);
    expect(["public", "internal", "confidential"].map((klass) => holdersOf(`churn/${klass}/1`))).toEqual([3, 2, 2]);
    expect(holdersOf("_project/_audit/1")).toBe(1);
    expect(readFileSync(join(ana.folder, "cloister.policy.yaml"), "utf8")).toMatch(/^ {2}bo: /m);
    expect(await ana.fails("member", "add", joined.line, "--role", "visitor", "--yes")).toMatchObject({ exit: 2 });
    const { members } = await bo.json<{ members: readonly MemberSummary[] }>("member", "list");
    expect(members.map(({ id, owner, you }) => [id, owner, you])).toEqual([
      ["ana", true, false],
      ["bo", false, true],
      ["cy", false, false],
    ]);
  });
});

describe("what a role gives", () => {
  it("shows a member what they hold keys for, and counts the rest", async () => {
    const all = await bo.json<Listing>("list");
    expect(all.versions.map(({ name }) => name).sort()).toEqual(["confidential-data", "internal-data", "public-data"]);
    const some = await cy.json<Listing>("list");
    expect(some.versions.map(({ name }) => name)).toEqual(["public-data"]);
    expect([...some.hidden].sort((a, b) => a.where.localeCompare(b.where))).toEqual([
      { where: "churn/confidential", count: 1 },
      { where: "churn/internal", count: 1 },
    ]);
    expect((await cy.ok("list")).err).toContain("for which you hold no key");
  });

  it("lets nobody read above their class, with the file of another device put in place of a key of their own, too", async () => {
    await cy.ok("pull", "public-data", "-o", "public", "--purpose", "modelling");
    for (const klass of ["internal", "confidential"]) {
      const failed = await cy.fails("pull", `${klass}-data`, "-o", klass, "--purpose", "modelling");
      expect(failed, klass).toMatchObject({ exit: 3 });
      expect(await cy.fails("show", `${klass}-data`)).toMatchObject({ exit: 3 });
    }
    const keys = join(ana.store, "keys/churn/confidential/1");
    const [foreign = ""] = readdirSync(keys);
    const mine = readdirSync(join(ana.store, "keys/churn/public/1")).find(
      (device) => !readdirSync(keys).includes(device),
    );
    writeFileSync(join(keys, mine ?? "none"), readFileSync(join(keys, foreign)));
    expect([3, 6]).toContain((await cy.fails("pull", "confidential-data", "-o", "c", "--purpose", "modelling")).exit);
    expect(holders(cy.folder, [secret])).toEqual([`public/rows.csv: ${secret}`]);
  });

  it("lets only owners change the policy and add members, whoever has the files", async () => {
    const dee = world.member("dee2");
    const { line } = await dee.json<Joined>("join", ana.store, "--as", "dee", "--name", "Dee");
    const added = await bo.fails("member", "add", line, "--role", "steward", "--yes");
    expect(added).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(`${added.why} ${added.next} ${JSON.stringify(added.refusals)}`).toContain("ana");
    const text = readFileSync(join(ana.folder, "cloister.policy.yaml"), "utf8");
    writeFileSync(
      join(bo.folder, "cloister.policy.yaml"),
      text.replace(/roles: \[data-scientist\]/, "roles: [steward]"),
    );
    expect(await bo.fails("policy", "propose", "--yes")).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(await bo.fails("audit", "list")).toMatchObject({ exit: 3 });
    expect(await cy.fails("push", "public/rows.csv", "--name", "mine")).toMatchObject({ exit: 3 });
    const { members } = await ana.json<{ members: readonly MemberSummary[] }>("member", "list");
    expect(members.map(({ id, roles }) => `${id}: ${roles.join()}`)).toEqual([
      "ana: steward",
      "bo: data-scientist",
      "cy: visitor",
    ]);
  });
});

describe("leaving", () => {
  it("a suspended member can no longer pull or push, and gets no new key", async () => {
    bo.files("mine", { "a.txt": "a" });
    await bo.ok("push", "mine", "--name", "mine", "--class", "internal");
    const held = holdersOf("churn/confidential/1");
    edit(ana, (text) =>
      text.replace(/^( {2}bo: \{.*?) \}/m, "$1, suspended: left the team }").replace(/epoch: 1/, "epoch: 2"),
    );
    await ana.ok("policy", "propose", "--yes", "--why", "bo left");
    for (const args of [
      ["pull", "internal-data", "-o", "after", "--purpose", "modelling"],
      ["push", "mine", "--name", "mine", "--class", "internal"],
    ]) {
      const failed = await bo.fails(...args);
      expect([3, 4], `${args.join(" ")}: ${failed.message}`).toContain(failed.exit);
      expect(JSON.stringify(failed)).toContain("suspended");
    }
    expect(holdersOf("churn/confidential/1")).toBe(held);
    expect(holdersOf("churn/confidential/2")).toBe(1);
    expect(holdersOf("churn/public/2")).toBe(2);

    ana.files("fresh", { "b.txt": "b" });
    await ana.ok("push", "fresh", "--name", "fresh", "--class", "public");
    await cy.ok("pull", "fresh", "-o", "fresh", "--purpose", "modelling");
    await ana.ok("pull", "mine", "-o", "theirs", "--purpose", "modelling");
    expect((await ana.json<Listing>("list")).ignored).toEqual([]);
    const { members } = await ana.json<{ members: readonly MemberSummary[] }>("member", "list");
    expect(members.find(({ id }) => id === "bo")?.suspended).toBe(true);
  });
});
