// A class that nobody may read has no key: what is pushed there would be lost. Its first reader brings one.
import { expect, test } from "vitest";
import { create } from "../../src/operations/init.ts";
import { approveJoin } from "../../src/operations/project/answer-join.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { hostIn, scratch, sessionOf } from "./project.ts";
import { synced } from "./request-project.ts";

test("a project whose founder reads no data has keys for those who come", async () => {
  const folder = scratch();
  const ana = hostIn(folder, "ana");
  const common = { folder: ".", template: "regulated", store: "../store", project: "churn" };
  await create(ana, { ...common, member: "ana", name: "Ana", domain: "churn", purpose: "modelling" });
  expect([...(await synced(ana)).ledger.epochs.keys()].sort()).toEqual(["_project/_audit/1", "churn/_names/1"]);

  const letIn = async (id: string, role: string) => {
    const joined = await joinProject(hostIn(folder, id), { folder: ".", store: "../store", member: id, name: id });
    return approveJoin(await sessionOf(ana), { id: joined.request ?? "", roles: [role] });
  };
  await letIn("omar", "security-officer");
  expect([...(await synced(ana)).ledger.epochs.keys()]).not.toContain("churn/restricted/1");
  const restricted = { domain: "churn", class: "restricted" };
  await expect((await synced(ana)).keys.newest(restricted)).rejects.toMatchObject({ code: "NOT_FOUND" });

  const { member } = await letIn("bo", "data-scientist");
  expect(member).toMatchObject({ lacking: [] });
  expect([...(await synced(ana)).ledger.epochs.keys()]).toContain("churn/restricted/1");
  const bo = await synced(hostIn(folder, "bo"));
  expect(await bo.keys.secret(restricted, 1)).toMatch(/^AGE-SECRET-KEY-/);
});
