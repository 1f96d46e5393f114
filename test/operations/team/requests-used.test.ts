// What an approved request lets happen, and how often: the guard's side of it.
import { beforeAll, describe, expect, test } from "vitest";
import { resolve } from "../../../src/operations/artifact/resolve.ts";
import { judge } from "../../../src/operations/governance/judge.ts";
import { type Ask, begin, perform, wouldPermit } from "../../../src/operations/guard.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import { showRequest } from "../../../src/operations/request/show.ts";
import type { Session } from "../../../src/operations/session.ts";
import { sessionOf } from "../project.ts";
import { ask, type People, type Person, requestProject, storeOf, synced } from "../request-project.ts";
import { unguarded } from "../unguarded.ts";

let people: People;

beforeAll(async () => {
  ({ people } = await requestProject());
});

const approve = async (who: Person, id: string) => approveRequest(await sessionOf(people[who]), { id });
const show = async (who: Person, id: string) => showRequest(await sessionOf(people[who]), id);

/** An export as the guard is asked for it. */
async function exportOf(session: Session, destination: string): Promise<Ask> {
  await session.sync();
  const { versionId, record } = await resolve(session, "risk:1.0", { action: "artifact.read-metadata" });
  return {
    ...{ title: "export risk:1.0", action: "artifact.export", domain: record.domain, class: record.class, versionId },
    ...{ kind: "dataset", reference: "churn/risk:1.0", governance: { destination }, sealed: { destination } },
  };
}

const tryExport = async (who: Person, destination: string) => {
  const session = await sessionOf(people[who]);
  return begin(session, await exportOf(session, destination));
};

describe("before others approved", () => {
  test("the refusal's next line asks them; once they were asked it is pending, and says who can still approve", async () => {
    const session = await synced(people.bo);
    const wanted = await exportOf(session, "s3://partner-acme/in");
    await expect(wouldPermit(session, wanted)).rejects.toMatchObject({
      code: "POLICY_DENIED",
      next: expect.stringMatching(
        /^cloister request create export churn\/risk:1\.0 --to s3:\/\/partner-acme\/in --why /,
      ),
    });
    const { id } = await ask(people.bo, "export", "risk:1.0", { to: "s3://partner-acme/in" });
    const pending = { code: "APPROVAL_PENDING", next: `cloister request show ${id}` };
    await expect(tryExport("bo", "s3://partner-acme/in")).rejects.toMatchObject({
      ...pending,
      refusals: [expect.objectContaining({ rule: "export-needs-two", who: expect.stringMatching(/omar, mei.*ana/) })],
    });
    await approve("omar", id);
    await expect(tryExport("bo", "s3://partner-acme/in")).rejects.toMatchObject({
      ...pending,
      refusals: [expect.objectContaining({ who: expect.not.stringContaining("omar") })],
    });
    await expect(tryExport("bo", "s3://partner-acme/else")).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await expect(tryExport("dee", "s3://partner-acme/in")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  });
});

describe("an approved export", () => {
  const approved = async (to: string) => {
    const { id } = await ask(people.bo, "export", "risk:1.0", { to });
    for (const who of ["omar", "ana"] as const) await approve(who, id);
    return id;
  };

  test("happens once: of two at the same time one is refused, and readers see which request it rests on", async () => {
    const id = await approved("s3://partner-acme/once");
    const both = await Promise.allSettled([1, 2].map(() => tryExport("bo", "s3://partner-acme/once")));
    const [done] = both.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await done?.done();
    const used = { state: "consumed", usedBy: done?.intent.entry, approvedBy: ["omar", "ana"] };
    expect(await show("bo", id)).toMatchObject(used);
    const inAWeek = await sessionOf(people.ana, (store) => ({ ...storeOf(store), now: async () => Date.now() + 6e8 }));
    expect(await showRequest(inAWeek, id)).toMatchObject(used);
    await expect(tryExport("bo", "s3://partner-acme/once")).rejects.toMatchObject({ code: "POLICY_DENIED" });
    const reader = await synced(people.dee);
    const intent = reader.ledger.events[done?.intent.entry ?? -1];
    expect(intent?.event.facts).toMatchObject({ requestEntry: Number(id.slice(2)) });
    expect(intent && (await judge(reader, intent))).toBeUndefined();
  });

  test("that failed gives the approval back", async () => {
    const id = await approved("s3://partner-acme/again");
    const session = await sessionOf(people.bo);
    const failing = perform(session, await exportOf(session, "s3://partner-acme/again"), async () => {
      throw new Error("the bucket is gone");
    });
    await expect(failing).rejects.toThrow("gone");
    expect(await show("bo", id)).toMatchObject({ state: "approved" });
    await (await tryExport("bo", "s3://partner-acme/again")).done();
    expect(await show("bo", id)).toMatchObject({ state: "consumed" });
  });

  test("a second time by a patched program is logged, and no reader takes it for allowed", async () => {
    const id = await approved("s3://partner-acme/twice");
    await (await tryExport("bo", "s3://partner-acme/twice")).done();
    const facts = { request: (await show("bo", id)).sha256, requestEntry: Number(id.slice(2)) };
    const patched = await unguarded(people.bo);
    const { intent } = await begin(patched, { ...(await exportOf(patched, "s3://partner-acme/twice")), facts });
    const reader = await synced(people.dee);
    const seen = reader.ledger.events[intent.entry];
    expect(seen && (await judge(reader, seen))).toMatchObject({ rule: "export-needs-two" });
  });
});
