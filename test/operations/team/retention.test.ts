// The end of versions: retired, restored, held, shredded; what readers say then, and what nobody can read any more.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { decryptWith } from "../../../src/keys/age.ts";
import { list, show } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { find } from "../../../src/operations/artifact/resolve.ts";
import { verifyReference } from "../../../src/operations/artifact/verify.ts";
import { holdVersion, restoreVersion, retireVersion } from "../../../src/operations/retention/end.ts";
import { fateOf } from "../../../src/operations/retention/fate.ts";
import { pruneVersions } from "../../../src/operations/retention/prune.ts";
import { shredVersion } from "../../../src/operations/retention/shred.ts";
import type { Session } from "../../../src/operations/session.ts";
import type { Store } from "../../../src/store/store.ts";
import { randomFiles, sessionOf } from "../project.ts";
import { changePolicy, type People, twoDomains } from "../two-domains.ts";
import { unguarded } from "../unguarded.ts";

let people: People;
let pushed = 0;

beforeAll(async () => {
  people = await twoDomains();
});

const ana = (around?: (store: Store) => Store) => sessionOf(people.ana, around);
const bo = () => sessionOf(people.bo);

/** A new version with content of its own, of an artifact of its own unless a name is given. */
async function version(name = `thing-${String(++pushed)}`): Promise<string> {
  randomFiles(people.ana.cwd);
  const { reference } = await push(await ana(), { source: { path: "data" }, name: `churn/${name}`, class: "internal" });
  return reference;
}

const why = "for a reason that is long enough";
const retire = async (reference: string) => retireVersion(await ana(), { reference, justification: why });
const pullAs = async (session: Session, reference: string) =>
  pull(session, { reference, purpose: "modelling", output: { folder: `out-${String(Math.random())}` } });

describe("a retired version", () => {
  test("is no latest, is listed only on demand, and comes back when it is restored", async () => {
    const first = await version("life");
    const second = await version("life");
    await retire(second);
    expect((await show(await bo(), "churn/life")).reference).toBe(first);
    expect((await list(await bo(), { name: "churn/life" })).versions.map((v) => v.reference)).toEqual([first]);
    const { versions } = await list(await bo(), { name: "churn/life", all: true });
    expect(versions.map((v) => v.retired?.by)).toEqual([undefined, "ana"]);
    await expect(retire(second)).rejects.toMatchObject({ code: "USAGE" });
    await restoreVersion(await ana(), { reference: second, justification: why });
    expect((await show(await bo(), "churn/life")).reference).toBe(second);
    await expect(restoreVersion(await ana(), { reference: second })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("all of them retired, there is no latest, and the reason is said", async () => {
    const only = await version();
    await retire(only);
    const name = only.split(":")[0] ?? "";
    await expect(show(await bo(), name)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("who may not retire is refused; a patched program's entry counts for nobody and is reported", async () => {
    const reference = await version();
    await expect(retireVersion(await bo(), { reference })).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await retireVersion(await unguarded(people.bo), { reference });
    const detail = await show(await ana(), reference);
    expect(detail.retired).toBeUndefined();
    expect(detail.ignored).toEqual([expect.objectContaining({ what: expect.stringContaining("a retirement by bo") })]);
    const { checks, ok } = await verifyReference(await ana(), reference);
    expect(ok).toBe(true);
    expect(checks).toContainEqual(expect.objectContaining({ name: "ignored", state: "unknown" }));
  });

  test("a dry run changes nothing", async () => {
    const reference = await version();
    await retireVersion(await ana(), { reference, dryRun: true });
    expect((await show(await ana(), reference)).retired).toBeUndefined();
  });
});

describe("destroying the keys of a version", () => {
  test("only of what is retired, and not under legal hold", async () => {
    const reference = await version();
    const shred = async () => shredVersion(await ana(), { reference, justification: why });
    await expect(shred()).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("in use") });
    await retire(reference);
    await holdVersion(await ana(), { reference, justification: why });
    await expect(shred()).rejects.toMatchObject({ code: "POLICY_DENIED", why: expect.stringContaining("legal hold") });
    await holdVersion(await ana(), { reference, justification: why, release: true });
    expect(await shred()).toMatchObject({ deleted: 2, resumed: false });
    await expect(shred()).rejects.toMatchObject({ code: "USAGE" });
  });

  test("a program without the checks deletes nothing that is held: the log says so before the first deletion", async () => {
    const reference = await version();
    await retire(reference);
    const racing = await ana();
    await holdVersion(await ana(), { reference, justification: why });
    // The hold comes to stand in the log between the look at it and the intent.
    const blind: Session = { ...racing, sync: async () => {} };
    await expect(shredVersion(blind, { reference, justification: why })).rejects.toMatchObject({
      name: "CloisterError",
    });
    expect((await show(await bo(), reference)).held?.by).toBe("ana");
    await verifyReference(await bo(), reference);
  });

  test("readers say by whom, and that it is no damage; it is never the latest, and never restored", async () => {
    const first = await version("gone");
    const second = await version("gone");
    await retire(second);
    await shredVersion(await ana(), { reference: second, justification: why });
    for (const act of [pullAs, show, verifyReference]) {
      await expect(act(await bo(), second)).rejects.toMatchObject({
        code: "NOT_FOUND",
        why: expect.stringMatching(/^its keys were destroyed by ana \(#\d+\)/),
      });
    }
    await expect(restoreVersion(await ana(), { reference: second })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await show(await bo(), "churn/gone")).reference).toBe(first);
    const { versions, shredded, ignored } = await list(await bo(), { name: "churn/gone", all: true });
    expect([versions.map((v) => v.reference), shredded.map(({ by }) => by), ignored]).toEqual([[first], ["ana"], []]);
    expect((await list(await bo(), { name: "churn/gone" })).shredded).toEqual([]);
    // A number is never given twice.
    expect(await version("gone")).toBe("churn/gone:v3");
  });

  test("wraps that are put back open nothing: the log decides", async () => {
    const reference = await version();
    const judged = await find(await synced(await ana()), reference);
    const versionId = judged.kind === "accepted" ? judged.version.versionId : "";
    const wraps = await objects(await ana(), `wraps/churn/internal/${versionId}/`);
    await retire(reference);
    const session = await ana();
    await shredVersion(session, { reference, justification: why });
    for (const [name, bytes] of wraps) await session.store.create(name, [bytes]);
    await expect(pullAs(await bo(), reference)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("interrupted, it counts as begun for everybody, and the same command goes on", async () => {
    const reference = await version();
    await retire(reference);
    const failing = (store: Store): Store => {
      let left = 1;
      const broken = async (name: string) => {
        if (left-- > 0) return store.delete(name);
        throw Object.assign(new Error("no"), { code: "EIO" });
      };
      return altered(store, { delete: broken });
    };
    await expect(shredVersion(await ana(failing), { reference, justification: why })).rejects.toThrow();
    await expect(pullAs(await bo(), reference)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const done = await shredVersion(await ana(), { reference, justification: why });
    expect(done).toMatchObject({ deleted: 1, resumed: true });
  });

  test("an entry of somebody who was not entitled to it destroys nothing for readers", async () => {
    const reference = await version();
    await retire(reference);
    const session = await synced(await unguarded(people.bo));
    const judged = await find(await synced(await ana()), reference);
    const versionId = judged.kind === "accepted" ? judged.version.versionId : "";
    // Just the entry: what bo may delete in the store is another question.
    const { begin } = await import("../../../src/operations/guard.ts");
    await begin(session, {
      ...{ title: "", action: "artifact.retire", domain: "churn", class: "internal", versionId, sealed: {} },
      facts: { retire: "shred" },
    });
    const fate = await fateOf(await synced(await ana()), versionId);
    expect(fate.shredded).toBeUndefined();
    expect(fate.ignored).toEqual([expect.objectContaining({ what: expect.stringContaining("by bo") })]);
  });

  test("a holder of every class key, with the whole store, reads nothing of it any more", async () => {
    const reference = await version();
    const marker = readFileSync(join(people.ana.cwd, "data/a.csv"), "utf8").slice(0, 32);
    const session = await synced(await ana());
    const judged = await find(session, reference);
    const versionId = judged.kind === "accepted" ? judged.version.versionId : "";
    expect(await opened(session, versionId)).toBe(2);
    await retire(reference);
    await shredVersion(await ana(), { reference, justification: why });
    const after = await synced(await ana());
    expect(await opened(after, versionId)).toBe(0);
    // Nothing in the store holds its content, or a key of it, in the clear or in any age file that the class key opens.
    for (const bytes of (await objects(after, "")).values()) expect(bytes.includes(marker)).toBe(false);
  });
});

/** The same store, but for some of what it does. */
function altered(store: Store, other: Partial<Store>): Store {
  return {
    url: store.url,
    get: (...args) => store.get(...args),
    range: (...args) => store.range(...args),
    list: (...args) => store.list(...args),
    create: (...args) => store.create(...args),
    delete: (...args) => store.delete(...args),
    now: () => store.now(),
    ...other,
  };
}

/** Keys of a version that the class keys, the audit key or the device open, looked for in every object of the store. */
async function opened(session: Session, versionId: string): Promise<number> {
  const nameId = session.ledger.versionById(versionId)?.nameId ?? "";
  const secrets = [(await session.identity()).ageSecret];
  for (const key of session.ledger.epochs.keys()) {
    const [domain = "", klass = "", epoch = ""] = key.split("/");
    const secret = await session.keys.secret({ domain, class: klass }, Number(epoch));
    if (secret !== undefined) secrets.push(secret);
  }
  let found = 0;
  for (const bytes of (await objects(session, "")).values()) {
    if (!bytes.subarray(0, 21).equals(Buffer.from("age-encryption.org/v1"))) continue;
    for (const secret of secrets) {
      const plain = await decryptWith(secret, bytes, "object").catch(() => undefined);
      const text = plain ? Buffer.from(plain).toString("utf8") : "";
      if (text.includes(`"nameId":"${nameId}"`) && text.includes('"key":')) found++;
    }
  }
  return found;
}

async function objects(session: Session, prefix: string): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { name } of session.store.list(prefix)) {
    found.set(name, Buffer.from((await session.store.get(name, 100_000_000)) ?? []));
  }
  return found;
}

async function synced(session: Session): Promise<Session> {
  await session.sync();
  return session;
}

describe("retention", () => {
  test("what is past its time is retired and shredded, and nothing else; what is held stays", async () => {
    const old = await version("old");
    const held = await version("held");
    await holdVersion(await ana(), { reference: held, justification: why });
    await changePolicy(people.ana, (text) => `${text}\nretention:\n  internal: 30d\n  then: shred-keys\n`);
    expect((await pruneVersions(await ana(), { dryRun: true })).due).toEqual([]);
    const later = (store: Store) => altered(store, { now: async () => (await store.now()) + 31 * DAY_MS });
    const host = { ...people.ana, now: () => Date.now() + 31 * DAY_MS };
    const plan = await pruneVersions(await sessionOf(host, later), { dryRun: true });
    const names = plan.due.map(({ reference }) => reference);
    expect(names).toContain(old);
    const only = plan.due.filter(({ reference }) => [old, held].includes(reference ?? "")).map((due) => due.versionId);
    const done = await pruneVersions(await sessionOf(host, later), { only });
    expect([done.retired.length, done.shredded.length]).toEqual([2, 1]);
    expect(done.left).toEqual([
      expect.objectContaining({ reference: held, why: expect.stringContaining("legal hold") }),
    ]);
    const reader = await sessionOf({ ...people.bo, now: host.now }, later);
    await expect(pullAs(reader, old)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(readdirSync(join(people.folder, "store/wraps/churn/internal")).length).toBeGreaterThan(0);
  });
});

const DAY_MS = 86_400_000;
