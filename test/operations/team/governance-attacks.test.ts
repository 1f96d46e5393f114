// Consent that was given for one act, and what a changed program tries to make of it: another act, a second one, a later one.
import { beforeAll, expect, test } from "vitest";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { folderFiles } from "../../../src/content/folder.ts";
import { crossingFacts } from "../../../src/operations/artifact/crossing.ts";
import { list } from "../../../src/operations/artifact/list.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { standingOf } from "../../../src/operations/governance/stage.ts";
import type { Host } from "../../../src/operations/host.ts";
import { revokeRequest } from "../../../src/operations/request/answer.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import { findRequest } from "../../../src/operations/request/find.ts";
import { detailsOf } from "../../../src/operations/request/shelf.ts";
import { showRequest } from "../../../src/operations/request/show.ts";
import { verdictsOn } from "../../../src/operations/review/verdicts.ts";
import type { RequestDetail, RequestOptions } from "../../../src/operations/types.ts";
import { logEntry } from "../governance/entries.ts";
import { randomFiles, sessionOf } from "../project.ts";
import { ask, change, type People, requestProject, synced, withRole } from "../request-project.ts";

let people: People;

beforeAll(async () => {
  ({ people } = await requestProject());
  await change(people.ana, (text) => text.replace(/^( {2}churn:.*)$/m, "$1\n  marketing: { owner: omar, epoch: 1 }"));
  randomFiles(people.bo.cwd);
});

/** A request of Bo that everybody who is needed approved. */
async function approved(kind: RequestOptions["kind"], reference: string, to: string): Promise<RequestDetail> {
  const { id } = await ask(people.bo, kind, reference, { to });
  const approvers = kind === "declassify" ? [people.omar] : [people.ana, people.omar];
  for (const host of approvers) await approveRequest(await sessionOf(host), { id });
  return showRequest(await sessionOf(people.bo), id);
}

const about = ({ domain, class: klass, versionId }: RequestDetail) => ({ domain, class: klass, versionId });
const resting = ({ sha256, logEntry: entry }: RequestDetail) => ({ request: sha256, requestEntry: entry });

/** A push by Bo that names an act of his, of files that he has at hand. */
async function pushOn(
  name: string,
  klass: string,
  facts: Readonly<Record<string, string>>,
  from = people.dee.cwd,
): Promise<void> {
  const { signal } = people.bo;
  const files = () => folderFiles(`${from}/data`, { signal, exclude: () => false });
  await push(
    await sessionOf(people.bo),
    { source: { path: "." }, name, class: klass },
    {
      source: async () => ({ files: files(), bytesTotal: undefined, sayers: [] }),
      label: { class: "public", from: "nothing" },
      ...{ ran: false, inputs: [], facts, journal: [name] },
    },
  );
}

const found = async (id: string) => findRequest(await synced(people.bo), id);
const log = async (host: Host, over: Partial<AuditEvent> & Pick<AuditEvent, "action">) =>
  logEntry(await synced(host), over);

async function read(name: string) {
  const { versions, ignored } = await list(await sessionOf(people.mei), { name });
  return { versions: versions.map(({ reference }) => reference), ignored: ignored.map(({ why }) => why) };
}

test("consent to one destination is none to another domain", async () => {
  const request = await approved("export", "churn/risk:1.0", "s3://partner-acme/swap");
  const facts = { to: "domain", toDomain: "marketing", bytes: 1, ...resting(request) };
  const { event } = await log(people.bo, { action: "artifact.export", ...about(request), facts });
  await pushOn("marketing/swapped", "internal", crossingFacts("export", request.versionId, event.operation));
  const { versions, ignored } = await read("marketing/swapped");
  expect(versions).toEqual([]);
  expect(ignored[0]).toContain("export-needs-two");
});

test("consent to one version is none to another content in another domain", async () => {
  const request = await approved("export", "churn/risk:1.0", "domain:marketing");
  const { salt } = (await detailsOf(await synced(people.bo), await found(request.id))) ?? {};
  const facts = { to: "domain", toDomain: "marketing", bytes: 1, ...resting(request), salt };
  const act = { action: "artifact.export", ...about(request), facts };
  const crossing = async () => crossingFacts("export", request.versionId, (await log(people.bo, act)).event.operation);
  await pushOn("marketing/other", "internal", await crossing(), people.bo.cwd);
  expect((await read("marketing/other")).ignored).toEqual(["bo exported another content than this"]);
});

test("an act that was given up allows no push, and one that allowed a push does not give the consent back", async () => {
  const request = await approved("declassify", "churn/risk:1.0", "public");
  const act = { action: "artifact.declassify", ...about(request), facts: { toClass: "public", ...resting(request) } };
  const first = await log(people.bo, act);
  await pushOn("churn/lower-a", "public", crossingFacts("declassify", request.versionId, first.event.operation));
  await log(people.bo, { ...act, operation: first.event.operation, phase: "failed", facts: {} });
  expect(await read("churn/lower-a")).toMatchObject({ ignored: [] });
  expect(await showRequest(await sessionOf(people.ana), request.id)).toMatchObject({ state: "consumed" });
  const second = await log(people.bo, act);
  await pushOn("churn/lower-b", "public", crossingFacts("declassify", request.versionId, second.event.operation));
  expect((await read("churn/lower-b")).versions).toEqual([]);
});

test("an act that was given up allows no push later", async () => {
  const request = await approved("declassify", "churn/risk:1.0", "public");
  const act = { action: "artifact.declassify", ...about(request), facts: { toClass: "public", ...resting(request) } };
  const first = await log(people.bo, act);
  await log(people.bo, { ...act, operation: first.event.operation, phase: "failed", facts: {} });
  const second = await log(people.bo, act);
  for (const [name, { event }] of [
    ["churn/given-up", first],
    ["churn/kept", second],
  ] as const)
    await pushOn(name, "public", crossingFacts("declassify", request.versionId, event.operation));
  expect((await read("churn/given-up")).versions).toEqual([]);
  expect((await read("churn/kept")).versions).toEqual(["churn/kept:v1"]);
});

test("an intent is no promotion to be kept until its consent was taken back", async () => {
  const request = await approved("promote", "churn/risk:1.0", "production");
  const act = {
    action: "artifact.promote",
    ...about(request),
    facts: { stage: "dev", toStage: "production", ...resting(request) },
  };
  const { event } = await log(people.bo, act);
  expect(await revokeRequest(await sessionOf(people.ana), { id: request.id })).toMatchObject({ verdict: "revoke" });
  await log(people.bo, { ...act, operation: event.operation, phase: "done" });
  const session = await synced(people.mei);
  const { policy } = (await session.policy()).compiled;
  const standing = await standingOf(session, request.versionId, { policy });
  expect(standing).toMatchObject({ stage: "dev" });
  expect(standing?.ignored).toHaveLength(1);
});

test("an intent of an access review is no right to be kept after the role that reviews was taken away", async () => {
  await change(people.ana, (text) => {
    const owner = text.replace(
      "can: [artifact.pull, artifact.read",
      "can: [member.review, artifact.pull, artifact.read",
    );
    return `${owner}\naccess-review: { every: 90d, by: data-owner, lapsed: read-only }\n`;
  });
  const { event } = await log(people.mei, { action: "member.review" });
  await change(people.ana, (text) => withRole(text, "mei", "data-scientist"));
  const lines = [{ member: "bo", holding: "data-scientist", verdict: "revoke" }];
  const { operation } = event;
  await log(people.mei, { action: "member.review", operation, phase: "done", facts: { lines } });
  expect((await verdictsOn((await synced(people.ana)).ledger, "bo")).size).toBe(0);
});
