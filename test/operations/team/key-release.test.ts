// Who can read what two groups release together: nobody of them alone, and whoever asked only with both halves.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { encryptTo } from "../../../src/keys/age.ts";
import { deviceIdOf } from "../../../src/keys/identity.ts";
import { list } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import type { Host } from "../../../src/operations/host.ts";
import { handOn } from "../../../src/operations/release/hand-on.ts";
import { withdrawRequest } from "../../../src/operations/request/answer.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import type { Store } from "../../../src/store/store.ts";
import { openedBy } from "../key-attack.ts";
import { hostIn, randomFiles, sessionOf } from "../project.ts";
import { ask, change, enlist, type Person, release, releaseProject, synced, withRole } from "../release-project.ts";
import { unguarded } from "../unguarded.ts";

const CLASS = "restricted";
const refused = expect.objectContaining({ code: "INTEGRITY" });
let folder: string;
let people: Record<Person, Host>;
let marker: string;

beforeAll(async () => {
  ({ folder, people } = await releaseProject());
  ({ marker } = randomFiles(people.dee.cwd));
  await push(await sessionOf(people.dee), { source: { path: "data" }, name: "cohort:1", class: CLASS });
});

const pulled = (host: Host, reference: string, out: string) =>
  sessionOf(host).then((session) => pull(session, { reference, purpose: "modelling", output: { folder: out } }));

/** Whether these people, with every file of the store and any program, come by the content. */
const canOpen = async (versionId: string, ...attackers: readonly Host[]) =>
  openedBy(
    join(folder, "store"),
    versionId,
    await Promise.all(attackers.map(async (host) => (await sessionOf(host)).identity())),
  );

async function versionOf(reference: string): Promise<string> {
  const { versions } = await list(await sessionOf(people.dee), {});
  return versions.find((version) => version.reference === `churn/${reference}`)?.versionId ?? "";
}

const halfFile = async (versionId: string, half: string, host: Host) =>
  join(folder, "store/wraps/churn", CLASS, versionId, half, deviceIdOf((await (await sessionOf(host)).device()).reads));

const releasedFile = async (hash: string, half: string, host: Host) =>
  join(folder, "store/releases", hash, half, deviceIdOf((await (await sessionOf(host)).device()).reads));

test("owner alone, officer alone, requester, pusher and store administrator open nothing; owner and officer together do", async () => {
  const { omar, ana, bo, dee } = people;
  const version = await versionOf("cohort:1");
  for (const host of [omar, ana, bo, dee]) expect(await canOpen(version, host)).toBe(false);
  expect(await canOpen(version)).toBe(false);
  expect(await canOpen(version, omar, bo, dee)).toBe(false);
  expect(await canOpen(version, ana, bo, dee)).toBe(false);
  // What shows that the attack is one.
  expect(await canOpen(version, omar, ana)).toBe(true);
});

test("a patched client does not help: mathematics, not manners", async () => {
  for (const host of [people.bo, people.dee, people.omar]) {
    const options = { reference: "cohort:1", purpose: "modelling", output: { folder: "stolen" } };
    await expect(pull(await unguarded(host), options)).rejects.toMatchObject({
      code: "POLICY_DENIED",
      why: expect.stringMatching(/data-owner \(omar\) and a security-officer \(ana\)/),
      next: expect.stringContaining("cloister request create access churn/cohort:1"),
    });
  }
});

test("approvers see what they release, and nothing of its content", async () => {
  const { versions } = await list(await unguarded(people.ana), {});
  expect(versions.map(({ reference }) => reference)).toContain("churn/cohort:1");
  const { keys } = await synced(people.ana);
  expect(await keys.secret({ domain: "churn", class: CLASS }, 1)).toBeUndefined();
});

test("whoever asked reads once both halves were released, and not before", async () => {
  const { omar, ana, bo } = people;
  const request = await ask(bo, "cohort:1", "first");
  await expect(pulled(bo, "cohort:1", "out")).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
  expect(await release(omar, request)).toMatchObject({ state: "open" });
  await expect(pulled(bo, "cohort:1", "out")).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
  // Without its guard, too, and with the half that there is.
  const patched = { reference: "cohort:1", purpose: "modelling", output: { folder: "patched" } };
  await expect(pull(await unguarded(bo), patched)).rejects.toMatchObject({
    code: "APPROVAL_PENDING",
    why: expect.stringMatching(/by a security-officer \(ana\)$/),
  });
  expect(await canOpen(request.versionId, bo)).toBe(false);
  expect(await release(ana, request)).toMatchObject({ state: "approved" });
  await pulled(bo, "cohort:1", "out");
  expect(readFileSync(join(bo.cwd, "out/a.csv"), "utf8")).toContain(marker);
  expect(await canOpen(request.versionId, people.dee)).toBe(false);
});

test("nothing is released for a request that is withdrawn before the approval comes to stand in the log", async () => {
  const { omar, bo } = people;
  const request = await ask(bo, "cohort:1", "raced");
  let raced = false;
  const racing = await sessionOf(omar, (store) => {
    const create = store.create.bind(store);
    return Object.assign(store, {
      create: async (...args: Parameters<Store["create"]>) => {
        if (!raced && args[0].startsWith("log/")) {
          raced = true;
          await withdrawRequest(await sessionOf(bo), { id: request.id });
        }
        return create(...args);
      },
    });
  });
  await expect(approveRequest(racing, { id: request.id })).rejects.toMatchObject({
    code: "USAGE",
    why: "it is withdrawn",
  });
  expect(raced).toBe(true);
  expect(existsSync(join(folder, "store/releases", request.hash))).toBe(false);
});

test("halves of two requests do not combine, whether one person or two asked", async () => {
  const { omar, ana, bo, dee } = people;
  await push(await sessionOf(dee), { source: { path: "data" }, name: "cohort:2", class: CLASS });
  const [mine, again] = [await ask(bo, "cohort:2", "mine"), await ask(bo, "cohort:2", "again")];
  const hers = await ask(dee, "cohort:2", "hers");
  await release(omar, mine);
  await release(ana, again);
  await release(ana, hers);
  await expect(pulled(bo, "cohort:2", "two")).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
  expect(await canOpen(mine.versionId, bo, dee)).toBe(false);
  // Put where the half of the other request would be, it is known for what it is.
  const target = await releasedFile(mine.hash, "half-security-officer", bo);
  mkdirSync(join(target, ".."), { recursive: true });
  copyFileSync(await releasedFile(again.hash, "half-security-officer", bo), target);
  const patched = { reference: "cohort:2", purpose: "modelling", output: { folder: "two" } };
  await expect(pull(await unguarded(bo), patched)).rejects.toEqual(refused);
});

test("halves copied into another version are refused", async () => {
  const { omar, ana, bo, dee } = people;
  await push(await sessionOf(dee), { source: { path: "data" }, name: "moved", class: CLASS });
  const [first, moved] = [await versionOf("cohort:1"), await versionOf("moved:v1")];
  const request = await ask(bo, "moved", "moved");
  for (const [half, host] of [
    ["half-data-owner", omar],
    ["half-security-officer", ana],
  ] as const) {
    copyFileSync(await halfFile(first, half, host), await halfFile(moved, half, host));
    await expect(release(host, request)).rejects.toEqual(refused);
  }
  expect(await canOpen(moved, bo)).toBe(false);
});

test("a half that a writer of the store sealed is refused by approvers, and a released one by the requester", async () => {
  const { omar, ana, bo, dee } = people;
  await push(await sessionOf(dee), { source: { path: "data" }, name: "planted", class: CLASS });
  const version = await versionOf("planted:v1");
  const request = await ask(bo, "planted", "planted");
  const { reads } = await (await sessionOf(omar)).device();
  const junk = { share: "A".repeat(43), seed: "A".repeat(43), half: "half-data-owner", cloister: "key-half@1" };
  const kept = readFileSync(await halfFile(version, "half-data-owner", omar));
  writeFileSync(
    await halfFile(version, "half-data-owner", omar),
    await encryptTo([reads], Buffer.from(JSON.stringify(junk))),
  );
  await expect(release(omar, request)).rejects.toEqual(refused);
  writeFileSync(await halfFile(version, "half-data-owner", omar), kept);
  await release(omar, request);
  await release(ana, request);
  const { project } = (await sessionOf(bo)).config;
  const about = { project, versionId: version, half: "half-security-officer", request: request.hash };
  const text = `{"cloister":"released-half@1","half":"${about.half}","project":"${project}","request":"${about.request}","share":"${"A".repeat(43)}","versionId":"${version}"}`;
  const mine = (await (await sessionOf(bo)).device()).reads;
  writeFileSync(await releasedFile(request.hash, about.half, bo), await encryptTo([mine], Buffer.from(text)));
  await expect(pulled(bo, "planted", "planted")).rejects.toMatchObject({
    code: "INTEGRITY",
    message: expect.stringContaining("do not fit"),
  });
  // Approving again puts it right.
  await release(ana, request);
  await pulled(bo, "planted", "planted");
});

test("what a patched client pushed with a key for everybody, or for two of its choice, readers ignore", async () => {
  const session = await synced(people.dee);
  const real = session.ledger.policy.bind(session.ledger);
  session.ledger.policy = async (version) => {
    const found = await real(version);
    const policy = { ...found.compiled.policy, rules: [] };
    return { ...found, compiled: { ...found.compiled, policy } };
  };
  await push(session, { source: { path: "data" }, name: "open", class: CLASS });
  const { ignored, versions } = await list(await sessionOf(people.bo), { name: "open" });
  expect(versions).toEqual([]);
  expect(ignored).toEqual([expect.objectContaining({ why: expect.stringContaining("not split") })]);
});

test("a released version gives no key of another, however much they have in common", async () => {
  const { omar, ana, bo, dee } = people;
  await push(await sessionOf(dee), { source: { path: "data" }, name: "series:1", class: CLASS });
  writeFileSync(join(dee.cwd, "data/new.csv"), "only in the second\n");
  const second = await push(await sessionOf(dee), { source: { path: "data" }, name: "series:2", class: CLASS });
  expect(second.bytesNew).toBe(second.bytes);
  const request = await ask(bo, "series:1", "series");
  await release(omar, request);
  await release(ana, request);
  await pulled(bo, "series:1", "series");
  const [one, two] = [await packsOf("series:1"), await packsOf("series:2")];
  expect(one.filter((pack) => two.includes(pack))).toEqual([]);
  expect(await canOpen(request.versionId, bo)).toBe(true);
  expect(await canOpen(second.versionId, bo)).toBe(false);
});

test("a push that was cut off after its end makes no second version, and lends its key to none", async () => {
  const { dee } = people;
  const files = { source: { path: "data" }, name: "cut", class: CLASS };
  const { places, config } = await sessionOf(dee);
  const journals = join(places.state, config.project, "pushes");
  const kept = join(folder, "journals");
  const first = await push(
    await sessionOf(dee, (store) => {
      const create = store.create.bind(store);
      return Object.assign(store, {
        create: async (name: string, parts: readonly Uint8Array[]) => {
          const outcome = await create(name, parts);
          const isLock = (path: string) => path.endsWith(".lock");
          if (name.startsWith("log/")) cpSync(journals, kept, { recursive: true, filter: (path) => !isLock(path) });
          return outcome;
        },
      });
    }),
    files,
  );
  const cutOff = () => cpSync(kept, journals, { recursive: true });
  cutOff();
  expect(await push(await sessionOf(dee), files)).toMatchObject({ versionId: first.versionId, resumed: true });
  cutOff();
  writeFileSync(join(dee.cwd, "data/more.csv"), "after the cut\n");
  const second = await push(await sessionOf(dee), files);
  expect(second).toMatchObject({ number: 2, resumed: true });
  const [one, two] = [await packsOf("cut:v1"), await packsOf("cut:v2")];
  expect(one.filter((pack) => two.includes(pack))).toEqual([]);
});

async function packsOf(reference: string): Promise<readonly string[]> {
  const version = await versionOf(reference);
  const records = join(folder, "store/versions/churn");
  const name = readdirSync(records, { recursive: true, encoding: "utf8" }).find((path) => path.endsWith(version)) ?? "";
  const { payload } = JSON.parse(readFileSync(join(records, name), "utf8")) as { payload: string };
  const record = JSON.parse(Buffer.from(payload, "base64").toString()) as { packs: { id: string }[] };
  return record.packs.map(({ id }) => id);
}

test("nobody is given both halves: such a policy is not published", async () => {
  const both = change(people.ana, (text) => withRole(text, "omar", "data-owner, security-officer"));
  await expect(both).rejects.toMatchObject({ code: "USAGE", why: expect.stringContaining("both halves") });
});

describe("who releases changes", () => {
  let other: { folder: string; people: Awaited<ReturnType<typeof releaseProject>>["people"] & Record<string, Host> };
  let zoe: Host;

  beforeAll(async () => {
    other = await releaseProject();
    const { folder: at, people: them } = other;
    randomFiles(them.dee.cwd);
    await push(await sessionOf(them.dee), { source: { path: "data" }, name: "cohort:1", class: CLASS });
    zoe = hostIn(at, "zoe");
    other.people["zoe"] = zoe;
    await enlist(them, "zoe", "data-scientist");
  });

  test("a new owner gets the halves of earlier versions from one who holds them, and only so", async () => {
    const { ana, omar, bo } = other.people;
    await change(ana, (text) => withRole(text, "zoe", "data-owner"));
    const request = await ask(bo, "cohort:1", "zoe");
    await expect(release(zoe, request)).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
      next: expect.stringContaining("cloister key hand-on"),
    });
    // Ana has none of these halves to hand on, though it is she who changed the policy.
    expect(await handOn(await sessionOf(ana))).toMatchObject({ versions: 1, given: [], taken: 0 });
    expect(await handOn(await sessionOf(omar))).toMatchObject({ given: [{ member: "zoe", halves: 1 }], withheld: [] });
    await release(zoe, request);
    await release(ana, request);
    await pulled(bo, "cohort:1", "out");
  });

  test("a suspended owner holds no half of what is pushed later, releases nothing, and loses what lies in the store", async () => {
    const { ana, omar, bo, dee } = other.people;
    await change(ana, (text) => text.replace(/^( {2}omar:.*)\}\s*$/m, "$1, suspended: left }"));
    const held = () => filesOf(join(other.folder, "store/wraps"), omar);
    expect(await held()).toHaveLength(1);
    await push(await sessionOf(dee), { source: { path: "data" }, name: "later", class: CLASS });
    expect(await held()).toHaveLength(1);
    expect(await handOn(await sessionOf(zoe))).toMatchObject({ taken: 1 });
    expect(await held()).toHaveLength(0);
    const request = await ask(bo, "later", "later");
    await expect(release(omar, request)).rejects.toMatchObject({ code: expect.stringMatching(/DENIED|AUTHENTICATED/) });
    await release(zoe, request);
    await release(ana, request);
    await pulled(bo, "later", "later");
  });

  test("who goes from one group to the other is given no half of a version whose other half they held", async () => {
    const { ana, bo, dee } = other.people;
    await change(ana, (text) => withRole(withRole(text, "zoe", "security-officer"), "dee", "data-owner"));
    expect(await handOn(await sessionOf(ana))).toMatchObject({ given: [], withheld: [{ member: "zoe", halves: 2 }] });
    const request = await ask(bo, "later", "switched");
    await expect(release(zoe, request)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    await expect(release(dee, request)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    // Only Zoe has the owner's halves, and she has them still: she hands them on, and then has none.
    expect(await handOn(await sessionOf(zoe))).toMatchObject({ given: [{ member: "dee", halves: 2 }], taken: 2 });
    expect(await release(dee, request)).toMatchObject({ state: "open" });
  });
});

async function filesOf(wraps: string, host: Host): Promise<readonly string[]> {
  const device = deviceIdOf((await (await sessionOf(host)).device()).reads);
  return readdirSync(wraps, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(device));
}
