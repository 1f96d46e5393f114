// How many workspaces count as open, by what the log says of them.
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { type Ask, begin } from "../../src/operations/guard.ts";
import type { Session } from "../../src/operations/session.ts";
import { openWorkspaces } from "../../src/operations/workspace/open-workspaces.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

const HOUR_MS = 3_600_000;

function creating(workspace: string, ttlMs: number, extendsIt = false): Ask {
  return {
    ...{ title: "create", action: "workspace.create", domain: "churn", purpose: "modelling", workspace, ttlMs },
    facts: { ttlMs, ...(extendsIt ? { extends: true } : {}) },
    sealed: {},
  };
}

function ending(workspace: string): Ask {
  return { title: "end", action: "workspace.destroy", ownWorkspace: true, workspace, sealed: {} };
}

const id = () => randomBytes(16).toString("hex");
const openAfter = (session: Session, ms: number, except?: string) =>
  openWorkspaces(session.ledger, "ana", Date.now() + ms, except);

test("one is open until its end, wherever that was moved to, or until it was destroyed", async () => {
  const session = await sessionOf(await makeProject(scratch()));
  const [first, second] = [id(), id()];
  await (await begin(session, creating(first, HOUR_MS))).done();
  await (await begin(session, creating(second, HOUR_MS))).done();
  expect([0, HOUR_MS / 2, 2 * HOUR_MS].map((ms) => openAfter(session, ms))).toEqual([2, 2, 0]);
  expect(openAfter(session, 0, first)).toBe(1);
  await (await begin(session, creating(first, 3 * HOUR_MS, true))).done();
  expect([0, 2 * HOUR_MS, 4 * HOUR_MS].map((ms) => openAfter(session, ms))).toEqual([2, 1, 0]);
  await (await begin(session, ending(first))).done();
  expect([0, 2 * HOUR_MS].map((ms) => openAfter(session, ms))).toEqual([1, 0]);
});

test("one that failed is not open, and one whose extension failed is, until its earlier end", async () => {
  const session = await sessionOf(await makeProject(scratch()));
  await (await begin(session, creating(id(), HOUR_MS))).failed(new Error("no"));
  expect(openAfter(session, 0)).toBe(0);
  const kept = id();
  await (await begin(session, creating(kept, HOUR_MS))).done();
  await (await begin(session, creating(kept, 3 * HOUR_MS, true))).failed(new Error("no"));
  expect([0, 2 * HOUR_MS].map((ms) => openAfter(session, ms))).toEqual([1, 0]);
});

test("an extension is not counted beside what it extends, and a new one is", async () => {
  const session = await sessionOf(await makeProject(scratch()));
  const ids = [id(), id(), id()];
  for (const each of ids) await (await begin(session, creating(each, HOUR_MS))).done();
  // The policy lets three be open.
  await (await begin(session, creating(ids[0] ?? "", 2 * HOUR_MS, true))).done();
  await expect(begin(session, creating(id(), HOUR_MS))).rejects.toMatchObject({ code: "POLICY_DENIED" });
});
