// What a device knows of a workspace, changed by many commands at once.
import { expect, test } from "vitest";
import {
  changeWorkspace,
  findWorkspace,
  saveWorkspace,
  type WorkspaceState,
} from "../../src/operations/workspace/state.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

const STATE: WorkspaceState = {
  ...{
    v: 1,
    id: "a".repeat(32),
    keyId: "",
    name: "w1",
    domain: "churn",
    purpose: undefined,
    createdMs: 1,
    expiresMs: 2,
  },
  ...{ use: {}, privateNetworks: [], diskBytes: 1, inputs: [], code: undefined, runs: [], pushed: [], logEntry: 0 },
  holder: {
    driver: "bubblewrap",
    id: "",
    pid: 0,
    startTime: "",
    bootId: "",
    uid: 1,
    diskBytes: 1,
    limits: {},
    expiresMs: 2,
  },
};

test("each change goes on from the one before, and a workspace of the same name is another one", async () => {
  const session = await sessionOf(await makeProject(scratch()));
  await saveWorkspace(session, STATE);
  const references = Array.from({ length: 10 }, (_, i) => `churn/m:${String(i)}`);
  await Promise.all(
    references.map((reference) =>
      changeWorkspace(session, STATE, (latest) => ({ ...latest, pushed: [...latest.pushed, reference] })),
    ),
  );
  expect([...((await findWorkspace(session, "w1"))?.pushed ?? [])].sort()).toEqual(references);
  const earlier = { name: "w1", id: "b".repeat(32) };
  await expect(changeWorkspace(session, earlier, (state) => state)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
