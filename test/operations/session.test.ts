// One session used by two at once: an endpoint gets the next credential while the run that it is for ends.
import { expect, test } from "vitest";
import { perform } from "../../src/operations/guard.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

test("what happens at once in one session is logged one after the other", async () => {
  const host = await makeProject(scratch());
  const session = await sessionOf(host);
  await session.sync();
  const before = session.log.size;
  const ask = { title: "read the policy", action: "policy.read", sealed: { note: "a" } } as const;
  const work = async () => (await perform(session, ask, async () => ({ result: undefined }))).done.entry;
  const entries = await Promise.all(Array.from({ length: 12 }, work));
  expect(new Set(entries).size).toBe(12);
  expect(session.log.size).toBe(before + 24);
  expect((await verifyAudit(await sessionOf(host))).ok).toBe(true);
});
