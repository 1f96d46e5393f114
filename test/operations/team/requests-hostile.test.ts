// What members with a modified program can log about requests, and what writers to the store can plant: it counts for nothing.
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { AuditEvent } from "../../../src/audit/event.ts";
import type { Json } from "../../../src/base/json.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import { listRequests } from "../../../src/operations/request/list.ts";
import { showRequest } from "../../../src/operations/request/show.ts";
import type { RequestDetail } from "../../../src/operations/types.ts";
import { sessionOf } from "../project.ts";
import { ask, change, consentFor, type People, type Person, requestProject, synced } from "../request-project.ts";

let people: People;
let folder: string;

beforeAll(async () => {
  ({ people, folder } = await requestProject());
});

const approve = async (who: Person, id: string) => approveRequest(await sessionOf(people[who]), { id });
const show = async (who: Person, id: string) => showRequest(await sessionOf(people[who]), id);
const lower = () => ask(people.bo, "declassify", "risk:1.0", { to: "public" });
const act = { action: "artifact.declassify", reference: "risk:1.0", said: { toClass: "public" } } as const;

type Facts = { readonly [name: string]: Json | undefined };

/** Logs an operation as a program without a guard can: intent and end, saying what it likes. */
async function log(who: Person, action: string, about: Partial<AuditEvent>, facts: Facts): Promise<number> {
  const session = await synced(people[who]);
  const identity = await session.identity();
  const operation = randomBytes(16).toString("hex");
  let entry = 0;
  for (const phase of ["intent", "done"] as const) {
    const logged = await session.append(identity, async () => ({
      ...{ project: session.config.project, operation, phase, action, timeMs: Math.floor(await session.store.now()) },
      ...{ policy: session.ledger.inForce.version, rules: ["role:data-scientist"], enforcement: "advisory" },
      ...{ facts, ...about },
    }));
    entry = logged.entry;
  }
  return entry;
}

const aboutOf = ({ domain, class: klass, versionId }: RequestDetail) => ({ domain, class: klass, versionId });
const entryOf = (id: string) => Number(id.slice("r-".length));

test("whoever asks cannot approve, whatever their program logs", async () => {
  const { id } = await lower();
  await expect(approve("bo", id)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  const asked = await show("bo", id);
  const facts = { request: asked.sha256, requestEntry: entryOf(id), verdict: "approve", expiresMs: Date.now() + 9e7 };
  await log("bo", "request.approve", aboutOf(asked), facts);
  const after = await show("omar", id);
  expect(after).toMatchObject({ state: "open", approvedBy: [] });
  expect(after.ignored).toEqual([expect.objectContaining({ what: expect.stringMatching(/^approve of bo/) })]);
  expect((await consentFor(people.bo, act)).approvals ?? []).toEqual([]);
});

test("an approver who asks, or who pushed, does not count either: separation holds on the same version", async () => {
  const made = await ask(people.omar, "export", "risk:1.0", { to: "s3://partner-acme/omar" });
  await expect(approve("omar", made.id)).rejects.toMatchObject({ code: "POLICY_DENIED" });
  expect(made.wanted).toEqual([
    { role: "data-owner", count: 1, members: ["mei"] },
    { role: "security-officer", count: 1, members: ["ana"] },
  ]);
  const asked = await show("omar", made.id);
  const facts = {
    request: asked.sha256,
    requestEntry: entryOf(made.id),
    verdict: "approve",
    expiresMs: Date.now() + 9e7,
  };
  await log("omar", "request.approve", aboutOf(asked), facts);
  expect(await show("ana", made.id)).toMatchObject({ state: "open", approvedBy: [] });
});

test("an approval of one request is none of another, under whatever number or hash", async () => {
  const [one, other] = [await ask(people.bo, "export", "cohort:v-one", { to: "s3://partner-acme/a" }), await lower()];
  const [a, b] = [await show("mei", one.id), await show("mei", other.id)];
  const answer = { verdict: "approve", expiresMs: Date.now() + 9e7 };
  await log("mei", "request.approve", aboutOf(b), { ...answer, request: a.sha256, requestEntry: entryOf(other.id) });
  await log("mei", "request.approve", aboutOf(b), { ...answer, request: b.sha256, requestEntry: entryOf(one.id) });
  await log("mei", "request.approve", aboutOf(a), { ...answer, request: b.sha256, requestEntry: entryOf(other.id) });
  await log(
    "mei",
    "request.approve",
    { ...aboutOf(b), class: "restricted" },
    { ...answer, request: b.sha256, requestEntry: entryOf(other.id) },
  );
  for (const id of [one.id, other.id]) expect(await show("bo", id)).toMatchObject({ state: "open", approvedBy: [] });
});

test("the hash of somebody else's request makes no request, and takes no approvals from it", async () => {
  const { id } = await lower();
  const asked = await show("bo", id);
  const facts = { request: asked.sha256, kind: "declassify", toClass: "public", expiresMs: Date.now() + 9e7 };
  const stolen = `r-${String(await log("dee", "request.create", aboutOf(asked), facts))}`;
  await approve("mei", id);
  expect(await show("omar", stolen)).toMatchObject({
    approvedBy: [],
    problem: expect.stringContaining("not signed by dee"),
  });
  await expect(approve("omar", stolen)).rejects.toMatchObject({ code: "INTEGRITY" });
  expect((await consentFor(people.dee, act)).approvals ?? []).toEqual([]);
});

test("what an approver has not read, because the object says something else, is not approved", async () => {
  const { id } = await lower();
  const asked = await show("bo", id);
  // The same object, logged for a version that is worth more.
  const secret = (await synced(people.bo)).ledger.events.find(
    ({ event }) => event.class === "restricted" && event.versionId,
  );
  const about = { domain: "churn", class: "restricted", versionId: secret?.event.versionId };
  const facts = { request: asked.sha256, kind: "declassify", toClass: "public", expiresMs: Date.now() + 9e7 };
  const other = `r-${String(await log("bo", "request.create", about, facts))}`;
  await expect(approve("omar", other)).rejects.toMatchObject({ code: "INTEGRITY" });
  expect((await show("omar", other)).problem).toContain("the log says something else");
});

test("a request object that is gone, or was changed, is refused and said to be; others are not disturbed", async () => {
  const [{ id, sha256 = "" }, other] = [await lower(), await lower()];
  const file = join(folder, "store/requests", sha256);
  chmodSync(file, 0o644);
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.toString().replace(/"sig":"...../, '"sig":"AAAAA'));
  await expect(approve("mei", id)).rejects.toMatchObject({ code: "INTEGRITY" });
  writeFileSync(file, "junk");
  const listing = await listRequests(await sessionOf(people.mei), { which: "open" });
  expect(listing.ignored).toContainEqual(expect.objectContaining({ what: id }));
  expect(listing.requests.map((request) => request.id)).toContain(other.id);
  writeFileSync(file, bytes);
  expect(await approve("mei", id)).toMatchObject({ state: "approved" });
});

describe("junk in the log", () => {
  const version = async () => aboutOf(await show("bo", (await lower()).id));

  test.each([
    ["no version", { versionId: undefined }, {}],
    ["a kind that there is not", {}, { kind: "everything" }],
    ["no end", {}, { expiresMs: undefined }],
    ["an end that is no time", {}, { expiresMs: "tomorrow" }],
    ["no class to come to", {}, { toClass: undefined }],
    ["a class that is no name", {}, { toClass: "Public!" }],
    ["no hash", {}, { request: "r" }],
  ])("a request with %s is none", async (_, about, over) => {
    const facts = {
      request: "ab".repeat(32),
      kind: "declassify",
      toClass: "public",
      expiresMs: Date.now() + 9e7,
      ...over,
    };
    const entry = await log("bo", "request.create", { ...(await version()), ...about }, facts);
    await expect(show("omar", `r-${String(entry)}`)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a request about a version with another class, or one that is not there, is reported and ignored", async () => {
    const facts = { request: "ab".repeat(32), kind: "declassify", toClass: "public", expiresMs: Date.now() + 9e7 };
    const about = await version();
    const wrong = [
      await log("bo", "request.create", { ...about, class: "confidential" }, facts),
      await log("bo", "request.create", { ...about, versionId: "cd".repeat(32) }, facts),
    ];
    const { ignored } = await listRequests(await sessionOf(people.omar), { which: "all" });
    for (const entry of wrong) {
      expect(ignored).toContainEqual(expect.objectContaining({ what: `r-${String(entry)}, logged by bo` }));
      await expect(approve("omar", `r-${String(entry)}`)).rejects.toMatchObject({ code: "INTEGRITY" });
    }
  });
});

test("a suspended approver cannot log an approval, nor date one back", async () => {
  const { id } = await lower();
  const asked = await show("mei", id);
  await change(people.ana, (text) => text.replace(/^( {2}mei:.*)\}\s*$/m, "$1, suspended: left }"));
  const facts = { request: asked.sha256, requestEntry: entryOf(id), verdict: "approve", expiresMs: Date.now() + 9e7 };
  const before = { ...aboutOf(asked), timeMs: Date.now() - 3_600_000 };
  await expect(log("mei", "request.approve", before, facts)).rejects.toThrow();
  expect(await show("bo", id)).toMatchObject({ state: "open", approvedBy: [] });
  await change(people.ana, (text) => text.replace(", suspended: left", ""));
});
