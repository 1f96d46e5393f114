// Words behind a name: stages, labels and tags, each of which means one thing to everybody.
import { beforeAll, expect, test } from "vitest";
import { list, show } from "../../../../src/operations/artifact/list.ts";
import { pull } from "../../../../src/operations/artifact/pull.ts";
import { push } from "../../../../src/operations/artifact/push.ts";
import { labelIdOf, nameIdOf, tagIdOf } from "../../../../src/operations/class-keys.ts";
import { promote } from "../../../../src/operations/stage/promote.ts";
import { tag } from "../../../../src/operations/stage/tag.ts";
import type { Pushed } from "../../../../src/operations/types.ts";
import { logOperation } from "../../governance/entries.ts";
import { randomFiles } from "../../project.ts";
import { unguarded } from "../../unguarded.ts";
import { World } from "./world.ts";

let world: World;
const versions: Pushed[] = [];

beforeAll(async () => {
  world = await World.make();
  for (let at = 0; at < 3; at++) versions.push(await world.push("risk"));
});

async function meant(reference: string): Promise<number> {
  return (await show(await world.as("priya"), reference)).number;
}

async function toCandidate(reference: string): Promise<void> {
  await world.state("ci", reference, "tests-passed");
  await promote(await world.as("bo"), { reference });
}

test("a stage leads to what came there last, whatever its number, and the first one to what was pushed last", async () => {
  expect(await meant("risk:dev")).toBe(3);
  await expect(meant("risk:candidate")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await toCandidate("risk:v3");
  expect(await meant("risk:candidate")).toBe(3);
  expect(await meant("risk:dev")).toBe(2);
  await toCandidate("risk:v1");
  expect(await meant("risk:candidate")).toBe(1);
});

test("a pull by a stage says and logs which version it was", async () => {
  const output = { folder: "out-candidate" };
  const pulled = await pull(await world.as("priya"), { reference: "risk:candidate", output, purpose: "modelling" });
  expect(pulled).toMatchObject({ number: 1, reference: "churn/risk:v1", via: "candidate" });
  const session = await world.as("ana");
  await session.sync();
  expect(session.ledger.events[pulled.pullEntry ?? 0]?.event.versionId).toBe(versions[0]?.versionId);
});

test("a tag moves, is listed, and stands in the log as an id alone", async () => {
  expect(await tag(await world.as("bo"), { reference: "risk:v2", tag: "champion" })).toMatchObject({ from: undefined });
  expect(await meant("risk:champion")).toBe(2);
  const moved = await tag(await world.as("dee"), { reference: "risk:v3", tag: "champion" });
  expect(moved).toMatchObject({ from: "v2", by: "dee" });
  expect(await meant("risk:champion")).toBe(3);
  const listing = await list(await world.as("priya"), { name: "risk" });
  expect(listing.versions.map(({ tags }) => tags)).toEqual([[], [], ["champion"]]);
  const session = await world.as("ana");
  await session.sync();
  const entry = session.ledger.events[moved.logEntry ?? 0]?.event;
  expect(entry).toMatchObject({ action: "artifact.tag", versionId: versions[2]?.versionId });
  expect(JSON.stringify(entry)).not.toContain("champion");
});

test("who may not push there may not tag, and what they log as a tag is ignored", async () => {
  await expect(tag(await world.as("priya"), { reference: "risk:v1", tag: "champion" })).rejects.toMatchObject({
    code: "POLICY_DENIED",
  });
  await tag(await unguarded(world.hosts.priya), { reference: "risk:v1", tag: "champion" }).catch(() => undefined);
  expect(await meant("risk:champion")).toBe(3);
  const { ignored } = await list(await world.as("ana"), { name: "risk" });
  expect(ignored).toEqual([expect.objectContaining({ what: expect.stringContaining("a tag by priya") })]);
});

test("the store holds nothing that an older move could be played again with", async () => {
  const session = await world.as("bo");
  await session.sync();
  const old = session.ledger.index.of("artifact.tag").find(({ event }) => event.phase === "done");
  if (!old) throw new Error("nothing was tagged");
  await expect(session.append(await session.identity(), () => old.event)).rejects.toThrow();
  expect(await meant("risk:champion")).toBe(3);
});

test("a stage, a label of the artifact, and words that mean something else are no tags; nor are stages labels", async () => {
  const labelled = await world.push("risk:2024");
  for (const word of ["production", "2024", "latest", "v3"]) {
    const wrong = tag(await world.as("bo"), { reference: "risk:v1", tag: word });
    await expect(wrong, word).rejects.toMatchObject({ code: "USAGE" });
  }
  await expect(world.push("risk:candidate")).rejects.toMatchObject({ code: "USAGE" });
  await expect(world.push("risk:champion")).rejects.toMatchObject({ code: "USAGE" });
  expect(await meant("risk:2024")).toBe(labelled.number);
});

test("neither label nor tag takes the other's place: the first in the log counts", async () => {
  const session = await world.as("bo");
  await session.sync();
  const nameKey = await session.keys.requireNameKey("churn");
  // A patched client tags with the word of a label.
  const about = { versionId: versions[0]?.versionId ?? "", domain: "churn", class: "internal" };
  const tagId = tagIdOf(nameKey, "risk", "2024");
  await logOperation(await world.as("bo"), { action: "artifact.tag", ...about, facts: { tagId } });
  expect(await meant("risk:2024")).toBe(4);
  // And another labels with the word of a tag: as if the log had no tags when it looked.
  const patched = await world.as("bo");
  const { path } = randomFiles(world.hosts.bo.cwd);
  Object.assign(patched.ledger.index, { about: () => [] });
  const made = await push(patched, { source: { path }, name: "risk:champion", class: "internal" });
  const reader = await world.as("ana");
  await reader.sync();
  const nameId = nameIdOf(nameKey, "risk");
  const labelId = labelIdOf(nameKey, "risk", "champion");
  expect(reader.ledger.labelled("churn", nameId, labelId)?.versionId).toBe(made.versionId);
  expect(await meant("risk:champion")).toBe(3);
});

test("a label that is a stage's word leads nowhere: the stage does", async () => {
  const patched = await world.as("bo");
  await patched.sync();
  const real = await patched.policy();
  const { path } = randomFiles(world.hosts.bo.cwd);
  const policy = { ...real.compiled.policy, stages: [] };
  const blind = { ...patched, policy: async () => ({ ...real, compiled: { ...real.compiled, policy } }) };
  await push(blind, { source: { path }, name: "risk:candidate", class: "internal" });
  expect(await meant("risk:candidate")).toBe(1);
});
