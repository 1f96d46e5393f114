// Statements about a version: who may make them, what they come to, and what is made of forged ones.
import { beforeAll, expect, test } from "vitest";
import { resolve } from "../../../../src/operations/artifact/resolve.ts";
import { documentOf, statementsOf } from "../../../../src/operations/stage/statements.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  await world.push("risk:1");
});

async function seen(reference: string) {
  const session = await world.as("ana");
  await session.sync();
  const version = await resolve(session, reference, { action: "artifact.read-metadata" });
  return statementsOf(session, version);
}

test("a statement is signed, sealed with its document, and shown to others", async () => {
  const attested = await world.state("ci", "risk:1", "tests-passed");
  const { statements, ignored } = await seen("risk:1");
  expect(ignored).toEqual([]);
  expect(statements).toEqual([
    expect.objectContaining({ kind: "tests-passed", result: "pass", by: "ci", stands: true, problem: undefined }),
  ]);
  const document = await documentOf(await world.as("ana"), "risk:1", attested.digest?.slice(0, 12) ?? "");
  expect(document.toString()).toBe("ci on tests-passed: pass\n");
});

test("a kind that the policy does not declare is a mistake, with the one that was meant", async () => {
  await expect(world.state("ci", "risk:1", "test-passed")).rejects.toMatchObject({
    code: "USAGE",
    next: expect.stringContaining("--type tests-passed"),
  });
});

test("a role that the kind does not name is refused, on record", async () => {
  await expect(world.state("ci", "risk:1", "bias-review")).rejects.toMatchObject({
    code: "POLICY_DENIED",
    refusals: [expect.objectContaining({ rule: "evidence:bias-review" })],
  });
});

test("whoever pushed a version cannot state what is not theirs to state", async () => {
  await expect(world.state("bo", "risk:1", "bias-review")).rejects.toMatchObject({
    code: "POLICY_DENIED",
    why: expect.stringContaining("whoever pushed the version"),
  });
  await world.state("dee", "risk:1", "bias-review");
});
