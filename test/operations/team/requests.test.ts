// Asking and answering: what counts, for whom, for what, and how long.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { push } from "../../../src/operations/artifact/push.ts";
import type { Host } from "../../../src/operations/host.ts";
import { denyRequest, revokeRequest, withdrawRequest } from "../../../src/operations/request/answer.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import { listRequests } from "../../../src/operations/request/list.ts";
import { showRequest } from "../../../src/operations/request/show.ts";
import { waitForRequest } from "../../../src/operations/request/wait.ts";
import { tag } from "../../../src/operations/stage/tag.ts";
import { randomFiles, sessionOf } from "../project.ts";
import {
  ask,
  change,
  consentFor,
  type People,
  type Person,
  requestProject,
  storeOf,
  synced,
  withRole,
} from "../request-project.ts";

let people: People;
let folder: string;

beforeAll(async () => {
  ({ people, folder } = await requestProject());
});

const approve = async (who: Person, id: string) => approveRequest(await sessionOf(people[who]), { id });
const show = async (who: Person, id: string) => showRequest(await sessionOf(people[who]), id);
const toAcme = { to: "s3://partner-acme/in" };

describe("a request", () => {
  test("is read by those who decide, and shows nobody else what it is about", async () => {
    const made = await ask(people.bo, "export", "risk:1.0", { ...toAcme, justification: "DPA-114" });
    expect(made.wanted).toEqual([
      { role: "data-owner", count: 1, members: ["omar", "mei"] },
      { role: "security-officer", count: 1, members: ["ana"] },
    ]);
    for (const who of ["ana", "omar", "mei", "bo"] as const) {
      expect(await show(who, made.id)).toMatchObject({
        ...{ state: "open", reference: "churn/risk:1.0", to: "s3://partner-acme/in", justification: "DPA-114" },
        ...{ requestedBy: "bo", class: "internal", scan: "not scanned", problem: undefined },
      });
    }
    const seen = await show("dee", made.id);
    expect([seen.reference, seen.to, seen.justification]).toEqual([undefined, undefined, undefined]);
    const stored = readFileSync(join(folder, "store/requests", made.sha256 ?? ""), "latin1");
    for (const word of ["risk", "partner-acme", "DPA-114"]) expect(stored).not.toContain(word);
  });

  test("is found by its number and by the first digits of its hash", async () => {
    const { id, sha256 = "" } = await ask(people.bo, "export", "risk:1.0", toAcme);
    expect((await show("ana", sha256.slice(0, 12))).id).toBe(id);
    await expect(show("ana", "r-99999")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(show("ana", sha256.slice(0, 7))).rejects.toMatchObject({ code: "USAGE" });
    await expect(show("ana", "19")).rejects.toMatchObject({ code: "USAGE" });
  });

  test("is not made where nobody has to approve, or its terms are not those of the policy", async () => {
    const wrong = [
      () => ask(people.bo, "access", "risk:1.0", { purpose: "modelling" }),
      () => ask(people.bo, "access", "cohort:v-one"),
      () => ask(people.bo, "export", "risk:1.0"),
      () => ask(people.bo, "promote", "risk:1.0", { to: "live" }),
      () => ask(people.bo, "declassify", "risk:1.0", { to: "restricted" }),
      () => ask(people.bo, "export", "risk:1.0", { ...toAcme, justification: " " }),
      () => ask(people.bo, "export", "risk:1.0", { ...toAcme, lastsMs: 1000 }),
    ];
    for (const wish of wrong) await expect(wish()).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("approvals", () => {
  test("count where the policy wants a reason for each, which readers do not see", async () => {
    const rule = "  reasons: { on: [request.approve], require: { fields: [justification] } }\n";
    await change(people.ana, (text) => text.replace("rules:\n", `rules:\n${rule}`));
    const { id } = await ask(people.bo, "export", "risk:1.0", toAcme);
    await expect(approve("omar", id)).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await approveRequest(await sessionOf(people.omar), { id, justification: "fits the agreement" });
    expect((await show("bo", id)).approvals.map(({ member }) => member)).toEqual(["omar"]);
    await change(people.ana, (text) => text.replace(rule, ""));
  });

  test("count people: twice is once, two of one role do not stand for another", async () => {
    const { id } = await ask(people.bo, "export", "risk:1.0", toAcme);
    const first = await approve("omar", id);
    expect(first).toMatchObject({ state: "open", again: false });
    expect(await approve("omar", id)).toMatchObject({ state: "open", again: true, logEntry: first.logEntry });
    expect(await approve("mei", id)).toMatchObject({
      state: "open",
      wanted: [{ role: "security-officer", count: 1, members: ["ana"] }],
    });
    expect(await approve("ana", id)).toMatchObject({ state: "approved", wanted: [] });
    expect((await show("bo", id)).approvals.map(({ member }) => member)).toEqual(["omar", "mei", "ana"]);
  });

  test("of people who race are both counted", async () => {
    const { id } = await ask(people.bo, "export", "risk:1.0", toAcme);
    await Promise.all([approve("omar", id), approve("ana", id), approve("mei", id)]);
    expect((await show("bo", id)).state).toBe("approved");
  });

  test("serve the very act: its member, version, destination, purpose; and no other, whatever is called by its name", async () => {
    const { id } = await ask(people.bo, "export", "risk:1.0", { to: "s3://partner-zeta/in" });
    for (const who of ["omar", "ana"] as const) await approve(who, id);
    const act = {
      action: "artifact.export",
      reference: "risk:1.0",
      said: { destination: "s3://partner-zeta/in" },
    } as const;
    expect((await consentFor(people.bo, act)).approvals).toEqual(["omar", "ana"]);
    expect(
      (await consentFor(people.bo, { ...act, said: { destination: "s3://partner-zeta/out" } })).approvals,
    ).toBeUndefined();
    expect((await consentFor(people.dee, act)).approvals).toBeUndefined();
    expect((await consentFor(people.bo, { ...act, purpose: "modelling" })).approvals).toBeUndefined();
    randomFiles(people.dee.cwd);
    await push(await sessionOf(people.dee), { source: { path: "data" }, name: "risk:1.1", class: "internal" });
    expect((await consentFor(people.bo, { ...act, reference: "risk:1.1" })).approvals).toBeUndefined();
    const chosen = { ...act, reference: "risk:chosen" };
    await tag(await sessionOf(people.dee), { reference: "risk:1.0", tag: "chosen" });
    expect((await consentFor(people.bo, chosen)).approvals).toEqual(["omar", "ana"]);
    await tag(await sessionOf(people.dee), { reference: "risk:1.1", tag: "chosen" });
    expect((await consentFor(people.bo, chosen)).approvals).toBeUndefined();
  });

  test("of access are a grant for its purpose, counted from the last one that was needed", async () => {
    const { id } = await ask(people.bo, "access", "cohort:v-one", { purpose: "modelling" });
    const act = { action: "artifact.pull", reference: "cohort:v-one", purpose: "modelling" } as const;
    await approve("omar", id);
    expect(await consentFor(people.bo, act)).toMatchObject({ approvals: ["omar"] });
    expect((await consentFor(people.bo, act)).grant).toBeUndefined();
    await approve("ana", id);
    await approve("mei", id).catch(() => undefined);
    const { approvals, grantedUntil } = await show("bo", id);
    const complete = Date.parse(approvals[1]?.at ?? "");
    expect(Date.parse(grantedUntil ?? "")).toBe(complete + 4 * 3_600_000);
    const { grant } = await consentFor(people.bo, act);
    expect(grant).toMatchObject({ approvals: ["omar", "ana"], ageMs: expect.closeTo(Date.now() - complete, -4) });
    expect((await consentFor(people.bo, { ...act, purpose: "other" })).grant).toBeUndefined();
    expect((await consentFor(people.bo, { ...act, action: "workspace.mount" })).grant).toBeDefined();
    expect((await consentFor(people.bo, { ...act, now: complete + 5 * 3_600_000 })).grant).toBeUndefined();
  });
});

test("a credential opens a whole class: it takes a grant for each version in it", async () => {
  const act = { action: "creds.issue", reference: "cohort:v-one", purpose: "modelling" } as const;
  expect((await consentFor(people.dee, act)).grant).toBeUndefined();
  const { id } = await ask(people.dee, "access", "cohort:v-one", { purpose: "modelling" });
  for (const who of ["omar", "ana"] as const) await approve(who, id);
  expect((await consentFor(people.dee, act)).grant).toMatchObject({ approvals: ["omar", "ana"] });
  await push(await sessionOf(people.dee), { source: { path: "data" }, name: "cohort:v-two", class: "restricted" });
  expect((await consentFor(people.dee, act)).grant).toBeUndefined();
});

describe("a request ends", () => {
  test("by a denial, after which no approval counts", async () => {
    const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public" });
    expect(await denyRequest(await sessionOf(people.omar), { id, justification: "no" })).toMatchObject({
      state: "denied",
    });
    await expect(approve("mei", id)).rejects.toMatchObject({ code: "USAGE", why: expect.stringContaining("denied") });
    await expect(waitForRequest(await sessionOf(people.bo), { id })).rejects.toMatchObject({ code: "POLICY_DENIED" });
  });

  test("by whoever asked, and by nobody else in their name", async () => {
    const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public" });
    await expect(withdrawRequest(await sessionOf(people.dee), { id })).rejects.toMatchObject({ code: "USAGE" });
    expect(await withdrawRequest(await sessionOf(people.bo), { id })).toMatchObject({ state: "withdrawn" });
  });

  test("by revocation, also after it was approved", async () => {
    const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public" });
    const act = { action: "artifact.declassify", reference: "risk:1.0", said: { toClass: "public" } } as const;
    expect(await approve("omar", id)).toMatchObject({ state: "approved" });
    expect((await consentFor(people.bo, act)).approvals).toEqual(["omar"]);
    expect((await consentFor(people.bo, { ...act, said: { toClass: "internal" } })).approvals).toBeUndefined();
    expect(await revokeRequest(await sessionOf(people.mei), { id })).toMatchObject({ state: "revoked" });
    expect((await consentFor(people.bo, act)).approvals).toBeUndefined();
  });

  test("with its time, by the clock of the store and not by anybody's own", async () => {
    const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public", lastsMs: 60_000 });
    await approve("omar", id);
    const inAYear: Host = { ...people.bo, now: () => Date.now() + 365 * 86_400_000 };
    expect((await showRequest(await sessionOf(inAYear), id)).state).toBe("approved");
    const later = await sessionOf(people.bo, (store) => ({ ...storeOf(store), now: async () => Date.now() + 61_000 }));
    expect((await showRequest(later, id)).state).toBe("expired");
  });
});

describe("a new policy version", () => {
  test("judges open requests anew: who may no longer approve has not approved", async () => {
    const { id } = await ask(people.bo, "export", "risk:1.0", { to: "s3://partner-eta/in" });
    for (const who of ["omar", "ana"] as const) await approve(who, id);
    await change(people.ana, (text) => withRole(text, "omar", "data-scientist"));
    const seen = await show("bo", id);
    expect(seen).toMatchObject({ state: "open", wanted: [{ role: "data-owner", members: ["mei"] }] });
    expect(seen.ignored).toEqual([expect.objectContaining({ what: expect.stringContaining("approve of omar") })]);
    expect(await approve("mei", id)).toMatchObject({ state: "approved" });
    await change(people.ana, (text) => withRole(text, "omar", "data-owner"));
    expect((await show("bo", id)).approvals.map(({ member }) => member)).toEqual(["omar", "ana", "mei"]);
  });

  test("that suspends an approver takes their approval back", async () => {
    const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public" });
    expect(await approve("mei", id)).toMatchObject({ state: "approved" });
    await change(people.ana, (text) => text.replace(/^( {2}mei:.*)\}\s*$/m, "$1, suspended: left }"));
    expect(await show("bo", id)).toMatchObject({ state: "open", approvedBy: [] });
    await change(people.ana, (text) => text.replace(", suspended: left", ""));
  });
});

test("lists say what waits for whom", async () => {
  const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public" });
  const ids = async (who: Person, which: "open" | "mine" | "to-approve" | "all") =>
    (await listRequests(await synced(people[who]), { which })).requests.map((request) => request.id);
  expect(await ids("omar", "to-approve")).toContain(id);
  expect(await ids("ana", "to-approve")).not.toContain(id);
  expect(await ids("bo", "mine")).toContain(id);
  expect(await ids("dee", "mine")).not.toContain(id);
  await approve("omar", id);
  expect(await ids("mei", "open")).not.toContain(id);
  expect(await ids("mei", "all")).toContain(id);
});

test("waiting ends with the time that was given, or with the decision", async () => {
  const { id } = await ask(people.bo, "declassify", "risk:1.0", { to: "public" });
  await expect(waitForRequest(await sessionOf(people.bo), { id, timeoutMs: 0 })).rejects.toMatchObject({
    code: "APPROVAL_PENDING",
    why: expect.stringContaining("omar"),
    next: `cloister request wait ${id}`,
  });
  const waiting = waitForRequest(await sessionOf(people.bo), { id });
  await approve("omar", id);
  expect(await waiting).toMatchObject({ state: "approved" });
  const leaving = new AbortController();
  const other = await ask(people.bo, "declassify", "risk:1.0", { to: "public", justification: "again" });
  const host = { ...people.bo, signal: leaving.signal };
  setTimeout(() => leaving.abort(), 300);
  await expect(waitForRequest(await sessionOf(host), { id: other.id })).rejects.toMatchObject({ code: "INTERRUPTED" });
});
