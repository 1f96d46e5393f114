// Where keys are released, approving an access gives the half of the key that the approver holds, and only with it.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { approveRequest } from "../../src/operations/request/approve.ts";
import { randomFiles, sessionOf } from "./project.ts";
import { releaseProject } from "./release-project.ts";
import { ask } from "./request-project.ts";

test("both approvals open the version for whoever asked; what is lost of them is given again", async () => {
  const { folder, people } = await releaseProject();
  const { ana, omar, bo, dee } = people;
  randomFiles(dee.cwd);
  await push(await sessionOf(dee), { source: { path: "data" }, name: "cohort:1", class: "restricted" });
  const { id, sha256 = "" } = await ask(bo, "access", "cohort:1", { purpose: "modelling" });
  const read = async (out: string) =>
    pull(await sessionOf(bo), { reference: "cohort:1", purpose: "modelling", output: { folder: out } });
  await expect(read("none")).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
  const given = await approveRequest(await sessionOf(omar), { id });
  expect(given.released).toEqual({ half: expect.stringContaining("data-owner"), devices: 1 });
  await expect(read("one")).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
  await approveRequest(await sessionOf(ana), { id });
  await read("both");
  expect(readdirSync(join(bo.cwd, "both"))).toContain("a.csv");
  rmSync(join(folder, "store/releases", sha256, given.released?.half ?? ""), { recursive: true });
  await expect(read("lost")).rejects.toThrow();
  expect(await approveRequest(await sessionOf(omar), { id })).toMatchObject({ again: true, released: given.released });
  await read("again");
  const other = await sessionOf(dee);
  const wanted = { reference: "cohort:1", purpose: "modelling", output: { folder: "out" } };
  await expect(pull(other, wanted)).rejects.toMatchObject({ code: "POLICY_DENIED" });
});
