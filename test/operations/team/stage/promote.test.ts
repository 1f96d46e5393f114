// Stages: one gate at a time, by what the log bears out; what a patched client logs beside it changes nothing.
import { beforeAll, expect, test } from "vitest";
import { list, show } from "../../../../src/operations/artifact/list.ts";
import { verifyReference } from "../../../../src/operations/artifact/verify.ts";
import { promote } from "../../../../src/operations/stage/promote.ts";
import type { Pushed } from "../../../../src/operations/types.ts";
import { logEntry, logOperation } from "../../governance/entries.ts";
import { type Person, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
});

async function stageOf(reference: string): Promise<{ stage: string | undefined; ignored: readonly string[] }> {
  const { stage, ignored } = await show(await world.as("ana"), reference);
  return { stage, ignored: ignored.map(({ what, why }) => `${what}: ${why}`) };
}

async function promoted(by: Person, reference: string, to?: string) {
  return promote(await world.as(by), { reference, to });
}

function promotion({ versionId, domain, class: klass }: Pushed, stage: string, toStage: string) {
  return { action: "artifact.promote", versionId, domain, class: klass, facts: { stage, toStage } };
}

test("a version begins in the first stage, and goes on where its gate is met", async () => {
  await world.push("good:1");
  expect(await stageOf("good:1")).toEqual({ stage: "dev", ignored: [] });
  await expect(promoted("bo", "good:1")).rejects.toMatchObject({
    code: "POLICY_DENIED",
    refusals: [expect.objectContaining({ rule: "gate:candidate" })],
  });
  await world.state("ci", "good:1", "tests-passed");
  expect(await promoted("bo", "good:1")).toMatchObject({ from: "dev", stage: "candidate", by: "bo" });
  await world.state("priya", "good:1", "bias-review");
  expect(await promoted("dee", "good:1", "production")).toMatchObject({ from: "candidate", stage: "production" });
  expect(await stageOf("good:1")).toEqual({ stage: "production", ignored: [] });
  const { ok, checks } = await verifyReference(await world.as("ana"), "good:1");
  expect(ok).toBe(true);
  expect(checks).toContainEqual(expect.objectContaining({ name: "stage", text: expect.stringContaining("by dee") }));
});

test("where it is there already, nothing is logged; there is no way back, over a stage, or to no stage", async () => {
  const before = (await stageOf("good:1")).stage;
  const again = await promoted("bo", "good:1", "production");
  expect(again).toMatchObject({ from: "production", stage: "production", by: "dee" });
  await expect(promoted("bo", "good:1", "dev")).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("one way"),
  });
  await expect(promoted("bo", "good:1")).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("last stage"),
  });
  await world.push("fresh:1");
  await expect(promoted("bo", "fresh:1", "production")).rejects.toMatchObject({
    code: "USAGE",
    why: expect.stringContaining("one gate"),
  });
  await expect(promoted("bo", "fresh:1", "candidat")).rejects.toMatchObject({ next: "--to candidate" });
  expect((await stageOf("good:1")).stage).toBe(before);
});

test("a standing fail blocks, whoever else says pass, until its member says otherwise", async () => {
  await world.push("weak:1");
  await world.state("ci", "weak:1", "tests-passed");
  await world.state("dee", "weak:1", "tests-passed", "fail");
  await expect(promoted("bo", "weak:1")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  await world.state("ci", "weak:1", "tests-passed");
  await expect(promoted("bo", "weak:1")).rejects.toMatchObject({
    ...{ code: "POLICY_DENIED", why: expect.stringContaining("dee stated that it failed") },
  });
  await world.state("dee", "weak:1", "tests-passed");
  expect(await promoted("bo", "weak:1")).toMatchObject({ stage: "candidate" });
});

test("a fail after the promotion takes nothing back, and stops the next", async () => {
  await world.state("ci", "weak:1", "tests-passed", "fail");
  expect((await stageOf("weak:1")).stage).toBe("candidate");
  await world.state("priya", "weak:1", "bias-review");
  await expect(promoted("bo", "weak:1")).rejects.toMatchObject({
    refusals: [expect.objectContaining({ rule: "gate:production" })],
  });
});

test("what a patched client promotes without its gate is ignored, and reported where people look", async () => {
  const version = await world.push("sly:1");
  await logOperation(await world.as("bo"), promotion(version, "dev", "candidate"));
  const { stage, ignored } = await stageOf("sly:1");
  expect(stage).toBe("dev");
  expect(ignored).toEqual([expect.stringContaining("gate:candidate")]);
  const listing = await list(await world.as("ana"), { name: "sly" });
  expect(listing.ignored).toEqual([expect.objectContaining({ why: expect.stringContaining("gate:candidate") })]);
  const { ok, checks } = await verifyReference(await world.as("ana"), "sly:1");
  expect(ok).toBe(true);
  expect(checks).toContainEqual(expect.objectContaining({ name: "ignored", state: "unknown" }));
});

test("evidence does not make good later what was promoted before it", async () => {
  await world.state("ci", "sly:1", "tests-passed");
  expect((await stageOf("sly:1")).stage).toBe("dev");
  await promoted("bo", "sly:1");
  expect((await stageOf("sly:1")).stage).toBe("candidate");
});

test.each<[string, Person, string, string]>([
  ["over a stage", "bo", "candidate", "candidate"],
  ["from a stage it is not in", "bo", "dev", "production"],
  ["back", "bo", "candidate", "dev"],
  ["by somebody whose role may not", "priya", "candidate", "production"],
])("a promotion %s is ignored", async (_, by, from, to) => {
  const version = (await list(await world.as("ana"), { name: "sly" })).versions[0] as unknown as Pushed;
  await world.state("priya", "sly:1", "bias-review");
  await logOperation(await world.as(by), promotion(version, from, to));
  expect((await stageOf("sly:1")).stage).toBe("candidate");
});

test("of two who promote at once, the first to be done counts, and both hear who it was", async () => {
  await world.push("race:1");
  await world.state("ci", "race:1", "tests-passed");
  const both = await Promise.all([promoted("bo", "race:1"), promoted("dee", "race:1")]);
  expect(both[0]?.stage).toBe("candidate");
  expect(new Set(both.map(({ by }) => by)).size).toBe(1);
  expect((await stageOf("race:1")).stage).toBe("candidate");
});

test("a statement logged by the pusher, by another role, or without its words does not open the gate", async () => {
  const version = await world.push("forged:1");
  const { versionId, domain, class: klass } = version;
  const about = { action: "artifact.attest", versionId, domain, class: klass };
  const facts = { kind: "bias-review", result: "pass", digest: "ab".repeat(32) };
  await world.state("ci", "forged:1", "tests-passed");
  await promoted("bo", "forged:1");
  await logOperation(await world.as("bo"), { ...about, facts });
  await logOperation(await world.as("ci"), { ...about, facts });
  await logOperation(await world.as("priya"), { ...about, facts: { ...facts, result: "PASS" } });
  await logOperation(await world.as("priya"), { ...about, facts: { ...facts, digest: 7 } });
  // A statement that was begun, and never made.
  await logEntry(await world.as("priya"), { ...about, facts });
  await expect(promoted("bo", "forged:1")).rejects.toMatchObject({
    refusals: [expect.objectContaining({ rule: "gate:production" })],
  });
  const reasons = ["evidence:bias-review: ", "evidence:bias-review: ", "does not say what", "does not say what"];
  expect((await stageOf("forged:1")).ignored).toEqual(reasons.map((reason) => expect.stringContaining(reason)));
});

test("a suspended member's promotion does not count, also where it was begun before", async () => {
  const version = await world.push("late:1");
  await world.state("ci", "late:1", "tests-passed");
  const session = await world.as("dee");
  const intent = await logEntry(session, promotion(version, "dev", "candidate"));
  await world.changePolicy((text) => text.replace(/^( {2}dee:.*)\}\s*$/m, "$1, suspended: left }"));
  const { operation } = intent.event;
  const late = logEntry(await world.as("dee"), { ...promotion(version, "dev", "candidate"), operation, phase: "done" });
  await expect(late).rejects.toThrow();
  expect((await stageOf("late:1")).stage).toBe("dev");
  // What she did before stays.
  expect((await stageOf("good:1")).stage).toBe("production");
});
