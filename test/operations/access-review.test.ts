// Access that nobody confirms lapses to reading; who confirms it is judged by every reader.
import { beforeAll, expect, test } from "vitest";
import { list } from "../../src/operations/artifact/list.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { perform } from "../../src/operations/guard.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember } from "../../src/operations/policy/change.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { listAccess, reviewAccess } from "../../src/operations/review/review.ts";
import { verdictsOn } from "../../src/operations/review/verdicts.ts";
import type { Session } from "../../src/operations/session.ts";
import type { Store } from "../../src/store/store.ts";
import { hostIn, randomFiles, sessionOf } from "./project.ts";
import { change, type People, requestProject } from "./request-project.ts";
import { unguarded } from "./unguarded.ts";

const DAY_MS = 86_400_000;
let people: People;
/** The line of somebody who is let in late. */
let eva: string;

beforeAll(async () => {
  const project = await requestProject();
  people = project.people;
  const joiner = hostIn(project.folder, "eva");
  eva = (await joinProject(joiner, { folder: ".", store: "../store", member: "eva", name: "Eva" })).line;
  await change(
    people.ana,
    (text) => `${text}\naccess-review: { every: 90d, by: security-officer, lapsed: read-only }\n`,
  );
});

/** The store's clock, so many days from now. */
function inDays(days: number): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === "now") return async () => (await target.now()) + days * DAY_MS;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
}

const at = (host: Host, days: number): Promise<Session> => sessionOf(host, inDays(days));

async function pushAt(host: Host, days: number): Promise<string> {
  randomFiles(host.cwd);
  const session = await at(host, days);
  return push(session, { source: { path: "data" }, name: "notes", class: "internal" }).then(
    () => "pushed",
    (error: { refusals?: readonly { rule: string }[] }) =>
      error.refusals?.map(({ rule }) => rule).join() ?? String(error),
  );
}

const stateOf = async (session: Session, member: string): Promise<string | undefined> =>
  (await listAccess(session)).lines.find((line) => line.member === member)?.state;

test("what an owner signed counts as confirmed for one period, is due near its end, and then lapses", async () => {
  expect(await stateOf(await at(people.ana, 0), "bo")).toBe("confirmed");
  expect(await stateOf(await at(people.ana, 60), "bo")).toBe("confirmed");
  expect(await stateOf(await at(people.ana, 80), "bo")).toBe("due");
  expect(await pushAt(people.bo, 1)).toBe("pushed");
  expect(await stateOf(await at(people.ana, 91), "bo")).toBe("lapsed");
  expect(await pushAt(people.bo, 91)).toBe("builtin:review-lapsed");
});

test("nobody confirms their own access while somebody else may, nor may who does not hold the role", async () => {
  const refusal = (session: Promise<Session>, member: string) =>
    session
      .then((opened) => reviewAccess(opened, { member, verdict: "keep" }))
      .then(
        () => "signed",
        (error: { why?: string }) => error.why,
      );
  expect(await refusal(at(people.bo, 91), "bo")).toBe("nobody confirms their own access");
  expect(await refusal(at(people.omar, 91), "bo")).toBe("only security-officer does");
  // Ana is the only officer: without this, hers would lapse for good.
  const own = await reviewAccess(await at(people.ana, 91), { member: "ana", verdict: "keep" });
  expect(own).toMatchObject({ ownAccess: true, holdings: ["security-officer"] });
});

test("a confirmation brings it back, and a role that is to be revoked takes it away at once", async () => {
  const kept = await reviewAccess(await at(people.ana, 92), { member: "bo", verdict: "keep" });
  expect(kept).toMatchObject({ holdings: ["data-scientist"], verdict: "keep", ownAccess: false });
  expect(await pushAt(people.bo, 92)).toBe("pushed");
  await reviewAccess(await at(people.ana, 93), { member: "bo", verdict: "revoke", holding: "data-scientist" });
  expect(await stateOf(await at(people.ana, 93), "bo")).toBe("to be revoked");
  expect(await pushAt(people.bo, 93)).toBe("builtin:review-lapsed");
});

test("a line that was logged by somebody who may not is none", async () => {
  const bo = await unguarded(people.bo, inDays(94));
  const lines = [{ member: "bo", holding: "data-scientist", verdict: "keep" }];
  const ask = { title: "", action: "member.review" as const, sealed: {} };
  await perform(bo, ask, () => Promise.resolve({ result: undefined, outcome: { facts: { lines } } }));
  await bo.sync();
  expect((await verdictsOn(bo.ledger, "bo")).get("data-scientist")).toMatchObject({ verdict: "revoke", by: "ana" });
  expect(await pushAt(people.bo, 94)).toBe("builtin:review-lapsed");
});

test("what a patched program pushes while its member's access has lapsed, no reader accepts", async () => {
  randomFiles(people.bo.cwd);
  const bo = await unguarded(people.bo, inDays(94));
  await push(bo, { source: { path: "data" }, name: "smuggled", class: "internal" });
  const { versions, ignored } = await list(await at(people.dee, 94), { name: "smuggled" });
  expect(versions).toEqual([]);
  expect(ignored).toEqual([expect.objectContaining({ why: expect.stringContaining("builtin:review-lapsed") })]);
  // What was pushed before is what it was.
  expect((await list(await at(people.dee, 94), { name: "notes" })).versions).not.toEqual([]);
});

test("who was let in since the last period is confirmed until one is over", async () => {
  await addMember(await at(people.ana, 95), { line: eva, roles: ["data-scientist"] });
  const lines = async (days: number) =>
    (await listAccess(await at(people.ana, days))).lines.find(({ member }) => member === "eva");
  expect(await lines(96)).toMatchObject({ state: "confirmed" });
  expect(await lines(175)).toMatchObject({ state: "due" });
  expect(await lines(186)).toMatchObject({ state: "lapsed" });
});
