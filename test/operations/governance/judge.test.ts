// Who was entitled to what they logged: every reader decides it again.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { push } from "../../../src/operations/artifact/push.ts";
import { judge, refusalText } from "../../../src/operations/governance/judge.ts";
import type { Host } from "../../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../../src/operations/policy/change.ts";
import { join as joinProject } from "../../../src/operations/project/join.ts";
import type { Session } from "../../../src/operations/session.ts";
import type { Pushed } from "../../../src/operations/types.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "../project.ts";
import { logEntry, logOperation } from "./entries.ts";

let folder: string;
let ana: Host;
let bo: Host;
let internal: Pushed;
let confidential: Pushed;

/** Bo may pull up to internal, and only with a purpose. */
beforeAll(async () => {
  folder = scratch();
  ana = await makeProject(folder);
  await changePolicy((text) => text.replace(/(data-scientist:[\s\S]*?up-to: )confidential/, "$1internal"));
  bo = hostIn(folder, "bo");
  const { line } = await joinProject(bo, { folder: ".", store: "../store", member: "bo", name: "Bo" });
  await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
  randomFiles(ana.cwd);
  const source = { path: "data" };
  internal = await push(await sessionOf(ana), { source, name: "cohort:1", class: "internal" });
  confidential = await push(await sessionOf(ana), { source, name: "secret:1", class: "confidential" });
});

async function changePolicy(change: (text: string) => string): Promise<void> {
  const file = join(ana.cwd, "cloister.policy.yaml");
  const session = await sessionOf(ana);
  await session.sync();
  const { text } = await session.policy();
  expect(change(text)).not.toBe(text);
  writeFileSync(file, change(text));
  await proposePolicy(await sessionOf(ana), {});
}

function aboutIt({ versionId, domain, class: klass }: Pushed) {
  return { action: "artifact.pull", versionId, domain, class: klass };
}

/** As somebody else reads it. */
async function read(
  entry: number,
): Promise<Session & { readonly logged: NonNullable<Session["ledger"]["events"][0]> }> {
  const session = await sessionOf(ana);
  await session.sync();
  const logged = session.ledger.events[entry];
  if (!logged) throw new Error(`no entry ${String(entry)}`);
  return { ...session, logged };
}

async function verdict(entry: number, effect?: number): Promise<string | undefined> {
  const session = await read(entry);
  const known = effect === undefined ? {} : { effect: session.ledger.events[effect] };
  const refusal = await judge(session, session.logged, { kind: "dataset", ...known });
  return refusal && refusalText(session.logged, refusal);
}

test("an entitled member's act counts, although its purpose is sealed", async () => {
  const { intent, done } = await logOperation(await sessionOf(bo), aboutIt(internal));
  expect(await verdict(intent.entry, done.entry)).toBeUndefined();
});

test("what the policy denied its signer does not count, and the reason says which rule", async () => {
  const { intent } = await logOperation(await sessionOf(bo), aboutIt(confidential));
  expect(await verdict(intent.entry)).toMatch(
    /^bo was not allowed this artifact\.pull \(#\d+\): role:data-scientist: /,
  );
});

test.each([
  ["a lower class than its version has", () => ({ ...aboutIt(confidential), class: "internal" }), /another class/],
  ["a version that nobody pushed", () => ({ ...aboutIt(internal), versionId: "ab".repeat(32) }), /was not there/],
  ["an action that there is not", () => ({ ...aboutIt(internal), action: "artifact.admire" }), /no action/],
])("an entry that says %s is out of place", async (_, said, why) => {
  const { entry } = await logEntry(await sessionOf(bo), said());
  expect(await verdict(entry)).toMatch(why);
});

test("an end about another version than the beginning does not count", async () => {
  const { versionId, class: klass } = confidential;
  const { intent, done } = await logOperation(await sessionOf(bo), aboutIt(internal), { versionId, class: klass });
  expect(await verdict(intent.entry, done.entry)).toMatch(/its end is about something else/);
});

test("an intent is no permission to be kept: the policy must still allow it when it takes effect", async () => {
  const before = await logEntry(await sessionOf(bo), aboutIt(internal));
  await changePolicy((now) => now.replace(/(data-scientist:[\s\S]*?up-to: )internal/, "$1public"));
  const { operation } = before.event;
  const late = await logEntry(await sessionOf(bo), { ...aboutIt(internal), operation, phase: "done" });
  expect(await verdict(before.entry)).toBeUndefined();
  expect(await verdict(before.entry, late.entry)).toMatch(/role data-scientist reaches public at most/);
  // What was done under the earlier version stays as it was.
  const after = await logEntry(await sessionOf(bo), aboutIt(internal));
  expect(await verdict(after.entry)).toMatch(/reaches public/);
});

test("a done without an intent is no operation to judge", async () => {
  const { done } = await logOperation(await sessionOf(ana), aboutIt(internal));
  expect(await verdict(done.entry)).toMatch(/no intent/);
});
