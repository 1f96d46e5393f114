// A model on its way through two gates, as people type it: statements, consent, promotion, tags, a lower class.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Attested, Declassified, Explained, Listing, Pulled, VersionDetail } from "../../../src/index.ts";
import { type Member, marker, World } from "../harness.ts";

const world = new World();
const finding = marker();
let ana: Member;
let bo: Member;
let priya: Member;

const ROLES = `  maker:
    can: [artifact.push, artifact.pull, artifact.promote, artifact.declassify, artifact.attest, request.create]
    up-to: confidential
  reviewer:
    can: [artifact.pull, artifact.attest, request.approve]
    up-to: confidential

`;

const GATES = `
separate:
  - { who: artifact.push, cannot: request.approve }

evidence:
  tests-passed: { by: [maker] }
  bias-review:  { by: [reviewer], not-by: pusher }

gates:
  dev -> candidate:        { evidence: [tests-passed] }
  candidate -> production: { evidence: [tests-passed, bias-review], approvals: { reviewer: 1 } }
`;

const CONSENT = `rules:
  declassify-needs-review:
    on: [artifact.declassify]
    require: { approvals: { reviewer: 1 } }
`;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  const file = join(ana.folder, "cloister.policy.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace("\nalways:", `\n${ROLES}always:`).replace(/^rules:.*\n/m, CONSENT) + GATES);
  await ana.ok("policy", "propose", "--yes", "--why", "models go through two gates");
  bo = await world.colleague(ana, "bo", "maker");
  priya = await world.colleague(ana, "priya", "reviewer");
  bo.files("model", { "weights.bin": "0.1 0.2" });
  bo.files(".", { "junit.xml": "<testsuite/>" });
  priya.files(".", { "review.txt": `${finding}\n` });
});

const why = ["--why", "it was compared with the last one"] as const;

describe("a model", () => {
  it("begins in the first stage, and each gate says what is missing", async () => {
    await bo.ok("push", "model", "--name", "risk:1.2", "--class", "internal", "--kind", "dataset");
    const refused = await bo.fails("artifact", "promote", "risk:1.2");
    expect(refused).toMatchObject({ exit: 3, refusals: [expect.objectContaining({ rule: "gate:candidate" })] });
    await bo.ok("artifact", "attest", "risk:1.2", "junit.xml", "--type", "tests-passed", "--result", "pass");
    expect((await bo.ok("artifact", "promote", "risk:1.2", "--dry-run")).out).toContain("would promote");
    expect((await bo.ok("artifact", "promote", "risk:1.2")).out).toMatch(/from dev to candidate/);
    expect(
      (await bo.fails("artifact", "attest", "risk:1.2", "junit.xml", "--type", "bias-review", "--result", "pass")).exit,
    ).toBe(3);
  });

  it("comes to production with a review, and with the consent of another", async () => {
    const args = ["artifact", "attest", "risk:1.2", "review.txt", "--type", "bias-review", "--result", "pass"];
    const { digest = "" } = await priya.json<Attested>(...args);
    expect(await bo.fails("artifact", "promote", "risk:1.2")).toMatchObject({
      refusals: [expect.objectContaining({ rule: "gate:production" })],
    });
    const { id } = await bo.json<{ id: string }>(
      "request",
      "create",
      "promote",
      "risk:1.2",
      "--to",
      "production",
      ...why,
    );
    expect((await bo.fails("artifact", "promote", "risk:1.2")).exit).toBe(5);
    await priya.ok("request", "approve", id, "--yes");
    const asked = ["policy", "explain", "artifact.promote", "risk:1.2", "--to", "production"];
    expect((await bo.json<Explained>(...asked)).allow).toBe(true);
    expect((await bo.ok("artifact", "promote", "risk:1.2", "--to", "production")).out).toMatch(
      /candidate to production/,
    );
    expect((await bo.ok("artifact", "promote", "risk:1.2", "--to", "production")).out).toMatch(/already/);
    expect((await bo.ok("show", "risk:1.2", "--statement", digest.slice(0, 12))).out).toBe(`${finding}\n`);
  });

  it("is shown, listed, verified and pulled by its stage and by a tag", async () => {
    const detail = await priya.json<VersionDetail>("show", "risk:production");
    expect(detail).toMatchObject({ stage: "production", ignored: [] });
    expect(detail.statements.map(({ kind, by }) => `${kind} ${by}`)).toEqual(["tests-passed bo", "bias-review priya"]);
    await bo.ok("artifact", "tag", "risk:1.2", "champion");
    const { versions } = await priya.json<Listing>("list", "risk");
    expect(versions).toEqual([expect.objectContaining({ stage: "production", tags: ["champion"] })]);
    for (const word of ["production", "champion"]) {
      const args = ["pull", `risk:${word}`, "-o", `out-${word}`, "--purpose", "modelling"];
      expect(await priya.json<Pulled>(...args)).toMatchObject({ via: word, reference: "churn/risk:1.2" });
    }
    const verified = await priya.ok("verify", "out-production");
    expect(verified.out).toMatch(/good\tstage\tin production, promoted by bo/);
    expect(verified.out).toMatch(/good\tstatement\tbias-review pass, stated by priya/);
  });

  it("leaves names and findings out of what the store can read", async () => {
    const log = await ana.ok("audit", "list", "--json");
    expect(log.out).not.toContain(finding);
    const { ok } = await ana.json<{ ok: boolean }>("audit", "verify");
    expect(ok).toBe(true);
  });
});

describe("a lower class", () => {
  it("is a new version, after the consent of another", async () => {
    await bo.ok("push", "model", "--name", "sums:1", "--class", "confidential");
    const args = ["artifact", "declassify", "sums:1", "--to", "internal", ...why];
    expect((await bo.fails(...args)).exit).toBe(3);
    const { id } = await bo.json<{ id: string }>(
      "request",
      "create",
      "declassify",
      "sums:1",
      "--to",
      "internal",
      ...why,
    );
    expect((await bo.fails(...args)).exit).toBe(5);
    await priya.ok("request", "approve", id, "--yes");
    expect(await bo.json<Declassified>(...args)).toMatchObject({
      number: 2,
      class: "internal",
      from: { class: "confidential" },
    });
    expect((await priya.ok("verify", "sums:v2")).exit).toBe(0);
    expect((await bo.fails(...args)).exit).toBe(3);
  });
});
