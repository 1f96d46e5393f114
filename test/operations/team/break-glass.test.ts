// Emergencies: what an officer opens with an escrow holder, what neither opens alone, and what stays to be done afterwards.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { list } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { consentToBreakGlass, reviewBreakGlass } from "../../../src/operations/break-glass/answer.ts";
import { invokeBreakGlass } from "../../../src/operations/break-glass/invoke.ts";
import { listBreakGlass, showBreakGlass } from "../../../src/operations/break-glass/list.ts";
import { type Ask, perform } from "../../../src/operations/guard.ts";
import type { Host } from "../../../src/operations/host.ts";
import { reviewAccess } from "../../../src/operations/review/review.ts";
import type { Session } from "../../../src/operations/session.ts";
import { logOperation } from "../governance/entries.ts";
import { openedBy } from "../key-attack.ts";
import { hostIn, randomFiles, sessionOf } from "../project.ts";
import { change, enlist, type Person, releaseProject, withRole } from "../release-project.ts";
import { unguarded } from "../unguarded.ts";

const WHY = "the model in production misbehaves";
const HOUR = 3_600_000;
let folder: string;
let people: Record<Person | "eva", Host>;
let marker: string;

/** Ana is the officer, Eva in escrow; neither is a reader. Omar, Dee and Eva are told. */
beforeAll(async () => {
  const project = await releaseProject();
  folder = project.folder;
  people = { ...project.people, eva: hostIn(folder, "eva") };
  await enlist(people, "eva", "data-scientist");
  await change(people.ana, (text) => {
    const auditor = "  auditor:\n    can: [audit.read]\n    up-to: public\n\nalways:";
    const officers = text.replace("key.rotate, request.approve]", "key.rotate, request.approve, break-glass.invoke]");
    const glass =
      "break-glass: { can: [artifact.pull], with: escrow, escrow: [eva], max: 1h, review-within: 24h, notify: [omar, dee, eva] }";
    // New keys for all classes: those that there are, Ana and Eva were given in the roles that they had.
    const renewed = officers.replace("always:", auditor).replace("epoch: 1 }", "epoch: 2 }");
    return `${withRole(renewed, "eva", "auditor")}\n${glass}\n`;
  });
  ({ marker } = randomFiles(people.dee.cwd));
  for (const [name, klass] of [
    ["cohort:1", "restricted"],
    ["notes:1", "internal"],
  ] as const) {
    await push(await sessionOf(people.dee), { source: { path: "data" }, name, class: klass });
  }
});

/** The store's clock decides; nothing may be logged by a session that is ahead of it. */
const later = (host: Host, ms: number) =>
  sessionOf(host, (store) => Object.assign(store, { now: async () => Date.now() + ms }));
const pulled = async (host: Host, reference: string, out: string) =>
  pull(await sessionOf(host), { reference, output: { folder: out }, purpose: "modelling" });
const tried = (session: Session, reference: string) =>
  pull(session, { reference, output: { folder: "tried" }, purpose: "modelling", dryRun: true });
const invoked = async (reference: string) => {
  const made = await invokeBreakGlass(await sessionOf(people.ana), { reference, justification: WHY });
  if (!made) throw new Error("it was a dry run");
  return made;
};

async function canOpen(reference: string, ...attackers: readonly Host[]): Promise<boolean> {
  const { versions } = await list(await sessionOf(people.dee), {});
  const version = versions.find((each) => each.reference === `churn/${reference}`)?.versionId ?? "";
  const devices = await Promise.all(attackers.map(async (host) => (await sessionOf(host)).identity()));
  return openedBy(join(folder, "store"), version, devices);
}

test.each(["cohort:1", "notes:1"])(
  "officer and escrow holder open %s together; neither does alone",
  async (reference) => {
    const { ana, eva } = people;
    expect(await canOpen(reference, ana)).toBe(false);
    expect(await canOpen(reference, eva)).toBe(false);
    expect(await canOpen(reference, ana, eva)).toBe(true);
  },
);

test("an emergency: invoked, consented to, used, over, reviewed", async () => {
  const { ana, eva, omar, bo, dee } = people;
  await expect(pulled(ana, "cohort:1", "early")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  const { id, ...open } = await invoked("cohort:1");
  expect(open).toMatchObject({ state: "open", waitsFor: ["eva"], review: "not needed", justification: WHY });
  await expect(pulled(ana, "cohort:1", "early")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  for (const host of [ana, omar, bo]) {
    await expect(consentToBreakGlass(await sessionOf(host), { id })).rejects.toMatchObject({ code: "POLICY_DENIED" });
  }
  expect(await showBreakGlass(await sessionOf(eva), id)).toMatchObject({ justification: WHY, waitsForYou: true });
  const agreed = await consentToBreakGlass(await sessionOf(eva), { id });
  expect(agreed).toMatchObject({ state: "active", consentedBy: "eva", review: "due", waitsFor: ["omar", "dee"] });
  const { pullEntry } = await pulled(ana, "cohort:1", "emergency");
  expect(readFileSync(join(ana.cwd, "emergency/a.csv"), "utf8")).toContain(marker);
  expect((await showBreakGlass(await sessionOf(omar), id)).used).toContain((pullEntry ?? 0) - 1);

  // Not for another version, nor once its time is over, whatever keys are at hand.
  await expect(pulled(ana, "notes:1", "other")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  await expect(tried(await later(ana, HOUR + 60_000), "cohort:1")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  expect(await showBreakGlass(await later(dee, 25 * HOUR), id)).toMatchObject({
    state: "over",
    review: "overdue",
  });

  // Until it is reviewed nothing else is granted; it is not for those who had a part in it to review.
  await expect(invoked("notes:1")).rejects.toMatchObject({
    refusals: [expect.objectContaining({ rule: "builtin:unreviewed" })],
  });
  const review = { id, outcome: "justified", justification: "the log fits the ticket" } as const;
  for (const host of [ana, eva, bo]) {
    await expect(reviewBreakGlass(await sessionOf(host), review)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  }
  expect(await reviewBreakGlass(await sessionOf(omar), review)).toMatchObject({
    review: "justified",
    reviewedBy: "omar",
  });
  await expect(reviewBreakGlass(await sessionOf(dee), review)).rejects.toMatchObject({ code: "USAGE" });
  expect(await invoked("notes:1")).toMatchObject({ state: "open" });
});

test("what is not consented to in time lapses, and is no reason to refuse anything later", async () => {
  const { eva } = people;
  const [{ id = "" } = {}] = (await listBreakGlass(await sessionOf(eva))).emergencies.filter(
    ({ state }) => state === "open",
  );
  expect(await showBreakGlass(await later(eva, HOUR + 60_000), id)).toMatchObject({ state: "lapsed" });
  await expect(consentToBreakGlass(await later(eva, HOUR + 60_000), { id })).rejects.toMatchObject({
    code: "USAGE",
  });
});

test("an emergency that a patched client logged for somebody who cannot invoke one is none", async () => {
  const { bo, ana } = people;
  const session = await unguarded(bo);
  const { versions } = await list(session, {});
  const { versionId = "" } = versions.find(({ name }) => name === "cohort") ?? {};
  const ask: Ask = {
    ...{ title: "break", action: "break-glass.invoke", domain: "churn", class: "restricted", versionId, sealed: {} },
  };
  const facts = { request: "a".repeat(64), expiresMs: Date.now() + HOUR };
  await perform(session, ask, async () => ({ result: undefined, outcome: { facts } }));
  const listing = await listBreakGlass(await sessionOf(ana));
  expect(listing.emergencies.map(({ invokedBy }) => invokedBy)).not.toContain("bo");
  expect(listing.ignored).toEqual([expect.objectContaining({ what: expect.stringContaining("of bo") })]);
});

test("consent of somebody who is not in escrow, and review by who had a part, count for nothing", async () => {
  const { bo, ana } = people;
  const { id, versionId } = await invoked("notes:1");
  const session = await unguarded(bo);
  const hash = session.ledger.events[Number(id.slice(3))]?.event.facts?.["request"];
  const facts = { invocation: Number(id.slice(3)), request: hash };
  const ask: Ask = {
    ...{ title: "consent", action: "break-glass.consent", domain: "churn", class: "internal", versionId, sealed: {} },
  };
  await perform(session, ask, async () => ({ result: undefined, outcome: { facts } }));
  expect(await showBreakGlass(await sessionOf(ana), id)).toMatchObject({ state: "open", consentedBy: undefined });
  await expect(pulled(ana, "notes:1", "whole")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  expect(await canOpen("notes:1", ana)).toBe(false);
});

test("of several that were invoked beforehand, one is open until it is reviewed", async () => {
  const { ana, eva, omar } = people;
  const [one, other] = [await invoked("notes:1"), await invoked("notes:1")];
  await consentToBreakGlass(await sessionOf(eva), { id: one.id });
  await expect(consentToBreakGlass(await sessionOf(eva), { id: other.id })).rejects.toMatchObject({
    code: "USAGE",
    why: expect.stringContaining(one.id),
  });
  const session = await sessionOf(eva);
  await session.sync();
  const invocation = Number(other.id.slice(3));
  const facts = { invocation, request: session.ledger.events[invocation]?.event.facts?.["request"] };
  const about = { domain: "churn", class: "internal", versionId: other.versionId };
  await logOperation(session, { action: "break-glass.consent", ...about, facts });
  expect(await showBreakGlass(await sessionOf(ana), other.id)).toMatchObject({ state: "open", consentedBy: undefined });
  const review = { id: one.id, outcome: "justified", justification: WHY } as const;
  await reviewBreakGlass(await sessionOf(omar), review);
  expect(await consentToBreakGlass(await sessionOf(eva), { id: other.id })).toMatchObject({ state: "active" });
  await reviewBreakGlass(await sessionOf(omar), { ...review, id: other.id });
});

test("consent of an escrow holder whose access has lapsed counts for nothing, whatever their program lets pass", async () => {
  const { ana, eva } = people;
  await change(ana, (text) => `${text}access-review: { every: 10d, by: security-officer, lapsed: read-only }\n`);
  const days = 11 * 24 * HOUR;
  await reviewAccess(await later(ana, days), { member: "ana", verdict: "keep" });
  const made = await invokeBreakGlass(await later(ana, days), { reference: "notes:1", justification: WHY });
  const { id = "" } = made ?? {};
  const patched = await unguarded(eva, (store) => Object.assign(store, { now: async () => Date.now() + days }));
  await expect(consentToBreakGlass(await later(eva, days), { id })).rejects.toMatchObject({ code: "POLICY_DENIED" });
  await consentToBreakGlass(patched, { id });
  expect(await showBreakGlass(await later(ana, days), id)).toMatchObject({ state: "open", consentedBy: undefined });
});
