// Data that two people release together, and an emergency, as people type it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { BreakGlassListing, BreakGlassSaid, Diagnosis, HandedOn, Pulled, Status } from "../../../src/index.ts";
import { type Member, marker, World } from "../harness.ts";

const POLICY = `roles:
  security-officer:
    can: [policy.change, member.add, audit.read, key.rotate, request.approve, break-glass.invoke]
    up-to: restricted
  data-owner:
    can: [artifact.pull, artifact.read-metadata, request.approve, audit.read]
    up-to: restricted
  data-scientist:
    can: [artifact.push, artifact.pull, artifact.read-metadata, request.create]
    up-to: restricted
  auditor:
    can: [audit.read]
    up-to: public

always:
  purpose-for: [artifact.pull]

separate:
  - { who: request.create, cannot: request.approve }

rules:
  restricted-needs-grant:
    on: [artifact.pull]
    from: restricted
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h }, release: keys }

break-glass: { can: [artifact.pull], with: escrow, escrow: [eva], max: 1h, review-within: 24h, notify: [omar, dee] }
`;

const world = new World();
const secret = marker();
const use = ["--purpose", "modelling"];
let ana: Member;
let omar: Member;
let bo: Member;
let dee: Member;
let eva: Member;

/** Ana is the officer, Omar the data owner, Eva in escrow; Dee pushes, Bo wants to read. */
beforeAll(async () => {
  ana = await world.project("ana", "demo");
  [omar, bo, dee, eva] = (await Promise.all(["omar", "bo", "dee", "eva"].map(async (id) => world.member(id)))) as [
    Member,
    Member,
    Member,
    Member,
  ];
  for (const member of [omar, bo, dee, eva]) {
    const { line } = await member.json<{ line: string }>("join", ana.store, "--as", member.id, "--name", member.id);
    await ana.ok("member", "add", line, "--role", "data-scientist", "--yes");
  }
  const file = join(ana.folder, "cloister.policy.yaml");
  const [people = ""] = readFileSync(file, "utf8").split(/^roles:/m);
  const as = (text: string, id: string, role: string) =>
    text.replace(new RegExp(`^( {2}${id}:.*roles: )\\[[^\\]]*\\]`, "m"), `$1[${role}]`);
  const held = [
    ["ana", "security-officer"],
    ["omar", "data-owner"],
    ["eva", "auditor"],
  ] as const;
  const renewed = people.replace("internal, confidential]", "internal, confidential, restricted]");
  writeFileSync(file, `${held.reduce((text, [id, role]) => as(text, id, role), renewed)}${POLICY}`);
  await ana.ok("policy", "propose", "--yes", "--why", "two people release restricted data");
  dee.files("cohort", { "rows.csv": `${secret}\n` });
  await dee.ok("push", "cohort", "--name", "cohort:1", "--class", "restricted", "--kind", "report");
});

describe("a version that two people release", () => {
  it("cannot be pulled, and the refusal ends with a command that works", async () => {
    const failed = await bo.fails("pull", "cohort:1", "-o", "out", ...use);
    expect(failed).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(failed.next).toMatch(/^cloister request create access churn\/cohort:1/);
    expect((await dee.fails("pull", "cohort:1", "-o", "out", ...use)).exit).toBe(3);
    expect((await omar.fails("pull", "cohort:1", "-o", "out", ...use)).exit).toBe(3);
  });

  it("is asked for, half released, and pulled once both did", async () => {
    const create = ["request", "create", "access", "cohort:1", ...use, "--why", "model for the third quarter"];
    const { id } = await bo.json<{ id: string }>(...create);
    expect(await bo.fails("pull", "cohort:1", "-o", "out", ...use)).toMatchObject({
      exit: 5,
      code: "APPROVAL_PENDING",
    });
    await omar.ok("request", "approve", id, "--yes");
    expect(await bo.fails("pull", "cohort:1", "-o", "out", ...use)).toMatchObject({ exit: 5 });
    await ana.ok("request", "approve", id, "--yes");
    await bo.json<Pulled>("pull", "cohort:1", "-o", "out", ...use);
    expect(readFileSync(join(bo.folder, "out/rows.csv"), "utf8")).toContain(secret);
    expect((await dee.fails("pull", "cohort:1", "-o", "out", ...use)).exit).toBe(3);
  });

  it("is handed on to nobody as long as everybody has what they are to have", async () => {
    expect(await omar.json<HandedOn>("key", "hand-on")).toMatchObject({ versions: 1, given: [], taken: 0 });
    expect(await bo.json<HandedOn>("key", "hand-on")).toMatchObject({ versions: 0, given: [], taken: 0 });
  });
});

describe("an emergency", () => {
  let id: string;

  it("opens nothing before somebody in escrow consents", async () => {
    expect((await bo.fails("break-glass", "invoke", "cohort:1", "--why", "just curious")).exit).toBe(3);
    const made = await ana.json<BreakGlassSaid>(
      "break-glass",
      "invoke",
      "cohort:1",
      "--why",
      "INC-204: wrong predictions",
    );
    expect(made).toMatchObject({ schema: "cloister/break-glass@1", state: "open", waitsFor: ["eva"] });
    ({ id } = made);
    expect((await ana.fails("pull", "cohort:1", "-o", "emergency", ...use)).exit).toBe(3);
    expect((await omar.fails("break-glass", "approve", id, "--yes")).exit).toBe(3);
    expect((await eva.json<Status>("status")).warnings.join()).toContain(`${id}: ana`);
  });

  it("opens the version for the officer, tells the others, and waits for a review", async () => {
    expect(await eva.json<BreakGlassSaid>("break-glass", "approve", id, "--yes")).toMatchObject({ state: "active" });
    await ana.ok("pull", "cohort:1", "-o", "emergency", ...use);
    expect(readFileSync(join(ana.folder, "emergency/rows.csv"), "utf8")).toContain(secret);
    const { warnings } = await omar.json<Status>("status");
    expect(warnings[0]).toMatch(new RegExp(`^you are to be told: break-glass ${id}: ana .* with eva, is open until`));
    const again = await ana.fails("break-glass", "invoke", "cohort:1", "--why", "INC-205: once more");
    expect(again.refusals).toEqual([expect.objectContaining({ rule: "builtin:unreviewed" })]);
  });

  it("is reviewed by somebody who had no part in it", async () => {
    const review = ["break-glass", "review", id, "--outcome", "justified", "--why", "matches INC-204"];
    for (const member of [ana, eva]) expect((await member.fails(...review)).exit).toBe(3);
    expect((await omar.ok(...review)).out).toContain(`${id} is active, its review justified`);
    const { emergencies } = await dee.json<BreakGlassListing>("break-glass", "list");
    expect(emergencies).toEqual([expect.objectContaining({ id, review: "justified", reviewedBy: "omar" })]);
    expect((await ana.json<Diagnosis>("doctor")).checks.map(({ name }) => name)).not.toContain("break-glass");
  });
});
