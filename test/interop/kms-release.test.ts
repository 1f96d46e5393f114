// Released keys and broken glass where classes are under KMS: no data key comes from KMS, and who has no rights there opens
// by halves what they may.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BreakGlassSaid } from "../../src/index.ts";
import { type Member, marker, World } from "../acceptance/harness.ts";
import { TestKms } from "../aws/kms-server.ts";

const GOVERNANCE = `
roles:
  security-officer:
    can: [policy.change, member.add, audit.read, key.rotate, request.approve, break-glass.invoke]
    up-to: confidential
  data-owner: { can: [request.approve, audit.read], up-to: confidential }
  data-scientist:
    can: [artifact.push, artifact.pull, artifact.read-metadata, request.create]
    up-to: confidential
rules:
  two-people:
    on: [artifact.pull]
    from: confidential
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h }, release: keys }
break-glass: { can: [artifact.pull], with: escrow, escrow: [omar], max: 1h, review-within: 24h, notify: [bo] }
`;

const world = new World();
const kms = new TestKms();
const secret = marker();
const use = ["--purpose", "modelling"];
let ana: Member;
let omar: Member;
let bo: Member;

beforeAll(async () => {
  await kms.start();
  const key = kms.key();
  for (const each of ["ANA", "BO"]) kms.allow(each);
  ana = world.member("ana", kms.env("ANA"));
  const answers = ["--template", "demo", "--project", "churn", "--domain", "churn", "--purpose", "modelling"];
  await ana.ok("init", ...answers, "--as", "ana", "--name", "Ana", "--kms", key, "--bucket", "acme-ml", "--yes");
  omar = world.member("omar", kms.env("OMAR"));
  bo = world.member("bo", kms.env("BO"));
  for (const member of [omar, bo]) {
    const { line } = await member.json<{ line: string }>("join", ana.store, "--as", member.id, "--name", member.id);
    await ana.ok("member", "add", line, "--role", "data-scientist", "--yes");
  }
  const file = join(ana.folder, "cloister.policy.yaml");
  const text = readFileSync(file, "utf8");
  const as = (held: string, id: string, role: string) =>
    held.replace(new RegExp(`^( {2}${id}:.*roles: )\\[[^\\]]*\\]`, "m"), `$1[${role}]`);
  const people = as(as(text.split(/^roles:/m)[0] ?? "", "ana", "security-officer"), "omar", "data-owner");
  const aws = /^aws:.*(?:\n[ \t].*)*/m.exec(text)?.[0] ?? "";
  writeFileSync(file, `${people}${aws}${GOVERNANCE}`);
  await ana.ok("policy", "propose", "--yes", "--why", "two people release confidential data");
  // From here on neither approver has any right in KMS.
  kms.allow("ANA", { actions: [], context: {} });
  bo.files("cohort", { "rows.csv": `${secret}\n` });
  kms.seen.length = 0;
  await bo.ok("push", "cohort", "--name", "cohort:1", "--class", "confidential", "--kind", "report");
}, 120_000);
afterAll(() => kms.stop());

it("asks KMS for no data key where others release it", () => {
  expect(readdirSync(join(ana.store, "keys/churn/confidential/1"))).toEqual(["kms"]);
  expect(JSON.stringify(kms.seen)).not.toContain("GenerateDataKey");
});

it("is released by approvers without any right in KMS", async () => {
  const create = ["request", "create", "access", "cohort:1", ...use, "--why", "model for the third quarter"];
  const { id } = await bo.json<{ id: string }>(...create);
  for (const member of [omar, ana]) await member.ok("request", "approve", id, "--yes");
  await bo.ok("pull", "cohort:1", "-o", "out", ...use);
  expect(readFileSync(join(bo.folder, "out/rows.csv"), "utf8")).toContain(secret);
});

it("opens in an emergency for an officer whom KMS refuses", async () => {
  const { id } = await ana.json<BreakGlassSaid>(
    "break-glass",
    "invoke",
    "cohort:1",
    "--why",
    "INC-204: wrong predictions",
  );
  expect((await ana.cli("pull", "cohort:1", "-o", "early", ...use)).exit).not.toBe(0);
  await omar.ok("break-glass", "approve", id, "--yes");
  await ana.ok("pull", "cohort:1", "-o", "emergency", ...use);
  expect(readFileSync(join(ana.folder, "emergency/rows.csv"), "utf8")).toContain(secret);
});
