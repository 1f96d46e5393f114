// A version in a lower class: by a declassification that is logged and allowed, of the same content, once.
import { beforeAll, expect, test } from "vitest";
import { show } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { verifyReference } from "../../../src/operations/artifact/verify.ts";
import { declassify } from "../../../src/operations/stage/declassify.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
});

test("the same files as a new version of the lower class, whose provenance names the old one", async () => {
  const old = await world.push("report:1", "confidential");
  const made = await declassify(await world.as("bo"), { reference: "report:1", to: "internal", justification: "sums" });
  expect(made).toMatchObject({ class: "internal", number: 2, digest: old.digest });
  const detail = await show(await world.as("priya"), "report:v2");
  expect(detail.inputs).toEqual([expect.objectContaining({ class: "confidential", digest: old.digest })]);
  const { ok } = await verifyReference(await world.as("priya"), "report:v2");
  expect(ok).toBe(true);
  const output = { folder: "out-report" };
  const pulled = await pull(await world.as("priya"), { reference: "report:v2", output, purpose: "modelling" });
  expect(pulled.versionId).toBe(made.versionId);
});
